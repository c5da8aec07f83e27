// hearth serve - the HTTP service, until SIGINT or SIGTERM.
//
// It listens, and answers what needs no model, before the models of --model are loaded; requests
// for models wait until they are. The first signal lets running answers end, the second ends them
// at once. A signal that comes while those models load ends the program: there is nothing to
// finish.
//
// A model that was named by a path, or given a --context, stays loaded whatever --model-ttl says:
// loading it again on demand would not find the one and would forget the other.
#include <signal.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "base/log.h"
#include "base/str.h"
#include "catalog/api_keys.h"
#include "catalog/catalog.h"
#include "catalog/settings.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/serve_flags.h"
#include "cli/service_process.h"
#include "cli/session.h"
#include "cli/signals.h"
#include "engine/engine.h"
#include "server/server.h"

namespace hearth::cli {

namespace {

using Models = std::vector<std::shared_ptr<const engine::LoadedModel>>;

bool is_by_path(const catalog::CachedModel& model) { return model.files.empty(); }

// What the loads at the start and the signals tell each other.
struct Start {
  std::atomic<bool> loading = true, stopping = false;
};

// Those that must stay loaded; the engine keeps the others.
Result<Models> load_models(engine::Engine& engine, const ServeFlags& flags,
                           const std::vector<catalog::CachedModel>& models, const Start& start) {
  Models kept;
  for (const catalog::CachedModel& cached : models) {
    if (start.stopping) break;
    HEARTH_TRY(auto model, engine.load(cached.alias, cached.path,
                                       {.context = flags.context.value_or(0), .kv_tokens = 0}));
    log_info(cat("loaded ", one_line(cached.alias), ", context ", model->context(), " tokens"));
    if (is_by_path(cached) || flags.context) kept.push_back(std::move(model));
  }
  return kept;
}

// Hands the signals that come while it lives to the server.
class SignalThread {
 public:
  SignalThread(SignalQueue& signals, server::Server& server, Start& start)
      : signals_(signals), server_(server), start_(start), thread_([this] { watch(); }) {}
  ~SignalThread() {
    ended_.raise();
    thread_.join();
  }
  SignalThread(const SignalThread&) = delete;
  SignalThread& operator=(const SignalThread&) = delete;

 private:
  void watch() {
    while (true) {
      const Readable ready = wait_readable(signals_.fd(), ended_.fd());
      if (ready.second) return;
      while (const auto signal = signals_.take()) stop(*signal);
    }
  }

  void stop(int signal) {
    const bool again = start_.stopping.exchange(true);
    if (again && start_.loading) {  // a load cannot be interrupted
      const DefaultSignal ends_the_program(signal);
      ::raise(signal);
    }
    log_info(again ? "ending the running answers"
                   : "stopping: running answers may end; one more signal ends them now");
    server_.stop();
  }

  SignalQueue& signals_;
  server::Server& server_;
  Start& start_;
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
  for (auto& [key, flag] :
       {std::pair("service.port", &flags.port), {"service.model_ttl", &flags.model_ttl}}) {
    if (*flag) continue;
    HEARTH_TRY(*flag, integer_setting(key));
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

Result<server::ServerOptions> server_options(const ServeFlags& flags,
                                             const std::vector<catalog::CachedModel>& models) {
  server::ServerOptions options;
  options.host = flags.host;
  options.port = static_cast<int>(flags.port.value_or(options.port));
  HEARTH_TRY(options.allowed_hosts, allowed_hosts(flags));
  HEARTH_TRY(options.allowed_origins, catalog::get_list_setting("service.allowed_origins"));
  options.api_key = flags.api_key;
  HEARTH_TRY(options.stored_keys, catalog::list_api_keys());
  options.allow_unauthenticated = flags.allow_unauthenticated;
  if (!models.empty()) options.default_model = models.front().alias;
  // A request for a model that was named by a path waits for its load, as for any other's.
  options.list_cached = [models] {
    auto all = catalog::list_models();
    if (!all) return all;
    for (const catalog::CachedModel& model : models) {
      if (!is_by_path(model)) continue;
      std::erase_if(*all, [&](const auto& other) { return other.alias == model.alias; });
      all->push_back(model);
    }
    return all;
  };
  return options;
}

Result<int> serve(ServeFlags flags) {
  make_model_paths_absolute(flags);
  const ServeFlags given = flags;
  HEARTH_TRY_VOID(apply_settings(flags));
  HEARTH_TRY_VOID(set_log_level_of_settings());
  HEARTH_TRY(const auto models, resolve_models(flags, catalog::cache_folder()));
  HEARTH_TRY(const auto compute, engine_options(flags.threads, flags.speculation));
  SignalQueue signals({SIGINT, SIGTERM});
  const auto engine = engine::Engine::create(compute);
  engine->set_time_to_live(std::chrono::seconds(flags.model_ttl.value_or(0)));

  std::unique_ptr<server::Server> server;
  Result<Models> kept = Models();
  Start start;
  HEARTH_TRY(server::ServerOptions options, server_options(flags, models));
  options.at_start = [&] {
    kept = load_models(*engine, flags, models, start);
    start.loading = false;
    if (!kept) return server->stop();
    if (start.stopping) return;
    print(cat("listening on ", server->url(), "\n"));
    if (!finish_output()) server->stop();  // told again at the end
  };
  HEARTH_TRY(server, server::Server::create(*engine, std::move(options)));
  HEARTH_TRY(const ServiceRecord record, ServiceRecord::write(server->url(), given));
  const SignalThread watcher(signals, *server, start);
  server->run();
  if (!kept) return kept.error();
  return kSuccess;
}

}  // namespace

void add_serve(CLI::App& parent, Action& action) {
  auto flags = std::make_shared<ServeFlags>();
  CLI::App& command = *parent.add_subcommand("serve", "answer over HTTP, as OpenAI's service does");
  add_serve_flags(command, *flags);
  command.callback([&action, flags] { action = [flags] { return serve(*flags); }; });
}

}  // namespace hearth::cli
