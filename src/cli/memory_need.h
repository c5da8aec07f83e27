// memory_need.h - what a model file would need before its first token, without loading its weights.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "base/result.h"
#include "engine/engine.h"
#include "formats/checkpoint.h"

namespace hearth::cli {

struct MemoryNeed {
  engine::MemoryPlan plan;   // kv_bytes: of one sequence that fills the context
  std::int64_t context = 0;  // tokens
};

// context 0: the model's own. Errors: unsupported or corrupt, as loading would say; invalid when
// the model was not made for so long a context.
Result<MemoryNeed> memory_need(const formats::Checkpoint& checkpoint, std::int64_t context);

// {"context", "weight_bytes", "kv_bytes_per_token", "kv_bytes", "scratch_bytes", "total_bytes"}
nlohmann::ordered_json memory_json(const MemoryNeed& need);
std::string memory_text(const MemoryNeed& need);  // several lines

}  // namespace hearth::cli
