// hearth bench model MODEL - tokens a second of the engine, and what share of the machine's
// bandwidth (decode) or int8 peak (prefill) they are.
//
// Prompts are random ids. A prefill gets a new one each time, so that nothing of it is in the
// prefix cache; the decodes of one depth get the same one, so that only the first of them computes
// it. Nothing the machine's probes do counts: they run before a figure, and their memory is given
// back.
#include <algorithm>
#include <chrono>
#include <iostream>
#include <random>
#include <sstream>

#include "base/seconds.h"
#include "base/str.h"
#include "cli/command.h"
#include "cli/machine.h"
#include "cli/model_card.h"
#include "cli/output.h"
#include "cli/proc_value.h"
#include "cli/session.h"
#include "engine/forward_work.h"

namespace hearth::cli {

namespace {

using Clock = std::chrono::steady_clock;
using Json = nlohmann::ordered_json;

constexpr std::int64_t kMostTokens = 1 << 20;

struct ModelFlags {
  std::string model;
  std::vector<std::int64_t> prompts{512, 2048}, depths{0, 4096};
  std::optional<std::int64_t> gen, reps, threads;
  bool turns = false, json = false;
};

constexpr std::int64_t kWarmUp = 16;  // tokens of the first run, which pays for pages and caches

// MiB of this process, by a key of /proc/self/status: "VmRSS" now, "VmHWM" at most so far.
double resident_mib(std::string_view key) {
  const std::string value = proc_value("/proc/self/status", key);  // "123456 kB"
  return static_cast<double>(parse_int(value.substr(0, value.find(' '))).value_or(0)) / 1024;
}

class Stopwatch {
 public:
  explicit Stopwatch(const Session& session) : session_(session) {}

  // Seconds from submitting n new prompt tokens to the first token of the answer.
  Result<double> prefill(std::int64_t n) {
    HEARTH_TRY(const Times times, run(random_ids(n), 1));
    return times.first;
  }

  // Seconds of n tokens after a prompt of `depth`; depth 0: after one token, with which any text
  // begins.
  Result<double> decode(std::int64_t depth, std::int64_t n) {
    if (depth != depth_ || prompt_.empty()) {
      depth_ = depth;
      prompt_ = random_ids(std::max<std::int64_t>(depth, 1));
    }
    HEARTH_TRY(const Times times, run(prompt_, n + 1));
    return times.rest;
  }

 private:
  struct Times {
    double first = 0, rest = 0;
  };

  std::vector<engine::TokenId> random_ids(std::int64_t n) {
    std::uniform_int_distribution<engine::TokenId> any(
        0, static_cast<engine::TokenId>(session_.model->n_vocab() - 1));
    std::vector<engine::TokenId> ids(static_cast<std::size_t>(n));
    for (engine::TokenId& id : ids) id = any(random_);
    return ids;
  }

  Result<Times> run(std::vector<engine::TokenId> prompt, std::int64_t n_answer) {
    engine::Request request{.prompt = std::move(prompt)};
    request.sampling.temperature = 0;
    request.max_tokens = static_cast<std::int32_t>(n_answer);
    request.ignore_eos = true;
    const auto start = Clock::now();
    HEARTH_TRY(const auto generation, session_.engine->submit(session_.model, std::move(request)));
    generation->next();
    const auto first = Clock::now();
    while (generation->next()) {
    }
    const auto last = Clock::now();
    if (generation->error()) return *generation->error();
    return Times{seconds(start, first), seconds(first, last)};
  }

