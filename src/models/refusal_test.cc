// refusal_test.cc - what a damaged or foreign checkpoint is refused with; golden_test.cc tests what
// is computed.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <string>

#include "base/str.h"
#include "kernels/cpu/cpu_ops.h"
#include "kernels/cpu/isa.h"
#include "models/registry.h"

namespace hearth::models {
namespace {

using kernels::CpuOps;

// What a damaged or foreign checkpoint is refused with.
std::string fault(const std::function<void(formats::Checkpoint&)>& damage,
                  const std::string& folder = "llama") {
  const auto original =
      *formats::open_checkpoint(cat(HEARTH_SOURCE_DIR "/tests/golden/hf/", folder, "/model.gguf"));
  formats::Checkpoint file = *original;
  damage(file);
  EXPECT_TRUE(file.index());
  ThreadPool pool(1);
  CpuOps ops(
      kernels::generic_kernels(), pool,
      {.max_rows = 1, .max_output_rows = 1, .max_positions = 16, .measure = kernels::Measure::yes});
  const auto built = build(file, ops);
  return built ? "it was accepted" : built.error().message;
}

Tensor& tensor(formats::Checkpoint& file, const std::string& name) {
  const auto at = std::find_if(file.tensors.begin(), file.tensors.end(),
                               [&](const Tensor& t) { return t.name == name; });
  CHECK(at != file.tensors.end(), "the golden file has it");
  return *at;
}

TEST(Llama, a_missing_tensor_is_named) {
  const std::string message =
      fault([](auto& file) { tensor(file, "blk.1.attn_k.weight").name = "spare"; });
  EXPECT_NE(message.find("blk.1.attn_k.weight is missing"), std::string::npos) << message;
}

TEST(Llama, a_tensor_of_another_shape_is_named_with_both_shapes) {
  const std::string message = fault([](auto& file) {
    Tensor& t = tensor(file, "blk.0.ffn_down.weight");
    std::swap(t.shape.dims[0], t.shape.dims[1]);
  });
  EXPECT_NE(message.find("blk.0.ffn_down.weight is [72, 64]; expected [64, 72]"), std::string::npos)
      << message;
}

TEST(Llama, a_tensor_without_a_place_is_refused) {
  const std::string message = fault([](auto& file) {
    Tensor extra = tensor(file, "blk.0.attn_norm.weight");
    extra.name = "blk.0.attn_q.bias";
    file.tensors.push_back(extra);
  });
  EXPECT_NE(message.find("blk.0.attn_q.bias"), std::string::npos) << message;
}

TEST(Llama, impossible_sizes_are_refused_by_key) {
  const auto set = [](const char* key, std::int64_t value) {
    return fault([=](auto& file) { file.metadata[key] = value; });
  };
  EXPECT_NE(set("llama.block_count", 0).find("block_count is 0"), std::string::npos);
  EXPECT_NE(set("llama.block_count", 1 << 20).find("block_count"), std::string::npos);
  EXPECT_NE(set("llama.attention.head_count_kv", 3).find("multiple"), std::string::npos);
  EXPECT_NE(set("llama.rope.dimension_count", 15).find("rope.dimension_count is 15"),
            std::string::npos);
  EXPECT_NE(set("llama.embedding_length", -4).find("embedding_length is -4"), std::string::npos);
  EXPECT_NE(set("llama.expert_count", 8).find("experts"), std::string::npos);
  EXPECT_NE(fault([](auto& file) { file.metadata.erase("llama.block_count"); }).find("block_count"),
            std::string::npos);
}

TEST(Refusal, a_key_that_an_architecture_needs_or_cannot_honour_is_named) {
  struct Case {
    const char* folder;
    const char* key;                          // without the architecture's prefix
    std::optional<formats::MetaValue> value;  // none: the key is missing
  };
  const auto integer = [](std::int64_t i) { return formats::MetaValue(i); };
  const Case cases[] = {
      {"bert", "attention.head_count", integer(5)},
      {"bert", "attention.layer_norm_epsilon", formats::MetaValue(0.0)},
      {"bert", "attention.causal", formats::MetaValue(true)},
      {"bert", "context_length", integer(257)},  // more than there are positions
      {"bert", "max_sequence_length", integer(0)},
      {"bert", "pooling_type", integer(4)},
      {"bert", "pooling_type", integer(5)},
      {"bert", "normalize_embeddings", integer(1)},
      {"qwen2", "attention.sliding_window", integer(16)},
      {"qwen3", "attention.layer_norm_rms_epsilon", formats::MetaValue(0.0)},
      {"qwen3", "rope.freq_base", formats::MetaValue(-1.0)},
      {"mistral", "attention.sliding_window", integer(-1)},
      {"mistral", "rope.scaling.type", formats::MetaValue(std::string("yarn"))},
      {"phi3", "rope.scaling.original_context_length", std::nullopt},
      {"phi3", "rope.scaling.attn_factor", formats::MetaValue(-1.0)},
      {"gemma3", "attention.sliding_window", std::nullopt},
      {"gemma3", "attention.sliding_window_pattern", integer(0)},
      {"gemma3", "rope.scaling.factor", formats::MetaValue(0.0)},
      {"gemma3", "rope.freq_base_swa", formats::MetaValue(0.0)},
      {"gemma3", "final_logit_softcapping", formats::MetaValue(30.0)},
      {"gpt_oss", "attention.sliding_window", std::nullopt},
      {"gpt_oss", "expert_count", std::nullopt},
      {"gpt_oss", "expert_used_count", integer(9)},
      {"gpt_oss", "rope.scaling.factor", std::nullopt},
      {"gpt_oss", "rope.scaling.yarn_beta_fast", formats::MetaValue(-2.0)},
      {"gpt_oss", "rope.scaling.type", integer(3)},
  };
  for (const Case& c : cases) {
    const std::string message = fault(
        [&](formats::Checkpoint& file) {
          const std::string key = cat(file.architecture, ".", c.key);
          file.metadata.erase(key);
          if (c.value) file.metadata[key] = *c.value;
        },
        c.folder);
    EXPECT_NE(message.find(c.key), std::string::npos)
        << c.folder << " " << c.key << ": " << message;
  }
}

TEST(Refusal, a_tensor_that_no_graph_reads_is_named_in_every_architecture) {
  for (const char* folder : {"bert", "gemma3", "gpt_oss", "mistral", "phi3", "qwen2", "qwen3"}) {
    const std::string message = fault(
        [](auto& file) {
          Tensor extra = tensor(file, "blk.0.attn_output.weight");
          extra.name = "blk.0.surprise.weight";
          file.tensors.push_back(extra);
        },
        folder);
    EXPECT_NE(message.find("blk.0.surprise.weight"), std::string::npos) << folder << message;
  }
}

TEST(Registry, an_unknown_architecture_is_refused_with_the_known_ones) {
  const std::string message = fault([](auto& file) { file.architecture = "frobnicator"; });
  EXPECT_NE(message.find("frobnicator"), std::string::npos);
  EXPECT_NE(message.find("llama"), std::string::npos);
}

}  // namespace
}  // namespace hearth::models
