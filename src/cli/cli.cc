// cli.cc - all commands declared, one of them run, its error told in one line.
#include "cli/cli.h"

#include <signal.h>

#include <new>

#include "base/log.h"
#include "base/str.h"
#include "cli/command.h"
#include "cli/known_words.h"
#include "cli/output.h"
#include "cli/usage.h"

namespace hearth::cli {

namespace {

int exit_code(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::invalid:
      return kUsage;
    case ErrorKind::cancelled:
      return kInterrupted;
    default:
      return kFailure;
  }
}

void report(std::string_view message) { note(cat("hearth: ", one_line(message), "\n")); }

void add_commands(CLI::App& app, Action& action) {
  app.set_help_flag("-h,-?,--help", "print this help and exit");
  app.set_version_flag("--version", "hearth " HEARTH_VERSION, "print the version and exit");
  app.footer(
      "Exit status: 0 done, 1 failed, 2 used wrongly, 130 interrupted.\n"
      "Models are kept in $HEARTH_HOME/models, else ~/.cache/hearth/models.");

  CLI::App& model = *app.add_subcommand("model", "use and manage models");
  add_model_run(model, action);
  add_model_list(model, action);
  add_model_info(model, action);
  add_model_import(model, action);
  add_model_download(model, action);
  add_model_verify(model, action);
  add_model_inspect(model, action);
  add_model_convert(model, action);
  add_model_synth(model, action);
  add_model_remove(model, action);
  add_model_load(model, action);
  add_model_unload(model, action);
  add_model_run(app, action);
  add_complete(app, action);
  add_cache(app, action);
  add_service(app, action);
  add_serve(app, action);
  add_status(app, action);
  add_config(app, action);
  add_zip_logs(app, action);
  add_alias(app, action);
  add_completion(app, action);
  CLI::App& bench = *app.add_subcommand("bench", "measure this machine, the kernels, a model");
  add_bench_machine(bench, action);
  add_bench_kernels(bench, action);
  add_bench_model(bench, action);
  CLI::App& debug = *app.add_subcommand("debug", "look inside: tokens, prompts, logits");
  add_debug_tokenize(debug, action);
  add_debug_detokenize(debug, action);
  add_debug_render(debug, action);
  add_debug_grammar(debug, action);
  add_debug_embed(debug, action);
  add_debug_logits(debug, action);
  add_debug_routes(debug, action);
  add_debug_perplexity(debug, action);
  CLI::App& harmony = *debug.add_subcommand("harmony", "the message format of gpt-oss");
  add_debug_harmony_render(harmony, action);
  add_debug_harmony_parse(harmony, action);
}

// The exit code when parsing already ended the run (--help, --version, a usage error).
std::optional<int> parse(CLI::App& app, std::vector<std::string> words) {
  try {
    app.parse(arguments_in_parse_order(std::move(words)));
  } catch (const CLI::Success& done) {  // --help, --version
    return app.exit(done);
  } catch (const CLI::ParseError& error) {
    report(usage_message(app, error));
    return kUsage;
  }
  if (const std::string missing = missing_command_message(app); !missing.empty()) {
    report(missing);
    return kUsage;
  }
  return std::nullopt;
}

int finish(int code) {
  if (const auto flushed = finish_output(); !flushed) {
    report(flushed.error().message);
    return code == kSuccess ? kFailure : code;
  }
  return code;
}

int run_action(const Action& action) {
  try {
    const Result<int> result = action();
    if (result) return *result;
    // What was printed so far comes before the complaint, also when both go to one terminal.
    const Error& error = result.error();
    const int code = finish(exit_code(error.kind));
    // What is asked for is not there: Foundry Local marks a model so.
    report(error.kind == ErrorKind::not_found ? cat("❌ ", error.message) : error.message);
    return code;
  } catch (const std::bad_alloc&) {
    report("out of memory");
    return kFailure;
  }
}

}  // namespace

int run(int argc, const char* const* argv) {
  // A reader that goes away ends our output with an error that finish_output() reports, not us.
  ::signal(SIGPIPE, SIG_IGN);
  // As a file that may not grow (ulimit -f) ends the write.
  ::signal(SIGXFSZ, SIG_IGN);
  CLI::App app("runs language models on this machine", "hearth");
  Action action;
  add_commands(app, action);
  auto words = known_words({argv + 1, argv + argc});
  if (!words) {
    report(words.error().message);
    return exit_code(words.error().kind);
  }
  if (const auto code = parse(app, *std::move(words))) return finish(*code);
  return finish(run_action(action));
}

}  // namespace hearth::cli
