#include "text/tokenizer_json.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

namespace hearth::text {
namespace {

using nlohmann::json;

std::string slurp(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

// ---- whole files against the reference implementation's answers ---------------------------------

class GoldenTokenizer : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const std::string folder = std::string(HEARTH_SOURCE_DIR "/tests/golden/hf/") + GetParam();
    auto spec = parse_tokenizer_json(slurp(folder + "/tokenizer.json"));
    ASSERT_TRUE(spec) << spec.error().message;
    auto built = Tokenizer::build(*std::move(spec));
    ASSERT_TRUE(built) << built.error().message;
    tokenizer_ = *built;
    expected_ = json::parse(slurp(folder + "/expected.json"))["tokenizer"];
  }

  std::shared_ptr<const Tokenizer> tokenizer_;
  json expected_;
};

TEST_P(GoldenTokenizer, gives_the_same_ids_with_and_without_special_tokens) {
  ASSERT_GT(expected_["vectors"].size(), 50u);
  for (const json& vector : expected_["vectors"]) {
    const auto text = vector["t"].get<std::string>();
    const auto ids = vector["ids"].get<std::vector<TokenId>>();
    const auto plain = vector.value("ids_plain", ids);
    EXPECT_EQ(tokenizer_->encode(text, true)->ids, ids) << text;
    EXPECT_EQ(tokenizer_->encode(text, false)->ids, plain) << text;
    EXPECT_EQ(tokenizer_->decode(ids, true), vector.value("dec", text));
    if (vector.contains("dec_skip")) {
      EXPECT_EQ(tokenizer_->decode(ids, false), vector["dec_skip"].get<std::string>());
    }
  }
}

TEST_P(GoldenTokenizer, puts_the_same_tokens_around_a_text) {
  auto ids = expected_["prefix_ids"].get<std::vector<TokenId>>();
  const auto suffix = expected_["suffix_ids"].get<std::vector<TokenId>>();
  ids.insert(ids.end(), suffix.begin(), suffix.end());
  EXPECT_EQ(tokenizer_->encode("", false, {.add_special = true})->ids, ids);
}

TEST_P(GoldenTokenizer, decodes_parts_of_characters_alike_at_once_and_in_steps) {
  ASSERT_GT(expected_["decode"].size(), 0u);
  for (const json& vector : expected_["decode"]) {
    const auto ids = vector["ids"].get<std::vector<TokenId>>();
    EXPECT_EQ(tokenizer_->decode(ids, true), vector["dec"].get<std::string>());
    StreamingDecoder decoder(*tokenizer_);
    std::string streamed;
    for (const TokenId id : ids) decoder.push(id, streamed);
    decoder.finish(streamed);
    EXPECT_EQ(streamed, tokenizer_->decode(ids, false));
  }
}

INSTANTIATE_TEST_SUITE_P(Files, GoldenTokenizer, testing::Values("llama", "llama_tied"));

// ---- small files --------------------------------------------------------------------------------

json make_file() {
  return json::parse(R"({
    "version": "1.0", "truncation": null, "padding": null,
    "added_tokens": [
      {"id": 3, "content": "<s>", "special": true, "normalized": false},
      {"id": 5, "content": "<t>", "special": false, "normalized": false, "rstrip": true}],
    "normalizer": null,
    "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true},
    "post_processor": null,
    "decoder": {"type": "ByteLevel"},
    "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]}})");
}

const char* const kTemplate = R"({"type": "TemplateProcessing",
  "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
  "special_tokens": {"<s>": {"id": "<s>", "ids": [3], "tokens": ["<s>"]}}})";

TEST(TokenizerJson, reads_tokens_merges_and_holes) {
  const auto spec = parse_tokenizer_json(make_file().dump());
  ASSERT_TRUE(spec) << spec.error().message;
  EXPECT_EQ(spec->tokens, (std::vector<std::string>{"a", "b", "ab", "<s>", "", "<t>"}));
  EXPECT_EQ(spec->kinds[0], TokenKind::normal);
  EXPECT_EQ(spec->kinds[3], TokenKind::control);
  EXPECT_EQ(spec->kinds[4], TokenKind::unused);
  EXPECT_EQ(spec->kinds[5], TokenKind::user_defined);
  EXPECT_EQ(spec->merges, std::vector<std::string>{"a b"});
  EXPECT_FALSE(spec->bos);
  const auto tokenizer = Tokenizer::build(*spec);
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  EXPECT_EQ((*tokenizer)->encode("ab<t>  b", true)->ids, (std::vector<TokenId>{2, 5, 1}));
}

