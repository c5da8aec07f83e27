// open_folder_test.cc - Hugging Face folders on disk: whole, in shards, and hostile ones. That the
// numbers are right is shown by models/golden_test.cc.
#include "formats/open_folder.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>

#include "base/mapped_file.h"
#include "base/str.h"
#include "formats/safetensors/safetensors.h"
#include "formats/safetensors/safetensors_for_tests.h"

namespace hearth::formats {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

const fs::path kGolden = HEARTH_SOURCE_DIR "/tests/golden/hf";

class OpenFolder : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = fs::temp_directory_path() / cat("hearth_", test->name(), "_", ::getpid());
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  void copy_golden(const std::string& name) const {
    fs::copy(kGolden / name, folder_, fs::copy_options::recursive);
  }
  void write(const std::string& name, const std::string& content) const {
    std::ofstream(folder_ / name, std::ios::binary) << content;
  }
  std::string read(const std::string& name) const {
    std::ifstream file(folder_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void edit(const std::string& name, const std::function<void(Json&)>& change) const {
    Json json = Json::parse(read(name));
    change(json);
    write(name, json.dump());
  }
  // The golden folder's tensors, dealt out to three shards and an index.
  void split_into_shards() const {
    const auto file = *MappedFile::open(folder_ / "model.safetensors");
    std::vector<TensorForTest> shards[3];
    Json index{{"metadata", {{"total_size", 1}}}, {"weight_map", Json::object()}};
    std::size_t i = 0;
    const auto stored = *parse_safetensors(file->bytes());
    for (const StoredTensor& t : stored) {
      shards[i % 3].push_back({t.name,
                               std::string(t.dtype),
                               t.shape,
                               {reinterpret_cast<const char*>(t.bytes.data()), t.bytes.size()}});
      index["weight_map"][t.name] = cat("model-0000", i++ % 3, "-of-00003.safetensors");
    }
    for (int s = 0; s < 3; ++s) {
      write(cat("model-0000", s, "-of-00003.safetensors"), safetensors_file(shards[s]));
    }
    write("model.safetensors.index.json", index.dump());
    fs::remove(folder_ / "model.safetensors");
  }
  std::string fault() const {
    const auto c = open_checkpoint(folder_);
    EXPECT_FALSE(c);
    if (c) return "";
    EXPECT_NE(c.error().message.find(folder_.string()), std::string::npos) << "names the folder";
    return c.error().message;
  }

  fs::path folder_;
};

#define EXPECT_SAYS(message, part) EXPECT_NE((message).find(part), std::string::npos) << (message)

void expect_same_tensors(const Checkpoint& a, const Checkpoint& b) {
  ASSERT_EQ(a.tensors.size(), b.tensors.size());
  for (const Tensor& t : a.tensors) {
    const Tensor* other = b.find(t.name);
    ASSERT_NE(other, nullptr) << t.name;
    EXPECT_EQ(t.shape, other->shape) << t.name;
    std::vector<float> row(static_cast<std::size_t>(t.shape.cols())), other_row(row.size());
    for (std::int64_t r = 0; r < t.shape.rows(); ++r) {
      dequantize_row(t, r, row);
      dequantize_row(*other, r, other_row);
      ASSERT_EQ(row, other_row) << t.name << " row " << r;
    }
  }
}

TEST_F(OpenFolder, gives_the_tensors_and_the_keys_of_the_gguf_file) {
  for (const char* name : {"llama_tied", "mistral", "qwen2", "qwen3", "phi3", "gpt_oss"}) {
    const auto folder = open_checkpoint(kGolden / name);
    const auto gguf = open_checkpoint(kGolden / name / "model.gguf");
    ASSERT_TRUE(folder) << folder.error().message;
    ASSERT_TRUE(gguf) << gguf.error().message;
    EXPECT_EQ((*folder)->architecture, (*gguf)->architecture);
    EXPECT_EQ((*folder)->chat_template, (*gguf)->chat_template);
    expect_same_tensors(**folder, **gguf);
    for (const auto& [key, value] : (*gguf)->metadata) {
      if (!key.starts_with((*gguf)->architecture)) continue;
      if (std::holds_alternative<double>(value)) {
        EXPECT_NEAR(*(*folder)->meta_float(key), std::get<double>(value), 1e-6) << name << key;
      } else {
        ASSERT_NE((*folder)->find_meta(key), nullptr) << name << " " << key;
        EXPECT_EQ(*(*folder)->find_meta(key), value) << name << " " << key;
      }
    }
  }
}

TEST_F(OpenFolder, knows_the_tokenizer_and_every_token_that_ends_an_answer) {
  const auto c = open_checkpoint(kGolden / "llama");
  ASSERT_TRUE(c) << c.error().message;
  ASSERT_TRUE((*c)->tokenizer) << (*c)->tokenizer_problem;
  EXPECT_EQ((*c)->tokenizer->bos, 340);
  EXPECT_EQ((*c)->tokenizer->eos, 347);
  EXPECT_TRUE((*c)->tokenizer->add_bos);
  EXPECT_EQ((*c)->tokenizer->end_of_generation, (std::vector<text::TokenId>{341, 346, 347}));
  const auto phi = open_checkpoint(kGolden / "phi3");
  ASSERT_TRUE(phi) << phi.error().message;
  EXPECT_EQ((*phi)->tokenizer->end_of_generation, (std::vector<text::TokenId>{352, 355}));
}

TEST_F(OpenFolder, recommended_sampling_is_kept) {
  const auto c = open_checkpoint(kGolden / "qwen3");
  ASSERT_TRUE(c) << c.error().message;
  EXPECT_EQ(*(*c)->meta_float("general.sampling.temp"), 0.6);
  EXPECT_EQ(*(*c)->meta_int("general.sampling.top_k"), 20);
}

TEST_F(OpenFolder, shards_are_one_model) {
  copy_golden("gpt_oss");
  split_into_shards();
  const auto sharded = open_checkpoint(folder_);
  ASSERT_TRUE(sharded) << sharded.error().message;
  expect_same_tensors(**sharded, **open_checkpoint(kGolden / "gpt_oss"));
}

TEST_F(OpenFolder, a_safetensors_file_stands_for_its_folder) {
  const auto c = open_checkpoint(kGolden / "llama" / "model.safetensors");
  ASSERT_TRUE(c) << c.error().message;
  EXPECT_EQ((*c)->architecture, "llama");
}

TEST_F(OpenFolder, made_rows_survive_the_release_of_pages) {
  const auto c = open_checkpoint(kGolden / "gpt_oss");
  ASSERT_TRUE(c);
  const Tensor& t = *(*c)->find("blk.0.ffn_gate_exps.weight");
  ASSERT_NE(t.source, nullptr);
  std::vector<float> before(64), after(64);
  dequantize_row(t, 9, before);
  (*c)->release(t);
  dequantize_row(t, 9, after);
  EXPECT_EQ(before, after);
}

TEST_F(OpenFolder, a_shard_that_leads_out_of_the_folder_is_refused) {
  copy_golden("llama");
  split_into_shards();
  for (const std::string bad :
       {"../x.safetensors", "/etc/passwd", "a/b.safetensors", "..", "", ".safetensors",
        ".hidden.safetensors", "model.bin", "a\\b.safetensors"}) {
    edit("model.safetensors.index.json",
         [&](Json& index) { index["weight_map"]["model.norm.weight"] = bad; });
    EXPECT_SAYS(fault(), "expected the name of a .safetensors file in the same folder");
  }
}

TEST_F(OpenFolder, an_index_that_does_not_match_its_shards_is_refused) {
  copy_golden("llama");
  split_into_shards();
  const std::string good = read("model.safetensors.index.json");
  edit("model.safetensors.index.json", [](Json& index) {
    index["weight_map"]["model.more.weight"] = "model-00000-of-00003.safetensors";
  });
  EXPECT_SAYS(fault(),
              "has tensor \"model.more.weight\" in \"model-00000-of-00003.safetensors\", "
              "where it is not");
  write("model.safetensors.index.json", "{\"weight_map\":{}}");
  EXPECT_SAYS(fault(), "names no tensor");
  write("model.safetensors.index.json", "{\"weight_map\":[]}");
  EXPECT_SAYS(fault(), "has no object \"weight_map\"");
  write("model.safetensors.index.json", good);
  fs::remove(folder_ / "model-00001-of-00003.safetensors");
  EXPECT_SAYS(fault(), "model-00001-of-00003.safetensors");
}

struct BadConfig {
  const char* key;
  const char* value;  // JSON; "": the key is removed
  const char* says;
};

constexpr BadConfig kBadConfigs[] = {
    {"model_type", "\"mamba\"", "model_type \"mamba\" is not one Hearth computes"},
    {"model_type", "7", "model_type is 7, expected a text"},
    {"hidden_size", "", "the key \"hidden_size\" is missing"},
    {"hidden_size", "\"64\"", "hidden_size is \"64\", expected an integer"},
    {"hidden_size", "64.5", "hidden_size is 64.5, expected an integer"},
    {"num_hidden_layers", "18446744073709551615", "expected an integer"},
    {"hidden_act", "\"relu\"",
     "hidden_act is \"relu\"; this family is computed with \"silu\" only"},
    {"attention_bias", "true", "attention_bias is true"},
    {"head_dim", "0", "head_dim is 0"},
    {"partial_rotary_factor", "1.5", "partial_rotary_factor is 1.5"},
    {"rope_scaling", "3", "rope_scaling is 3, expected an object"},
    {"rope_scaling", "{\"rope_type\":\"llama3\"}", "the key \"factor\" is missing"},
    {"rope_scaling",
     "{\"rope_type\":\"llama3\",\"factor\":8,\"low_freq_factor\":4,\"high_freq_factor\":1,"
     "\"original_max_position_embeddings\":64}",
     "low below high"},
    {"eos_token_id", "352", "eos_token_id is 352, expected an id of the 349 tokens"},
    {"quantization_config", "{\"quant_method\":\"awq\"}", "the method \"awq\""},
    {"tie_word_embeddings", "null", ""},
};

TEST_F(OpenFolder, a_configuration_that_cannot_be_honoured_is_refused_by_the_key_s_name) {
  copy_golden("llama");
  const std::string good = read("config.json");
  for (const BadConfig& bad : kBadConfigs) {
    write("config.json", good);
    edit("config.json", [&](Json& config) {
      if (*bad.value == '\0') {
        config.erase(bad.key);
      } else {
        config[bad.key] = Json::parse(bad.value);
      }
    });
    if (*bad.says == '\0') {
      EXPECT_TRUE(open_checkpoint(folder_)) << bad.key;
    } else {
      EXPECT_SAYS(fault(), bad.says);
    }
  }
}

TEST_F(OpenFolder, an_embedding_model_s_own_files_become_keys) {
  copy_golden("bert");
  write("sentence_bert_config.json", R"({"max_seq_length": 128, "do_lower_case": false})");
  auto model = *open_checkpoint(folder_);
  EXPECT_EQ(*model->meta_int("pooling_type"), 1);
  EXPECT_EQ(std::get<bool>(*model->find_meta("bert.normalize_embeddings")), true);
  EXPECT_EQ(*model->meta_int("max_sequence_length"), 128);
  edit("modules.json", [](Json& steps) { steps.erase(2); });
  edit("1_Pooling/config.json", [](Json& pooling) {
    pooling["pooling_mode_mean_tokens"] = false;
    pooling["pooling_mode_cls_token"] = true;
  });
  model = *open_checkpoint(folder_);
  EXPECT_EQ(*model->meta_int("pooling_type"), 2);
  EXPECT_EQ(std::get<bool>(*model->find_meta("bert.normalize_embeddings")), false);
  for (const char* name : {"modules.json", "1_Pooling/config.json", "sentence_bert_config.json"}) {
    fs::remove(folder_ / name);
  }
  model = *open_checkpoint(folder_);
  for (const char* key : {"pooling_type", "normalize_embeddings", "max_sequence_length"}) {
    EXPECT_EQ(model->find_meta(cat("bert.", key)), nullptr) << key;
  }
}

TEST_F(OpenFolder, steps_of_an_embedding_model_that_are_not_done_are_refused) {
  copy_golden("bert");
  const std::string modules = read("modules.json"), pooling = read("1_Pooling/config.json");
  for (const auto& [content, says] : {
           std::pair(R"([{"type":"sentence_transformers.models.Dense","path":"2_Dense"}])",
                     "a step is \"sentence_transformers.models.Dense\""),
           {R"([{"type":"a.Pooling","path":"../elsewhere"}])",
            "the pooling is in \"../elsewhere\""},
           {R"([{"type":7}])", "type is 7, expected a text"},
           {"[3]", "a step is \"\""},
           {"{}", "modules.json is not a JSON list"},
           {"[", "modules.json"},
       }) {
    write("modules.json", content);
    EXPECT_SAYS(fault(), says);
  }
  write("modules.json", modules);
  for (const char* mode : {"pooling_mode_cls_token", "pooling_mode_max_tokens"}) {
    edit("1_Pooling/config.json", [&](Json& json) { json[mode] = true; });
    EXPECT_SAYS(fault(), "1_Pooling/config.json: expected one of pooling_mode_mean_tokens");
    write("1_Pooling/config.json", pooling);
  }
  write("sentence_bert_config.json", R"({"max_seq_length": "256"})");
  EXPECT_SAYS(fault(), "max_seq_length is \"256\", expected an integer");
}

TEST_F(OpenFolder, files_that_are_no_json_are_named) {
  copy_golden("llama");
  for (const char* name :
       {"config.json", "generation_config.json", "tokenizer_config.json", "tokenizer.json"}) {
    const std::string good = read(name);
    for (const std::string& bad : {std::string("{\"a\":"), std::string(100000, '['),
                                   std::string("\xff\xfe"), std::string("[1]")}) {
      write(name, bad);
      EXPECT_SAYS(fault(), name);
    }
    write(name, good);
  }
}

TEST_F(OpenFolder, tensors_without_a_place_or_of_a_strange_type_are_refused) {
  copy_golden("llama");
  const auto with = [&](const TensorForTest& extra) {
    std::vector<TensorForTest> tensors = {extra};
    write("model.safetensors", safetensors_file(tensors));
    return fault();
  };
  EXPECT_SAYS(with({"model.layers.0.mystery.weight", "F32", {1}, f32_bytes({1})}),
              "\"model.layers.0.mystery.weight\" has no place in the family llama");
  EXPECT_SAYS(with({"model.norm.weight", "I64", {1}, std::string(8, 'x')}), "has type I64");
  EXPECT_SAYS(with({"model.norm.weight", "U8", {1}, "x"}), "has type U8");
  EXPECT_SAYS(with({"model.norm.weight", "F32", {1, 1, 1, 1, 1}, f32_bytes({1})}),
              "has 5 dimensions");
  EXPECT_SAYS(with({"model.layers.0.mlp.up_proj.weight", "F8_E4M3", {1, 1}, "x"}),
              "expected a matrix with blk.0.ffn_up.weight_scale");
  EXPECT_SAYS(with({"model.layers.0.self_attn.q_proj.weight", "F32", {3, 1}, f32_bytes({1, 2, 3})}),
              "is [3, 1], expected rows in whole heads");
  EXPECT_SAYS(with({"model.norm.weight", "F32", {1}, f32_bytes({1})}), "lm_head.weight is missing");
}

// Of every kind of scale: a value of the made matrix is the FP8 value times its scale.
TEST_F(OpenFolder, float8_matrices_are_multiplied_by_their_scales) {
  copy_golden("qwen2");
  edit("config.json", [](Json& config) {
    config["quantization_config"] = {{"quant_method", "fp8"}, {"weight_block_size", {2, 2}}};
  });
  const std::string codes = {'\x38', '\x40', '\xb8', '\x00', '\x44', '\x30'};  // 1 2 -1 0 3 0.5
  const auto open = [&](const std::string& kind, const std::vector<std::int64_t>& shape,
                        const std::vector<float>& scales) -> std::vector<float> {
    const std::string name = "model.layers.0.mlp.up_proj.";
    write("model.safetensors",
          safetensors_file({{name + "weight", "F8_E4M3", {2, 3}, codes},
                            {name + kind, "F32", shape, f32_bytes(scales)},
                            {name + "input_scale", "F32", {}, f32_bytes({7})}}));
    const auto c = open_checkpoint(folder_);
    EXPECT_TRUE(c) << c.error().message;
    if (!c) return {};
    EXPECT_EQ((*c)->tensors.size(), 1u);
    const Tensor& t = *(*c)->find("blk.0.ffn_up.weight");
    std::vector<float> values(6);
    dequantize_row(t, 0, std::span(values).first(3));
    dequantize_row(t, 1, std::span(values).last(3));
    return values;
  };
  using Floats = std::vector<float>;
  EXPECT_EQ(open("weight_scale", {}, {2}), (Floats{2, 4, -2, 0, 6, 1}));
  EXPECT_EQ(open("weight_scale", {2, 1}, {2, 4}), (Floats{2, 4, -2, 0, 12, 2}));
  EXPECT_EQ(open("weight_scale_inv", {1, 2}, {2, 8}), (Floats{2, 4, -8, 0, 6, 4}));
  write("model.safetensors",
        safetensors_file(
            {{"model.layers.0.mlp.up_proj.weight", "F8_E4M3", {2, 3}, codes},
             {"model.layers.0.mlp.up_proj.weight_scale", "F32", {3}, f32_bytes({1, 1, 1})}}));
  EXPECT_SAYS(fault(), "is [3]; expected one scale");
}

TEST_F(OpenFolder, experts_of_another_shape_are_refused) {
  copy_golden("gpt_oss");
  edit("config.json", [](Json& config) { config["num_local_experts"] = 7; });
  EXPECT_SAYS(fault(), "is [8, 64, 2, 16], expected [7, 64, 2, 16]");
  edit("config.json", [](Json& config) {
    config["num_local_experts"] = 8;
    config["num_hidden_layers"] = 3;
  });
  EXPECT_SAYS(fault(), "the experts blk.2.gate_up are missing");
  edit("config.json", [](Json& config) { config["num_hidden_layers"] = 1; });
  EXPECT_SAYS(fault(), "which this family is not computed with");
}

TEST_F(OpenFolder, without_weights_it_says_what_to_fetch) {
  copy_golden("llama");
  fs::remove(folder_ / "model.safetensors");
  EXPECT_SAYS(fault(), "neither model.safetensors nor model.safetensors.index.json");
}

TEST_F(OpenFolder, without_a_tokenizer_the_model_opens_and_says_so) {
  copy_golden("llama");
  fs::remove(folder_ / "tokenizer.json");
  const auto c = open_checkpoint(folder_);
  ASSERT_TRUE(c) << c.error().message;
  EXPECT_FALSE((*c)->tokenizer);
  EXPECT_SAYS((*c)->tokenizer_problem, "no tokenizer.json");
}

}  // namespace
}  // namespace hearth::formats
