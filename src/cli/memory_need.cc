// memory_need.cc - the plan that loading would make, shown instead of carried out.
#include "cli/memory_need.h"

#include "base/str.h"
#include "cli/output.h"
#include "engine/text_model.h"

namespace hearth::cli {

Result<MemoryNeed> memory_need(const formats::Checkpoint& checkpoint, std::int64_t context) {
  const engine::EngineOptions defaults;
  HEARTH_TRY(const engine::PlannedModel planned,
             engine::plan_model(checkpoint, {.options = {.context = context, .kv_tokens = 0},
                                             .free_bytes = 0,
                                             .max_batch = defaults.max_batch,
                                             .prefill_chunk = defaults.prefill_chunk}));
  MemoryNeed need{planned.memory, planned.context};
  if (planned.kind == models::ModelKind::decoder) {
    need.plan.kv_bytes = need.plan.kv_bytes_per_token * static_cast<std::uint64_t>(planned.context);
  }
  return need;
}

nlohmann::ordered_json memory_json(const MemoryNeed& need) {
  return {{"context", need.context},
          {"weight_bytes", need.plan.weight_bytes},
          {"kv_bytes_per_token", need.plan.kv_bytes_per_token},
          {"kv_bytes", need.plan.kv_bytes},
          {"scratch_bytes", need.plan.scratch_bytes},
          {"total_bytes", need.plan.total()}};
}

std::string memory_text(const MemoryNeed& need) {
  const auto row = [](std::string what, std::uint64_t bytes) {
    return std::vector<std::string>{std::move(what), cat(bytes), cat("(", human_bytes(bytes), ")")};
  };
  return cat("memory for a context of ", need.context, " tokens, bytes\n",
             table({row("  weights", need.plan.weight_bytes),
                    row(cat("  keys and values, ", need.plan.kv_bytes_per_token, " a token"),
                        need.plan.kv_bytes),
                    row("  scratch", need.plan.scratch_bytes), row("  total", need.plan.total())}));
}

}  // namespace hearth::cli
