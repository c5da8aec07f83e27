// hearth model run MODEL - one answer (--prompt, or a pipe on standard input), or a conversation.
// hearth complete MODEL PROMPT - one answer.
//
// The most likely token is taken each time (temperature 0) unless a flag asks for chance: then the
// same command gives the same answer.
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <limits>

#include "base/log.h"
#include "base/str.h"
#include "cli/answer.h"
#include "cli/chat.h"
#include "cli/command.h"
#include "cli/device.h"
#include "cli/fetch_model.h"
#include "cli/form.h"
#include "cli/input.h"
#include "cli/model_card.h"
#include "cli/output.h"
#include "cli/prompt.h"
#include "cli/service_client.h"
#include "cli/session.h"

namespace hearth::cli {

namespace {

constexpr std::int64_t kMostTokens = std::numeric_limits<std::int32_t>::max();

struct RunFlags {
  std::string model;
  std::optional<std::string> prompt;
  bool append_stdin = false;
  std::string system;
  bool no_template = false;
  bool verbose = false;
  std::optional<std::int64_t> max_tokens, top_k, seed, context, threads;
  std::optional<bool> speculation;
  std::optional<double> temperature, top_p, min_p, typical_p;
  std::optional<double> repetition_penalty, presence_penalty, frequency_penalty;
  std::vector<std::string> stop;
  std::string reasoning_effort;
  FormFlags form;
  std::string device;
  std::optional<std::int64_t> ttl;
  bool retain = false;
  bool json = false;
};

// Flags that only mean something when tokens are drawn.
bool asks_for_chance(const RunFlags& f) {
  return f.top_k || f.top_p || f.min_p || f.typical_p || f.seed;
}

Result<engine::Request> request_of(const RunFlags& f) {
  engine::Request request;
  engine::SamplingParams& s = request.sampling;
  s.temperature = f.temperature.value_or(asks_for_chance(f) ? 1.0 : 0.0);
  s.top_k = static_cast<std::int32_t>(f.top_k.value_or(s.top_k));
  s.top_p = f.top_p.value_or(s.top_p);
  s.min_p = f.min_p.value_or(s.min_p);
  s.typical_p = f.typical_p.value_or(s.typical_p);
  s.repetition_penalty = f.repetition_penalty.value_or(s.repetition_penalty);
  s.presence_penalty = f.presence_penalty.value_or(s.presence_penalty);
  s.frequency_penalty = f.frequency_penalty.value_or(s.frequency_penalty);
  if (f.seed) s.seed = static_cast<std::uint64_t>(*f.seed);
  request.max_tokens = static_cast<std::int32_t>(f.max_tokens.value_or(-1));
  request.stop = f.stop;
  const std::string& effort = f.reasoning_effort;
  if (!effort.empty() && effort != "low" && effort != "medium" && effort != "high") {
    return Error{ErrorKind::invalid,
                 cat("--reasoning-effort: ", quote(effort), "; expected low, medium or high")};
  }

  // Wrong flags are told before the model is loaded; the prompt stands in for the real one.
  request.prompt = {0};
  HEARTH_TRY_VOID(engine::validate(request, std::numeric_limits<std::int32_t>::max()));
  request.prompt.clear();
  return request;
}

// nullopt: a conversation.
Result<std::optional<std::string>> prompt_of(const RunFlags& flags) {
  if (flags.prompt && !flags.append_stdin) return flags.prompt;
  if (!flags.prompt && ::isatty(STDIN_FILENO) == 1) return std::optional<std::string>();
  HEARTH_TRY(std::string piped, read_input("-"));
  std::string text = flags.prompt ? cat(*flags.prompt, "\n\n", piped) : std::move(piped);
  if (!flags.prompt && text.find_first_not_of(" \t\r\n") == std::string::npos) {
    return Error{ErrorKind::invalid,
                 "no prompt: standard input is empty; give --prompt TEXT, a pipe or a terminal"};
  }
  return std::optional<std::string>(std::move(text));
}

Result<std::unique_ptr<engine::Engine>> make_engine(const RunFlags& flags) {
  HEARTH_TRY(const auto options, engine_options(flags.threads, flags.speculation));
  return engine::Engine::create(options);
}

Result<Session> open(std::unique_ptr<engine::Engine> engine, const RunFlags& flags) {
  const auto start = std::chrono::steady_clock::now();
  HEARTH_TRY(Session session, open_session(std::move(engine), flags.model,
                                           {.context = flags.context.value_or(0), .kv_tokens = 0}));
  HEARTH_TRY_VOID(engine::check_generates(*session.model));
  if (flags.verbose) {
    const engine::MemoryPlan& memory = session.model->memory();
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now() - start);
    note(cat("loaded ", one_line(session.model->id()), " in ", ms.count(), " ms: weights ",
             human_bytes(memory.weight_bytes), ", keys and values ", human_bytes(memory.kv_bytes),
             ", scratch ", human_bytes(memory.scratch_bytes), "; context ",
             session.model->context(), " tokens, ", session.engine->n_threads(), " threads\n"));
  }
  return session;
}

// What the flags tell the chat template.
nlohmann::ordered_json variables_of(const RunFlags& flags) {
  auto variables = nlohmann::ordered_json::object();
  if (!flags.reasoning_effort.empty()) variables["reasoning_effort"] = flags.reasoning_effort;
  return variables;
}

std::string_view name_of(engine::FinishReason reason) {
  return reason == engine::FinishReason::length ? "length" : "stop";
}

std::string answer_json(engine::Generation& generation, const std::string& model) {
  const ShownAnswer answer = collect_answer(generation);
  const engine::Usage& usage = generation.usage();
  return json_text({{"model", model},
                    {"text", answer.text},
                    {"reasoning", answer.reasoning},
                    {"finish_reason", name_of(generation.finish_reason())},
                    {"usage",
                     {{"prompt_tokens", usage.prompt_tokens},
                      {"completion_tokens", usage.completion_tokens},
                      {"total_tokens", usage.prompt_tokens + usage.completion_tokens}}},
                    {"seed", generation.seed()}});
}

Result<int> answer_once(const RunFlags& flags, engine::Request request, const std::string& prompt,
                        const std::optional<text::ContentShape>& shape) {
  HEARTH_TRY(auto engine, make_engine(flags));
  HEARTH_TRY(const Session session, open(std::move(engine), flags));
  auto messages = nlohmann::ordered_json::array();
  if (!flags.system.empty()) messages.push_back(message("system", flags.system));
  messages.push_back(message("user", prompt));
  HEARTH_TRY_VOID(flags.no_template
                      ? set_raw_prompt(*session.model, prompt, request)
                      : set_chat_prompt(*session.model, messages, variables_of(flags), request));
  if (shape) HEARTH_TRY_VOID(demand(*shape, *session.model, request));
  HEARTH_TRY(const auto generation, session.engine->submit(session.model, std::move(request)));

  if (flags.json) {
    const std::string answer = answer_json(*generation, session.model->id());
    if (generation->finish_reason() != engine::FinishReason::error) print(answer);
  } else {
    print_answer(*generation, nullptr);
    print("\n");
  }
  HEARTH_TRY_VOID(finish_output());
  note(cat(speed_text(generation->usage()), "\n"));
  if (flags.verbose) note(cat("seed ", generation->seed(), "\n"));
  if (generation->finish_reason() == engine::FinishReason::error) {
    return generation->error().value_or(Error{ErrorKind::io, "the answer broke off"});
  }
  if (generation->finish_reason() == engine::FinishReason::length) {
    note(flags.max_tokens
             ? cat("stopped after ", *flags.max_tokens, " tokens, as --max-tokens asks\n")
             : cat("cut off: the context of ", session.model->context(), " tokens is full\n"));
  }
  return kSuccess;
}

Result<int> converse(const RunFlags& flags, engine::Request request,
                     std::optional<text::ContentShape> shape) {
  // The engine's threads begin after Ctrl+C was taken out of their way: a signal ends the program
  // when any thread lets it through. While the model loads, this one does.
  SignalQueue signals({SIGINT});
  HEARTH_TRY(auto engine, make_engine(flags));
  Result<Session> session = [&] {
    const DefaultSignal while_loading(SIGINT);
    return open(std::move(engine), flags);
  }();
  if (!session) return session.error();
  return Chat(*session, std::move(request), flags.system, variables_of(flags), std::move(shape),
              signals)
      .run();
}

// Foundry Local's way: the model is loaded in the service and stays there.
Result<void> keep_in_service(const RunFlags& flags) {
  HEARTH_TRY(const catalog::CachedModel model, resolve_or_fetch(flags.model));
  HEARTH_TRY(const ServiceStart begun, start_service({}));
  const std::string ttl = flags.ttl ? cat("?ttl=", *flags.ttl) : std::string();
  HEARTH_TRY_VOID(ask_service(begun.service, cat("/openai/load/", percent_encode(model.alias), ttl),
                              std::chrono::minutes(30)));
  note(cat("🟢 Model ", one_line(model.alias), " loaded successfully\n"));
  return {};
}

Result<int> run_model(const RunFlags& flags) {
  HEARTH_TRY_VOID(check_device(flags.device));
  if (flags.retain || flags.ttl) {
    HEARTH_TRY_VOID(keep_in_service(flags));
    if (!flags.prompt && ::isatty(STDIN_FILENO) != 1) return kSuccess;
  }
  if (flags.no_template && !flags.system.empty()) {
    return Error{
        ErrorKind::invalid,
        "--system needs the chat template that --no-template leaves out; write it into --prompt"};
  }
  if (flags.no_template && !flags.reasoning_effort.empty()) {
    return Error{ErrorKind::invalid,
                 "--reasoning-effort needs the chat template that --no-template leaves out"};
  }
  if (flags.append_stdin && !flags.prompt) {
    return Error{ErrorKind::invalid,
                 "--stdin adds to --prompt TEXT, which is missing; without "
                 "--prompt a pipe is read by itself"};
  }
  HEARTH_TRY(engine::Request request, request_of(flags));
  HEARTH_TRY(auto shape, content_shape(flags.form));
  HEARTH_TRY_VOID(check_utf8("--system", flags.system));
  HEARTH_TRY(const auto prompt, prompt_of(flags));
  if (prompt) {
    HEARTH_TRY_VOID(check_utf8("the prompt", *prompt));
    return answer_once(flags, std::move(request), *prompt, shape);
  }
  if (flags.json) {
    return Error{ErrorKind::invalid,
                 "--output json is for one answer: give --prompt TEXT or a pipe"};
  }
  if (flags.no_template) {
    return Error{ErrorKind::invalid,
                 "--no-template completes one text: give --prompt TEXT or a pipe"};
  }
  return converse(flags, std::move(request), std::move(shape));
}

void add_sampling_flags(CLI::App& command, RunFlags& f) {
  add_number(
      command, "--temperature", f.temperature,
      "0: always the likeliest token (default); up to 2. 1 when a flag below asks for chance");
  add_integer(command, "--top-k", f.top_k, 0, kMostTokens, "draw from the K likeliest; 0: all");
  add_number(command, "--top-p", f.top_p, "draw from the likeliest with this total probability");
  add_number(command, "--min-p", f.min_p, "drop tokens below this share of the likeliest");
  add_number(command, "--typical-p", f.typical_p, "draw from the most typical");
  add_integer(command, "--seed", f.seed, 0, std::numeric_limits<std::int64_t>::max(),
              "the same seed gives the same answer");
  add_number(command, "--repetition-penalty", f.repetition_penalty, "above 1 discourages repeats");
  add_number(command, "--presence-penalty", f.presence_penalty, "-2 to 2");
  add_number(command, "--frequency-penalty", f.frequency_penalty, "-2 to 2");
  add_repeated(command, "--stop", f.stop, "end the answer before this text; may be repeated");
}

void add_run_flags(CLI::App& command, const std::shared_ptr<RunFlags>& flags, Action& action) {
  RunFlags& f = *flags;
  command.add_flag("--stdin", f.append_stdin,
                   "put standard input after --prompt, a blank line between");
  command.add_option("--system", f.system, "the system message")->type_name("TEXT");
  command
      .add_option("--reasoning-effort", f.reasoning_effort,
                  "low, medium or high: how long gpt-oss thinks before it answers")
      ->type_name("EFFORT");
  add_integer(command, "--max-tokens", f.max_tokens, 1, kMostTokens,
              "longest answer (default: what the context holds)");
  add_form(command, f.form);
  add_sampling_flags(command, f);
  add_integer(command, "--context", f.context, 1, kMostTokens,
              "longest prompt and answer together (default: the model's own)");
  add_integer(command, "--threads", f.threads, 1, 1024, "default: the physical cores");
  add_device(command, f.device);
  add_switch(command, "--speculation", f.speculation,
             "guess tokens and check several in one step, when it pays; the answer is the same "
             "(default on)");
  command
      .add_option_function<std::string>(
          "--retain",
          [&f](const std::string& value) {
            if (value != "true" && value != "false" && !value.empty()) {
              throw CLI::ValidationError("--retain",
                                         cat("expected true or false, not ", quote(value)));
            }
            f.retain = value != "false";
          },
          "have the background service load the model and keep it; then a conversation, or with "
          "neither\n--prompt nor a terminal nothing more")
      ->expected(0, 1)
      ->type_name("[true]");
  add_integer(command, "--ttl", f.ttl, 0, std::int64_t{1} << 30,
              "as --retain, unloaded when unused for so many seconds");
  command.add_flag("--no-template", f.no_template,
                   "complete the prompt as it stands; control tokens in it are recognised");
  command.add_flag("--verbose", f.verbose, "memory, threads and seed on standard error");
  add_output_format(command, f.json);
  command.callback([&action, flags] { action = [flags] { return run_model(*flags); }; });
}

}  // namespace

void add_model_run(CLI::App& parent, Action& action) {
  auto flags = std::make_shared<RunFlags>();
  CLI::App& command = *parent.add_subcommand("run", "ask a model, or talk with it")->alias("chat");
  command.footer(
      "Without --prompt: a pipe on standard input is the prompt; a terminal begins a "
      "conversation.\nThe answer goes to standard output, everything else to standard error: also "
      "what the model\nthinks before it answers.");
  add_model(command, flags->model);
  command.add_option("--prompt", flags->prompt, "what to answer; standard input is then not read")
      ->type_name("TEXT");
  add_run_flags(command, flags, action);
}

void add_complete(CLI::App& parent, Action& action) {
  auto flags = std::make_shared<RunFlags>();
  CLI::App& command = *parent.add_subcommand("complete", "one answer, as hearth run with --prompt");
  add_model(command, flags->model);
  command.add_option("PROMPT", flags->prompt, "what to answer")->required()->type_name("");
  add_run_flags(command, flags, action);
}

}  // namespace hearth::cli
