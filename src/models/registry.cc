#include "models/registry.h"

#include "base/str.h"
#include "models/bert.h"
#include "models/gemma3.h"
#include "models/gpt_oss.h"
#include "models/llama.h"
#include "models/phi3.h"
#include "models/qwen2.h"
#include "models/qwen3.h"

namespace hearth::models {

namespace {

struct Architecture {
  std::string_view name;  // general.architecture
  Result<std::unique_ptr<Model>> (*load)(const formats::Checkpoint&, kernels::Ops&);
};

constexpr Architecture kArchitectures[] = {
    // clang-format off
    {"bert", load_bert},
    {"gemma3", load_gemma3},
    {"gpt-oss", load_gpt_oss},
    {"llama", load_llama},
    {"phi3", load_phi3},
    {"qwen2", load_qwen2},
    {"qwen3", load_qwen3},
    // clang-format on
};

}  // namespace

Result<std::unique_ptr<Model>> build(const formats::Checkpoint& checkpoint, kernels::Ops& ops) {
  for (const Architecture& a : kArchitectures) {
    if (a.name == checkpoint.architecture) return a.load(checkpoint, ops);
  }
  return Error{ErrorKind::unsupported,
               cat("[models] architecture ", quote(checkpoint.architecture),
                   " is not one Hearth computes yet; it computes: ", joined(architectures()))};
}

std::vector<std::string_view> architectures() {
  std::vector<std::string_view> names;
  for (const Architecture& a : kArchitectures) names.push_back(a.name);
  return names;
}

}  // namespace hearth::models