TEST(TokenizerJson, merges_may_be_pairs) {
  json file = make_file();
  file["model"]["merges"] = json::parse(R"([["a", "b"]])");
  EXPECT_EQ(parse_tokenizer_json(file.dump())->merges, std::vector<std::string>{"a b"});
}

TEST(TokenizerJson, a_template_gives_the_tokens_around_a_text) {
  json file = make_file();
  file["post_processor"] = json::parse(kTemplate);
  const auto spec = parse_tokenizer_json(file.dump());
  ASSERT_TRUE(spec) << spec.error().message;
  EXPECT_EQ(spec->bos, 3);
  EXPECT_TRUE(spec->add_bos);
  EXPECT_FALSE(spec->eos);
  EXPECT_FALSE(spec->add_eos);
}

TEST(TokenizerJson, knows_the_expressions_by_their_text) {
  const std::pair<const char*, Pretokenizer> known[] = {
      {R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)",
       Pretokenizer::gpt2},
      {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
       Pretokenizer::llama3},
      {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
       Pretokenizer::qwen2},
      {R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
       Pretokenizer::o200k},
  };
  for (const auto& [expression, kind] : known) {
    for (const bool removed : {false, true}) {
      json file = make_file();
      file["pre_tokenizer"] = {
          {"type", "Sequence"},
          {"pretokenizers",
           {{{"type", "Split"},
             {"pattern", {{"Regex", expression}}},
             {"behavior", removed ? "Removed" : "Isolated"},
             {"invert", removed}},
            {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}}}}};
      const auto spec = parse_tokenizer_json(file.dump());
      ASSERT_TRUE(spec) << spec.error().message;
      EXPECT_EQ(spec->pretokenizer, kind);
    }
  }
}

TEST(TokenizerJson, normalizers_become_steps_in_their_order) {
  using Kind = NormalizerStep::Kind;
  json file = make_file();
  file["normalizer"] = {{"type", "NFC"}};
  auto spec = parse_tokenizer_json(file.dump());
  ASSERT_TRUE(spec) << spec.error().message;
  ASSERT_EQ(spec->normalizer.size(), 1u);
  EXPECT_EQ(spec->normalizer[0].kind, Kind::nfc);
  file["normalizer"] = {{"type", "Sequence"}, {"normalizers", json::array()}};
  EXPECT_TRUE(parse_tokenizer_json(file.dump())->normalizer.empty());
  file["normalizer"] = json::parse(R"({"type": "Sequence", "normalizers": [{"type": "Lowercase"},
      {"type": "Replace", "pattern": {"String": "a"}, "content": "b"}]})");
  spec = parse_tokenizer_json(file.dump());
  ASSERT_TRUE(spec) << spec.error().message;
  ASSERT_EQ(spec->normalizer.size(), 2u);
  EXPECT_EQ(spec->normalizer[0].kind, Kind::lower_case);
  EXPECT_EQ(spec->normalizer[1].kind, Kind::replace);
  EXPECT_EQ(spec->normalizer[1].pattern, "a");
  EXPECT_EQ(spec->normalizer[1].content, "b");
}

// ---- what is refused ----------------------------------------------------------------------------

struct Refusal {
  const char* name;
  const char* pointer;  // what is replaced in make_file()
  const char* value;
  ErrorKind kind;
  const char* message;  // a part of it
};

class RefusedFile : public testing::TestWithParam<Refusal> {};

TEST_P(RefusedFile, is_refused_by_name) {
  const Refusal& refusal = GetParam();
  json file = make_file();
  file[json::json_pointer(refusal.pointer)] = json::parse(refusal.value);
  const auto spec = parse_tokenizer_json(file.dump());
  ASSERT_FALSE(spec);
  EXPECT_EQ(spec.error().kind, refusal.kind);
  EXPECT_NE(spec.error().message.find(refusal.message), std::string::npos) << spec.error().message;
}

