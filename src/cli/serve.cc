// hearth serve - the HTTP service, until SIGINT or SIGTERM.
//
// The first signal lets running answers end, the second ends them at once. A signal that comes
// before the service is up ends the program: there is nothing to finish.
//
// A model that was named by a path, or given a --context, stays loaded whatever --model-ttl says:
// loading it again on demand would not find the one and would forget the other.
#include <signal.h>

#include <chrono>
#include <thread>

#include "base/log.h"
#include "base/str.h"
#include "catalog/catalog.h"
#include "catalog/settings.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/service_process.h"
#include "cli/signals.h"
#include "engine/engine.h"
#include "server/server.h"

namespace hearth::cli {

namespace {

struct ServeFlags {
  std::string host;
  std::optional<std::int64_t> port, context, threads, model_ttl;
  std::vector<std::string> models;
  std::optional<bool> speculation;
  std::string api_key;
  bool allow_unauthenticated = false;
};

using Models = std::vector<std::shared_ptr<const engine::LoadedModel>>;

// Those that must stay loaded; the engine keeps the others.
Result<Models> load_models(engine::Engine& engine, const ServeFlags& flags) {
  Models kept;
  for (const std::string& name : flags.models) {
    HEARTH_TRY(const catalog::CachedModel cached, catalog::resolve(name));
    HEARTH_TRY(auto model, engine.load(cached.alias, cached.path,
                                       {.context = flags.context.value_or(0), .kv_tokens = 0}));
    log_info(cat("loaded ", one_line(cached.alias), ", context ", model->context(), " tokens"));
    const bool by_path = cached.sha256.empty();
    if (by_path || flags.context) kept.push_back(std::move(model));
  }
  return kept;
}

// Hands the signals that come while it lives to the server.
class SignalThread {
 public:
  SignalThread(SignalQueue& signals, server::Server& server)
      : signals_(signals), server_(server), thread_([this] { watch(); }) {}
  ~SignalThread() {
    ended_.raise();
    thread_.join();
  }
  SignalThread(const SignalThread&) = delete;
  SignalThread& operator=(const SignalThread&) = delete;

 private:
  void watch() {
    bool stopping = false;
    while (true) {
      const Readable ready = wait_readable(signals_.fd(), ended_.fd());
      if (ready.second) return;
      while (signals_.take()) {
        log_info(stopping ? "ending the running answers"
                          : "stopping: running answers may end; one more signal ends them now");
        stopping = true;
        server_.stop();
      }
    }
  }

  SignalQueue& signals_;
  server::Server& server_;
  Wakeup ended_;
  std::thread thread_;
};

Result<std::int64_t> integer_setting(std::string_view key) {
  HEARTH_TRY(const auto value, catalog::get_setting(key));
  return *std::get_if<std::int64_t>(&value);
}

// Flags win over settings.
Result<void> apply_settings(ServeFlags& flags) {
  if (flags.host.empty()) {
    HEARTH_TRY(const auto host, catalog::get_setting("service.host"));
    flags.host = catalog::to_text(host);
  }
  for (auto& [key, flag] : {std::pair("service.port", &flags.port),
                            {"service.model_ttl", &flags.model_ttl},
                            {"compute.threads", &flags.threads}}) {
    if (*flag) continue;
    HEARTH_TRY(*flag, integer_setting(key));
  }
  if (!flags.speculation) {
    HEARTH_TRY(const auto speculation, catalog::get_setting("compute.speculation"));
    flags.speculation = *std::get_if<bool>(&speculation);
  }
  return {};
}

Result<void> set_log_level_of_settings() {
  HEARTH_TRY(const auto level, catalog::get_setting("service.log_level"));
  const std::string name = catalog::to_text(level);
  set_log_level(name == "error"   ? LogLevel::error
                : name == "warn"  ? LogLevel::warn
                : name == "debug" ? LogLevel::debug
                                  : LogLevel::info);
  return {};
}

Result<server::ServerOptions> server_options(const ServeFlags& flags) {
  server::ServerOptions options;
  options.host = flags.host;
  options.port = static_cast<int>(flags.port.value_or(options.port));
  HEARTH_TRY(const auto origins, catalog::get_setting("service.allowed_origins"));
  std::string rest = catalog::to_text(origins);
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(','), rest.size());
    if (end > 0) options.allowed_origins.push_back(rest.substr(0, end));
    rest.erase(0, end + 1);
  }
  options.api_key = flags.api_key;
  options.allow_unauthenticated = flags.allow_unauthenticated;
  if (!flags.models.empty()) {
    HEARTH_TRY(const catalog::CachedModel first, catalog::resolve(flags.models.front()));
    options.default_model = first.alias;
  }
  return options;
}

