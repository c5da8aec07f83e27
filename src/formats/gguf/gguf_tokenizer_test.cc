// gguf_tokenizer_test.cc - which tokenizer a set of keys means, and which sets contradict
// themselves.
#include "formats/gguf/gguf_tokenizer.h"

#include <gtest/gtest.h>

#include "formats/gguf/gguf.h"
#include "formats/gguf/gguf_writer_for_tests.h"

namespace hearth::formats {
namespace {

using text::Pretokenizer;
using text::TokenId;
using text::TokenKind;
using Ids = std::vector<TokenId>;
using Texts = std::vector<std::string>;
using Ints = std::vector<std::int32_t>;

// A vocabulary of the given control tokens, after the normal tokens "a" (0), "b" (1), "ab" (2).
GgufWriter vocabulary(const char* pre, const Texts& controls) {
  GgufWriter w;
  w.text("general.architecture", "llama").text("tokenizer.ggml.model", "gpt2");
  if (pre != nullptr) w.text("tokenizer.ggml.pre", pre);
  Texts tokens = {"a", "b", "ab"};
  Ints types = {1, 1, 1};
  for (const std::string& control : controls) {
    tokens.push_back(control);
    types.push_back(3);
  }
  w.texts("tokenizer.ggml.tokens", tokens).i32s("tokenizer.ggml.token_type", types);
  w.texts("tokenizer.ggml.merges", Texts{"a b"});
  return w;
}

Checkpoint parsed(const GgufWriter& w) {
  const auto file = w.bytes();
  auto c = parse_gguf(file);
  EXPECT_TRUE(c) << c.error().message;
  return c ? *std::move(c) : Checkpoint();
}

std::string error_of(const GgufWriter& w) {
  const auto file = w.bytes();
  const auto c = parse_gguf(file);
  EXPECT_FALSE(c);
  if (c) return "";
  EXPECT_EQ(c.error().kind, ErrorKind::corrupt);
  return c.error().message;
}

TEST(GgufTokenizer, pre_names_choose_the_splitter_and_its_habits) {
  struct Row {
    const char* pre;
    Pretokenizer splitter;
    bool ignore_merges, add_bos, nfc;
  };
  const Row rows[] = {
      {"gpt-2", Pretokenizer::gpt2, false, false, false},
      {"phi-2", Pretokenizer::gpt2, false, false, false},
      {"roberta-bpe", Pretokenizer::gpt2, false, false, false},
      {"smollm", Pretokenizer::smollm, false, false, false},
      {"llama-bpe", Pretokenizer::llama3, true, true, false},
      {"llama3", Pretokenizer::llama3, true, true, false},
      {"llama-v3", Pretokenizer::llama3, true, true, false},
      {"qwen2", Pretokenizer::qwen2, false, false, true},
      {"deepseek-r1-qwen", Pretokenizer::qwen2, false, false, false},
      {"gpt-4o", Pretokenizer::o200k, false, false, false},
      {"llama4", Pretokenizer::o200k, false, false, false},
      {"tekken", Pretokenizer::tekken, true, true, false},
      {"qwen35", Pretokenizer::qwen35, false, false, true},
  };
  for (const Row& row : rows) {
    const Checkpoint c = parsed(vocabulary(row.pre, {}));
    ASSERT_TRUE(c.tokenizer) << row.pre << ": " << c.tokenizer_problem;
    EXPECT_EQ(c.tokenizer->pretokenizer, row.splitter) << row.pre;
    EXPECT_EQ(c.tokenizer->ignore_merges, row.ignore_merges) << row.pre;
    EXPECT_EQ(c.tokenizer->add_bos, row.add_bos) << row.pre;
    EXPECT_EQ(c.tokenizer->normalizer.size(), row.nfc ? 1u : 0u) << row.pre;
  }
}

TEST(GgufTokenizer, an_unknown_splitter_is_a_problem_that_names_it_and_the_known_ones) {
  const Checkpoint c = parsed(vocabulary("falcon", {}));
  EXPECT_FALSE(c.tokenizer);
  EXPECT_NE(c.tokenizer_problem.find("tokenizer.ggml.pre is \"falcon\""), std::string::npos);
  EXPECT_NE(c.tokenizer_problem.find("smollm, llama-bpe"), std::string::npos);
}

TEST(GgufTokenizer, a_missing_splitter_is_not_guessed) {
  const Checkpoint c = parsed(vocabulary(nullptr, {}));
  EXPECT_FALSE(c.tokenizer);
  EXPECT_NE(c.tokenizer_problem.find("tokenizer.ggml.pre is missing"), std::string::npos);
}

TEST(GgufTokenizer, another_model_is_a_problem_and_none_is_not) {
  GgufWriter w;
  w.text("general.architecture", "llama").text("tokenizer.ggml.model", "rwkv");
  const Checkpoint rwkv = parsed(w);
  EXPECT_FALSE(rwkv.tokenizer);
  EXPECT_NE(rwkv.tokenizer_problem.find("tokenizer.ggml.model is \"rwkv\""),
            std::string::npos);
  GgufWriter none;
  none.text("general.architecture", "llama").text("tokenizer.ggml.model", "none");
  EXPECT_EQ(parsed(none).tokenizer_problem, "");
}

TEST(GgufTokenizer, ids_flags_kinds_and_template_arrive) {
  GgufWriter w = vocabulary("smollm", {"<s>"});
  w.u32("tokenizer.ggml.bos_token_id", 3).u32("tokenizer.ggml.eos_token_id", 2);
  w.u32("tokenizer.ggml.unknown_token_id", 0).i32("tokenizer.ggml.padding_token_id", 1);
  w.boolean("tokenizer.ggml.add_bos_token", true).boolean("tokenizer.ggml.add_eos_token", true);
  w.text("tokenizer.chat_template", "{{ x }}");
  const Checkpoint c = parsed(w);
  ASSERT_TRUE(c.tokenizer);
  EXPECT_EQ(c.tokenizer->tokens, (Texts{"a", "b", "ab", "<s>"}));
  EXPECT_EQ(c.tokenizer->merges, Texts{"a b"});
  EXPECT_EQ(c.tokenizer->kinds[0], TokenKind::normal);
  EXPECT_EQ(c.tokenizer->kinds[3], TokenKind::control);
  EXPECT_EQ(c.tokenizer->bos, 3);
  EXPECT_EQ(c.tokenizer->eos, 2);
  EXPECT_EQ(c.tokenizer->unknown, 0);
  EXPECT_EQ(c.tokenizer->pad, 1);
  EXPECT_TRUE(c.tokenizer->add_bos);
  EXPECT_TRUE(c.tokenizer->add_eos);
  EXPECT_EQ(c.tokenizer->end_of_generation, Ids{2});
  EXPECT_EQ(c.chat_template, "{{ x }}");
}

TEST(GgufTokenizer, the_files_own_flag_wins_over_the_splitters_habit) {
  GgufWriter w = vocabulary("llama-bpe", {});
  w.boolean("tokenizer.ggml.add_bos_token", false);
  EXPECT_FALSE(parsed(w).tokenizer->add_bos);
}

TEST(GgufTokenizer, token_types_1_to_6_have_their_kinds) {
  GgufWriter w;
  w.text("general.architecture", "x").text("tokenizer.ggml.model", "gpt2");
  w.text("tokenizer.ggml.pre", "gpt-2").texts("tokenizer.ggml.merges", Texts{});
  w.texts("tokenizer.ggml.tokens", Texts{"a", "b", "c", "d", "e", "f"});
  w.i32s("tokenizer.ggml.token_type", Ints{1, 2, 3, 4, 5, 6});
  EXPECT_EQ(parsed(w).tokenizer->kinds,
            (std::vector{TokenKind::normal, TokenKind::unknown, TokenKind::control,
                         TokenKind::user_defined, TokenKind::unused, TokenKind::byte}));
}

TEST(GgufTokenizer, every_end_key_and_well_known_control_text_ends_generation_once) {
  GgufWriter w = vocabulary("llama-bpe", {"<|eot_id|>", "<|end_of_text|>", "<|other|>"});
  w.u32("tokenizer.ggml.eos_token_id", 4).u32("tokenizer.ggml.eot_token_id", 3);
  w.u32("tokenizer.ggml.eom_token_id", 1).i32s("tokenizer.ggml.eos_token_ids", Ints{4, 2});
  EXPECT_EQ(parsed(w).tokenizer->end_of_generation, (Ids{1, 2, 3, 4}));
}

TEST(GgufTokenizer, an_end_text_that_is_ordinary_text_ends_nothing) {
  GgufWriter w;
  w.text("general.architecture", "x").text("tokenizer.ggml.model", "gpt2");
  w.text("tokenizer.ggml.pre", "gpt-2").texts("tokenizer.ggml.merges", Texts{});
  w.texts("tokenizer.ggml.tokens", Texts{"</s>", "<|im_end|>"});
  w.i32s("tokenizer.ggml.token_type", Ints{1, 3});
  EXPECT_EQ(parsed(w).tokenizer->end_of_generation, Ids{1});
}

TEST(GgufTokenizer, end_ends_phi_answers_but_only_messages_in_harmony) {
  const Checkpoint phi = parsed(vocabulary("gpt-4o", {"<|end|>", "<|endoftext|>"}));
  EXPECT_EQ(phi.tokenizer->end_of_generation, (Ids{3, 4}));
  GgufWriter harmony = vocabulary("gpt-4o", {"<|endoftext|>", "<|return|>", "<|end|>", "<|call|>"});
  harmony.u32("tokenizer.ggml.eos_token_id", 4).u32("tokenizer.ggml.eot_token_id", 5);
  EXPECT_EQ(parsed(harmony).tokenizer->end_of_generation, (Ids{3, 4, 6}));
}

TEST(GgufTokenizer, an_id_outside_the_vocabulary_is_corrupt) {
  for (const char* key : {"bos", "eos", "eot", "eom", "unknown", "padding"}) {
    GgufWriter w = vocabulary("smollm", {});
    const std::string full = std::string("tokenizer.ggml.") + key + "_token_id";
    w.u32(full, 3);
    EXPECT_NE(error_of(w).find(full + " is 3, expected an id of the vocabulary (0 to 2)"),
              std::string::npos);
  }
  GgufWriter negative = vocabulary("smollm", {});
  negative.i32("tokenizer.ggml.eos_token_id", -1);
  EXPECT_NE(error_of(negative).find("eos_token_id is -1"), std::string::npos);
  GgufWriter list = vocabulary("smollm", {});
  list.i32s("tokenizer.ggml.eos_token_ids", Ints{0, 9});
  EXPECT_NE(error_of(list).find("eos_token_ids is 9"), std::string::npos);
}

TEST(GgufTokenizer, lists_that_contradict_each_other_are_corrupt) {
  GgufWriter w;
  w.text("general.architecture", "x").text("tokenizer.ggml.model", "gpt2");
  w.text("tokenizer.ggml.pre", "gpt-2");
  EXPECT_NE(error_of(w).find("\"tokenizer.ggml.tokens\" is missing"), std::string::npos);
  w.texts("tokenizer.ggml.tokens", Texts{"a", "b"});
  EXPECT_NE(error_of(w).find("\"tokenizer.ggml.merges\" is missing"), std::string::npos);
  w.texts("tokenizer.ggml.merges", Texts{});
  GgufWriter short_types = w, type_0 = w, type_7 = w;
  short_types.i32s("tokenizer.ggml.token_type", Ints{1});
  EXPECT_NE(error_of(short_types).find("token_type has 1 entries, expected one for each of the 2"),
            std::string::npos);
  type_0.i32s("tokenizer.ggml.token_type", Ints{1, 0});
  EXPECT_NE(error_of(type_0).find("token_type[1] is 0, expected 1 to 6"), std::string::npos);
  type_7.i32s("tokenizer.ggml.token_type", Ints{7, 1});
  EXPECT_NE(error_of(type_7).find("token_type[0] is 7, expected 1 to 6"), std::string::npos);
}

TEST(GgufTokenizer, keys_of_the_wrong_type_are_corrupt) {
  GgufWriter flag = vocabulary("smollm", {}), id = flag, model;
  flag.u32("tokenizer.ggml.add_bos_token", 1);
  EXPECT_NE(error_of(flag).find("add_bos_token\" is an integer, expected a boolean"),
            std::string::npos);
  id.text("tokenizer.ggml.eos_token_id", "2");
  EXPECT_NE(error_of(id).find("eos_token_id\" is a string, expected an integer"),
            std::string::npos);
  model.text("general.architecture", "x").u32("tokenizer.ggml.model", 1);
  EXPECT_NE(error_of(model).find("tokenizer.ggml.model\" is an integer"), std::string::npos);
}

}  // namespace
}  // namespace hearth::formats