constexpr ErrorKind kCorrupt = ErrorKind::corrupt;
constexpr ErrorKind kUnsupported = ErrorKind::unsupported;
INSTANTIATE_TEST_SUITE_P(
    Files, RefusedFile,
    testing::Values(
        Refusal{"no_model", "/model", "[]", kCorrupt, "no object `model`"},
        Refusal{"other_model", "/model/type", "\"WordLevel\"", kUnsupported, "WordLevel"},
        Refusal{"byte_fallback", "/model/byte_fallback", "true", kUnsupported, "byte_fallback"},
        Refusal{"dropout", "/model/dropout", "0.1", kUnsupported, "dropout"},
        Refusal{"suffix", "/model/end_of_word_suffix", "\"</w>\"", kUnsupported, "end_of_word"},
        Refusal{"unknown_token", "/model/unk_token", "\"zz\"", kCorrupt, "unk_token"},
        Refusal{"flag_type", "/model/ignore_merges", "1", kCorrupt, "expected true or false"},
        Refusal{"vocab_type", "/model/vocab", "[1]", kCorrupt, "model.vocab"},
        Refusal{"id_type", "/model/vocab/a", "\"0\"", kCorrupt, "token \"a\""},
        Refusal{"negative_id", "/model/vocab/a", "-1", kCorrupt, "token \"a\""},
        Refusal{"same_id", "/model/vocab/a", "1", kCorrupt, "both have the id 1"},
        Refusal{"far_id", "/model/vocab/a", "100000", kCorrupt, "highest id is 100000"},
        Refusal{"huge_id", "/model/vocab/a", "18446744073709551615", kCorrupt, "highest id"},
        Refusal{"merges_type", "/model/merges", "{}", kCorrupt, "model.merges"},
        Refusal{"merge_type", "/model/merges/0", "[\"a\"]", kCorrupt, "merge 0"},
        Refusal{"merge_blank", "/model/merges/0", "[\"a \", \"b\"]", kUnsupported, "merge 0"},
        Refusal{"added_type", "/added_tokens", "{}", kCorrupt, "added_tokens"},
        Refusal{"added_nameless", "/added_tokens/0", "{\"id\": 3}", kCorrupt, "no content"},
        Refusal{"added_id", "/added_tokens/0/id", "2", kCorrupt, "both have the id 2"},
        Refusal{"added_other_id", "/added_tokens/0/content", "\"ab\"", kCorrupt, "another one"},
        Refusal{"normalizer", "/normalizer", "{\"type\": \"Nmt\"}", kUnsupported, "Nmt"},
        Refusal{"no_pretokenizer", "/pre_tokenizer", "null", kUnsupported, "for this kind"},
        Refusal{"pretokenizer", "/pre_tokenizer/type", "\"Metaspace\"", kUnsupported, "Metaspace"},
        Refusal{"no_cut", "/pre_tokenizer/use_regex", "false", kUnsupported, "use_regex"},
        Refusal{"expression", "/pre_tokenizer",
                R"({"type": "Sequence", "pretokenizers": [{"type": "Split", "behavior": "Isolated",
                "invert": false, "pattern": {"Regex": "\\w+"}}, {"type": "ByteLevel",
                "add_prefix_space": false, "use_regex": false}]})",
                kUnsupported, R"(\\w+)"},
        Refusal{"digits", "/pre_tokenizer",
                R"({"type": "Sequence", "pretokenizers": [{"type": "Digits",
                "individual_digits": false}, {"type": "ByteLevel", "add_prefix_space": false}]})",
                kUnsupported, "individual_digits"},
        Refusal{"post_processor", "/post_processor", "{\"type\": \"BertProcessing\"}", kCorrupt,
                "cls is not a text and an id"},
        Refusal{"other_post_processor", "/post_processor", "{\"type\": \"Other\"}", kUnsupported,
                "Other"},
        Refusal{"template", "/post_processor",
                R"({"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<x>"}},
                {"Sequence": {"id": "A"}}], "special_tokens": {}})",
                kCorrupt, "<x>"},
        Refusal{"decoder", "/decoder", "{\"type\": \"WordPiece\"}", kUnsupported, "WordPiece"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(TokenizerJson, text_that_is_no_json_or_too_deep_is_corrupt) {
  for (const std::string text : {"", "{", "nul", "[1,]", "\xff", "\"\\"}) {
    EXPECT_EQ(parse_tokenizer_json(text).error().kind, ErrorKind::corrupt) << text;
  }
  const auto deep = parse_tokenizer_json(std::string(1 << 20, '['));
  EXPECT_NE(deep.error().message.find("nested deeper"), std::string::npos) << deep.error().message;
}

TEST(TokenizerJson, every_cut_of_a_file_is_an_error) {
  const std::string text = make_file().dump();
  for (std::size_t n = 0; n < text.size(); ++n) {
    ASSERT_FALSE(parse_tokenizer_json(std::string_view(text).substr(0, n))) << n;
  }
}

}  // namespace
}  // namespace hearth::text