Result<int> serve(ServeFlags flags) {
  HEARTH_TRY_VOID(apply_settings(flags));
  if (flags.context && flags.models.empty()) {
    return Error{ErrorKind::invalid,
                 "--context is for the models that --model names, and there is none"};
  }
  HEARTH_TRY_VOID(set_log_level_of_settings());
  SignalQueue signals({SIGINT, SIGTERM});
  const auto engine = engine::Engine::create(
      {.n_threads = static_cast<int>(flags.threads.value_or(0)),
       .speculation = flags.speculation.value_or(true) ? engine::Speculation::paying
                                                       : engine::Speculation::off});
  engine->set_time_to_live(std::chrono::seconds(flags.model_ttl.value_or(0)));

  HEARTH_TRY(server::ServerOptions options, server_options(flags));
  HEARTH_TRY(const auto server, server::Server::create(*engine, std::move(options)));
  HEARTH_TRY(const ServiceRecord record, ServiceRecord::write(server->url()));
  const Result<Models> kept = [&] {
    const DefaultSignal interrupt(SIGINT);
    const DefaultSignal terminate(SIGTERM);
    return load_models(*engine, flags);
  }();
  if (!kept) return kept.error();
  const SignalThread watcher(signals, *server);
  print(cat("listening on ", server->url(), "\n"));
  HEARTH_TRY_VOID(finish_output());
  server->run();
  return kSuccess;
}

}  // namespace

void add_serve(CLI::App& parent, Action& action) {
  auto flags = std::make_shared<ServeFlags>();
  ServeFlags& f = *flags;
  CLI::App& command = *parent.add_subcommand("serve", "answer over HTTP, as OpenAI's service does");
  command.add_option("--host", f.host, "address to listen on (default 127.0.0.1)")
      ->type_name("HOST");
  add_integer(command, "--port", f.port, 0, 65535, "default 5273; 0: any free one");
  add_repeated(command, "--model", f.models,
               "load this model at the start; may be repeated; the first answers requests that "
               "name none. Others of the cache load when asked for");
  command
      .add_option("--api-key", f.api_key,
                  "every request must carry it (better: the environment variable HEARTH_API_KEY, "
                  "which other users of the machine cannot see)")
      ->envname("HEARTH_API_KEY")
      ->type_name("KEY");
  command.add_flag("--allow-unauthenticated", f.allow_unauthenticated,
                   "listen beyond this machine without an API key");
  add_integer(command, "--context", f.context, 1, std::int64_t{1} << 30,
              "longest prompt and answer of the models that --model names");
  add_integer(command, "--threads", f.threads, 1, 1024, "default: the physical cores");
  add_switch(command, "--speculation", f.speculation,
             "guess tokens of answers that repeat what stands before them and check several in one "
             "step, when it pays; the answers are the same (default on)");
  add_integer(command, "--model-ttl", f.model_ttl, 0, std::int64_t{1} << 30,
              "unload models unused for so many seconds (default 0: never)");
  command.callback([&action, flags] { action = [flags] { return serve(*flags); }; });
}

}  // namespace hearth::cli
