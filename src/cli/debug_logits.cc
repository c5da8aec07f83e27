// hearth debug logits MODEL --ids "1 2 3" - {"logits":[[…],…]}, a row a position, nine significant
// digits (enough to give every float32 back).
#include <cmath>

#include "base/str.h"
#include "cli/command.h"
#include "cli/input.h"
#include "cli/output.h"
#include "cli/session.h"

namespace hearth::cli {

namespace {

struct LogitsFlags {
  std::string model;
  std::string ids;
  bool last = false;
  bool exact = false;
  std::optional<std::int64_t> context;
};

// JSON has no NaN: a model that computes one is an error, not a row of nulls.
Result<void> check_finite(const std::vector<std::vector<float>>& rows) {
  for (std::size_t row = 0; row < rows.size(); ++row) {
    for (std::size_t i = 0; i < rows[row].size(); ++i) {
      if (std::isfinite(rows[row][i])) continue;
      return Error{ErrorKind::corrupt, cat("logit ", i, " of row ", row, " is ", rows[row][i],
                                           "; the model's weights are damaged or overflow")};
    }
  }
  return {};
}

Result<int> logits(const LogitsFlags& flags) {
  HEARTH_TRY(const auto ids, read_ids(flags.ids));
  if (ids.empty()) {
    return Error{ErrorKind::invalid, "--ids is empty; expected token ids: \"1 2 3\""};
  }
  const auto n_ids = static_cast<std::int64_t>(ids.size());
  if (flags.context.value_or(n_ids) < n_ids) {
    return Error{ErrorKind::invalid,
                 cat("--context ", *flags.context, " is less than the ", n_ids, " ids of --ids")};
  }
  HEARTH_TRY(const Session session, open_session(engine::Engine::create(), flags.model,
                                                 {.context = flags.context.value_or(n_ids),
                                                  .kv_tokens = 0,
                                                  .exact = flags.exact,
                                                  .ids_only = true}));
  HEARTH_TRY(const auto rows,
             session.engine->logits(session.model, ids, flags.last, flags.context.value_or(0)));
  HEARTH_TRY_VOID(check_finite(rows));
  print("{\"logits\":[");
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (i > 0) print(",\n");
    print(cat("[", float_list(rows[i], ","), "]"));
  }
  print("]}\n");
  return kSuccess;
}

}  // namespace

void add_debug_logits(CLI::App& parent, Action& action) {
  auto flags = std::make_shared<LogitsFlags>();
  CLI::App& command = *parent.add_subcommand("logits", "what the model computes for token ids");
  add_model(command, flags->model);
  command.add_option("--ids", flags->ids, "\"1 2 3\"; -: read them from standard input")
      ->required()
      ->type_name("IDS");
  command.add_flag("--last", flags->last, "only the last position");
  command.add_flag("--exact", flags->exact,
                   "dequantised weights and float32 activations: slow, for reference");
  add_integer(command, "--context", flags->context, 1, std::int64_t{1} << 30,
              "the length planned for (default: the number of ids)");
  command.callback([&action, flags] { action = [flags] { return logits(*flags); }; });
}

}  // namespace hearth::cli
