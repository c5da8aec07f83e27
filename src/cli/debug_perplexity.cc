// hearth debug perplexity MODEL --file F - {"tokens":…,"nll":…,"perplexity":…}
//
// The text's n ids alone (no begin token) in one window; nll is the mean over ids[1 … n-1] of
// -log p(id | all before it), in nats; perplexity is its exponential.
#include <cmath>
#include <numeric>

#include "base/str.h"
#include "cli/command.h"
#include "cli/input.h"
#include "cli/output.h"
#include "cli/session.h"

namespace hearth::cli {

namespace {

struct PerplexityFlags {
  std::string model;
  std::string file;
  bool exact = false;
};

Result<int> perplexity(const PerplexityFlags& flags) {
  HEARTH_TRY(const std::string text, read_input(flags.file));
  HEARTH_TRY(const Session session,
             open_session(engine::Engine::create(), flags.model,
                          {.context = 0, .kv_tokens = 0, .exact = flags.exact}));
  HEARTH_TRY(const auto encoding, session.model->tokenizer().encode(text, false, {.exact = true}));
  const auto n_ids = static_cast<std::int64_t>(encoding.ids.size());
  if (n_ids < 2) {
    return Error{ErrorKind::invalid, cat("the text has ", n_ids, " tokens; at least 2 are needed")};
  }
  if (n_ids > session.model->context()) {
    return Error{ErrorKind::context_overflow,
                 cat("the text has ", n_ids, " tokens; one window of this model holds ",
                     session.model->context(), "; shorten the text")};
  }
  HEARTH_TRY(const auto nll, session.engine->score(session.model, encoding.ids));
  const double mean =
      std::accumulate(nll.begin(), nll.end(), 0.0) / static_cast<double>(nll.size());
  if (!std::isfinite(mean)) {
    return Error{ErrorKind::corrupt, cat("the mean log-likelihood is ", mean,
                                         "; the model's weights are damaged or overflow")};
  }
  const nlohmann::ordered_json result{
      {"tokens", n_ids}, {"nll", mean}, {"perplexity", std::exp(mean)}};
  print(result.dump() + "\n");
  return kSuccess;
}

}  // namespace

void add_debug_perplexity(CLI::App& parent, Action& action) {
  auto flags = std::make_shared<PerplexityFlags>();
  CLI::App& command = *parent.add_subcommand("perplexity", "how well the model predicts a text");
  add_model(command, flags->model);
  command.add_option("--file", flags->file, "a file with the text; -: standard input")
      ->required()
      ->type_name("FILE");
  command.add_flag("--exact", flags->exact,
                   "dequantised weights and float32 activations: slow, for reference");
  command.callback([&action, flags] { action = [flags] { return perplexity(*flags); }; });
}

}  // namespace hearth::cli