  const Session& session_;
  std::mt19937 random_{1};
  std::int64_t depth_ = 0;
  std::vector<engine::TokenId> prompt_;
};

// One row of the result: a prefill or a decode, measured `reps` times.
struct Figure {
  bool decode = false;
  std::int64_t tokens = 0;  // of the prompt; before those that are decoded
  std::vector<double> tok_s = {};
  kernels::Peaks peaks = {};  // measured before it
  double roofline = 0;        // tokens a second that the machine could reach; 0: no peak to tell by
};

struct Loaded {
  Session session;
  double load_s = 0;
};

Result<Loaded> load(const ModelFlags& flags, std::int64_t context) {
  // Guesses would measure how well random tokens repeat themselves.
  HEARTH_TRY(const auto compute, engine_options(flags.threads, false));
  auto engine = engine::Engine::create(compute);
  const auto start = Clock::now();
  HEARTH_TRY(Session session, open_session(std::move(engine), flags.model,
                                           {.context = context, .kv_tokens = 0, .ids_only = true}));
  HEARTH_TRY_VOID(engine::check_generates(*session.model));
  return Loaded{std::move(session), seconds(start, Clock::now())};
}

Result<double> roofline(const engine::LoadedModel& model, const Figure& f, std::int64_t gen) {
  const auto tokens = static_cast<std::int32_t>(f.tokens);
  if (f.decode) {
    const auto halfway = static_cast<std::int32_t>(f.tokens + gen / 2);
    HEARTH_TRY(const auto work, engine::forward_work(model.checkpoint(), 1, halfway));
    const auto kv = static_cast<double>(model.memory().kv_bytes_per_token);
    return f.peaks.read_gb_s * 1e9 / (work.weight_bytes + kv * work.kv_positions);
  }
  HEARTH_TRY(const auto work, engine::forward_work(model.checkpoint(), tokens, 0));
  return f.peaks.int8_gop_s.value_or(0) * 1e9 * static_cast<double>(tokens) / work.operations;
}

Result<Figure> measure(Stopwatch& stopwatch, Machine& machine, const engine::LoadedModel& model,
                       Figure f, const ModelFlags& flags) {
  const std::int64_t gen = flags.gen.value_or(96);
  HEARTH_TRY(f.peaks, probe(machine));
  HEARTH_TRY(f.roofline, roofline(model, f, gen));
  const std::int64_t n = f.decode ? gen : f.tokens;
  for (std::int64_t rep = 0; rep < flags.reps.value_or(5); ++rep) {
    HEARTH_TRY(const double time,
               f.decode ? stopwatch.decode(f.tokens, gen) : stopwatch.prefill(f.tokens));
    f.tok_s.push_back(static_cast<double>(n) / time);
  }
  return f;
}

std::optional<double> share(const Figure& f) {
  return f.roofline > 0 ? percent(median(f.tok_s), f.roofline) : std::nullopt;
}

Json figure_json(const Figure& f) {
  Json json{{f.decode ? "depth" : "tokens", f.tokens},
            {"tok_s", f.tok_s},
            {"median", median(f.tok_s)},
            {"roofline_tok_s", f.roofline > 0 ? Json(f.roofline) : Json(nullptr)},
            {"percent", number_or_null(share(f))}};
  json.update(peaks_json(f.peaks));
  return json;
}

std::vector<std::string> figure_row(const Figure& f) {
  const auto [least, most] = std::minmax_element(f.tok_s.begin(), f.tok_s.end());
  return {f.decode ? cat("decode after ", f.tokens) : cat("prefill ", f.tokens),
          three_digits(median(f.tok_s)),
          cat(three_digits(*least), " … ", three_digits(*most)),
          three_digits_or_dash(share(f)),
          three_digits(f.peaks.read_gb_s),
          three_digits_or_dash(f.peaks.int8_gop_s)};
}

Result<int> bench_model(const ModelFlags& flags) {
  HEARTH_TRY(Machine machine, this_machine(flags.threads));
  std::vector<Figure> figures;
  for (const std::int64_t n : flags.prompts) figures.push_back({.decode = false, .tokens = n});
  for (const std::int64_t n : flags.depths) figures.push_back({.decode = true, .tokens = n});
  std::int64_t longest = kWarmUp;
  for (const Figure& f : figures) longest = std::max(longest, f.tokens);
  HEARTH_TRY(const Loaded loaded, load(flags, longest + flags.gen.value_or(96) + 1));
  double peak_mib = resident_mib("VmHWM");
  loaded.session.engine->wait_settled(*loaded.session.model);

  Stopwatch stopwatch(loaded.session);
  HEARTH_TRY_VOID(stopwatch.prefill(kWarmUp));
  Json prefill = Json::array(), decode = Json::array();
  std::vector<std::vector<std::string>> rows{
      {"", "tok/s", "least … most", "% of roofline", "reads GB/s", "int8 Gop/s"}};
  for (Figure& planned : figures) {
    HEARTH_TRY(const Figure f,
               measure(stopwatch, machine, *loaded.session.model, std::move(planned), flags));
    (f.decode ? decode : prefill).push_back(figure_json(f));
    rows.push_back(figure_row(f));
    peak_mib = std::max(peak_mib, resident_mib("VmRSS"));
  }
  if (flags.json) {
    Json json = machine_json(machine);
    json.update(Json{{"load_s", loaded.load_s},
                     {"peak_rss_mib", peak_mib},
                     {"prefill", prefill},
                     {"decode", decode}});
    print(json_text(json));
  } else {
    print(cat(machine_text(machine), "; ", loaded.session.model->id(), " loaded in ",
              three_digits(loaded.load_s), " s, at most ", three_digits(peak_mib), " MiB\n",
              table(rows)));
  }
  return kSuccess;
}

// Answers "prefill N" and "decode DEPTH N" with their seconds, a line each: the first as soon as it
// can, the others at the full speed of weights that have settled.
Result<int> take_turns(const ModelFlags& flags) {
  HEARTH_TRY(const Loaded loaded, load(flags, 0));
  Stopwatch stopwatch(loaded.session);
  bool first_line = true;
  for (std::string line; std::getline(std::cin, line); first_line = false) {
    if (!first_line) loaded.session.engine->wait_settled(*loaded.session.model);
    std::istringstream words(line);
    std::string what;
    std::int64_t first = -1, second = -1;
    words >> what >> first >> second;
    const bool prefill = what == "prefill" && first > 0 && second < 0;
    const bool decode = what == "decode" && first >= 0 && second > 0;
    if (!prefill && !decode) {
      return Error{ErrorKind::invalid,
                   cat("expected a line \"prefill N\" or \"decode DEPTH N\", not ", quote(line))};
    }
    HEARTH_TRY(const double time,
               prefill ? stopwatch.prefill(first) : stopwatch.decode(first, second));
    print(cat(time, "\n"));
    HEARTH_TRY_VOID(finish_output());
  }
  return kSuccess;
}

}  // namespace

void add_bench_model(CLI::App& parent, Action& action) {
  auto flags = std::make_shared<ModelFlags>();
  CLI::App& command =
      *parent.add_subcommand("model", "tokens a second, and their share of the machine's peaks");
  add_model(command, flags->model);
  ModelFlags& f = *flags;
  const std::vector<CLI::Option*> of_figures{
      add_integers(command, "--prompt", f.prompts, 1, kMostTokens,
                   "prompts to compute, tokens (default 512,2048)"),
      add_integer(command, "--gen", f.gen, 1, kMostTokens, "tokens to decode (default 96)"),
      add_integers(command, "--depth", f.depths, 0, kMostTokens,
                   "tokens before those that are decoded (default 0,4096)"),
      add_integer(command, "--reps", f.reps, 1, 1000, "measurements of each (default 5)"),
      add_output_format(command, f.json)};
  add_integer(command, "--threads", f.threads, 1, 1024, "default: the physical cores");
  CLI::Option* turns = command.add_flag(
      "--turns", f.turns,
      "answer lines \"prefill N\" and \"decode DEPTH N\" of standard input with their seconds");
  for (CLI::Option* option : of_figures) turns->excludes(option);
  command.callback([&action, flags] {
    action = [flags] { return flags->turns ? take_turns(*flags) : bench_model(*flags); };
  });
}

}  // namespace hearth::cli
