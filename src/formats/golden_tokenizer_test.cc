// golden_tokenizer_test.cc - every tiny vocabulary of tests/golden/hf against the reference
// implementation's answers, from its tokenizer.json and from its model.gguf.
//
// A GGUF file does not hold all that a tokenizer.json does. Where the two differ for that reason,
// kGgufOnly has the ids that SentencePiece's rules (and llama.cpp, where it follows them) give.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/unicode.h"
#include "base/utf8.h"
#include "formats/checkpoint.h"
#include "text/added_tokens.h"
#include "text/normalizer.h"
#include "text/pretokenizer.h"
#include "text/tokenizer.h"
#include "text/tokenizer_json.h"

namespace hearth::formats {
namespace {

using nlohmann::json;
using text::StreamingDecoder;
using text::TokenId;
using text::Tokenizer;
using text::TokenizerModel;
using text::TokenizerSpec;
using text::TokenKind;
using Ids = std::vector<TokenId>;

struct Source {
  const char* folder;
  bool gguf;
};

std::string slurp(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string path_of(const Source& source, const std::string& file) {
  return std::string(HEARTH_SOURCE_DIR "/tests/golden/hf/") + source.folder + "/" + file;
}

TokenizerSpec read_spec(const Source& source) {
  if (source.gguf) {
    const auto file = open_checkpoint(path_of(source, "model.gguf"));
    EXPECT_TRUE(file) << file.error().message;
    EXPECT_TRUE((*file)->tokenizer) << (*file)->tokenizer_problem;
    return *(*file)->tokenizer;
  }
  auto spec = text::parse_tokenizer_json(slurp(path_of(source, "tokenizer.json")));
  EXPECT_TRUE(spec) << spec.error().message;
  return *std::move(spec);
}

std::shared_ptr<const Tokenizer> build(TokenizerSpec spec) {
  const auto built = Tokenizer::build(std::move(spec));
  EXPECT_TRUE(built) << built.error().message;
  return *built;
}

// The reference's mode for users' text recognises names that are not "special" all the same; Hearth
// recognises layout only (tokenizer.h). To hold it against that mode, control tokens are made
// tokens like any other here, and the text is trusted.
TokenizerSpec without_control_tokens(TokenizerSpec spec) {
  std::erase_if(spec.added, [&](const text::AddedTokenRule& rule) {
    return is_control(spec.kinds[static_cast<std::size_t>(rule.id)]);
  });
  for (TokenKind& kind : spec.kinds) {
    if (is_control(kind)) kind = TokenKind::unused;
  }
  return spec;
}

// SentencePiece puts a blank before every text that begins or follows a control token; the
// tokenizer.json of "mistral" only before one that begins, and only if it has none. phi3: a GGUF
// file has no rstrip.
const std::map<std::pair<std::string, std::string>, Ids> kGgufOnly = {
    {{"mistral", " "}, {266}},
    {{"mistral", " leading"}, {266, 350, 410, 413, 272, 416}},
    {{"mistral", "  two  spaces  "}, {266, 270, 432, 424, 266, 428, 425, 410, 312, 266}},
    {{"mistral", " \t\n \r\n"}, {266, 19, 370, 477, 23, 370}},
    {{"mistral", "▁under ▁▁ score"}, {266, 299, 283, 427, 267, 428, 412, 424, 274}},
    {{"mistral", "<s>Hi</s>"}, {1, 477, 397, 418, 2}},
    {{"mistral", "x<s> y</s>  \n z"}, {477, 433, 1, 266, 434, 2, 344, 370, 477, 132}},
    {{"mistral", " [/TOOL_RESULTS] mid [/TOOL_RESULTS]tail"},
     {266, 9, 266, 422, 418, 413, 477, 9, 270, 410, 418, 421}},
    {{"mistral", "[AVAILABLE_TOOLS][/AVAILABLE_TOOLS][TOOL_RESULTS][/TOOL_RESULTS]."},
     {6, 7, 8, 9, 477, 378}},
    {{"phi3", "x<|endofprompt|> y<|assistant|>  \n z"}, {87, 353, 220, 88, 354, 271, 198, 220, 89}},
};

class GoldenTokenizer : public testing::TestWithParam<Source> {
 protected:
  void SetUp() override {
    spec_ = read_spec(GetParam());
    tokenizer_ = build(spec_);
    expected_ = json::parse(slurp(path_of(GetParam(), "expected.json")))["tokenizer"];
    ASSERT_GT(expected_["vectors"].size(), 50u);
  }

  std::optional<Ids> gguf_only(const std::string& text) const {
    const auto at = kGgufOnly.find({GetParam().folder, text});
    if (!GetParam().gguf || at == kGgufOnly.end()) return std::nullopt;
    return at->second;
  }

  bool contains_a_name(const std::string& text) const {
    for (std::size_t i = 0; i < spec_.tokens.size(); ++i) {
      if (spec_.kinds[i] == TokenKind::user_defined && !text::is_layout(spec_.tokens[i]) &&
          text.find(spec_.tokens[i]) != text.npos) {
        return true;
      }
    }
    return false;
  }

  TokenizerSpec spec_;
  std::shared_ptr<const Tokenizer> tokenizer_;
  json expected_;
};

TEST_P(GoldenTokenizer, gives_the_same_ids) {
  for (const json& vector : expected_["vectors"]) {
    const auto text = vector["t"].get<std::string>();
    const Ids ids = gguf_only(text).value_or(vector["ids"].get<Ids>());
    EXPECT_EQ(tokenizer_->encode(text, true)->ids, ids) << text;
  }
}

TEST_P(GoldenTokenizer, gives_the_same_ids_for_plain_text) {
  const auto plain = build(without_control_tokens(spec_));
  for (const json& vector : expected_["vectors"]) {
    const auto text = vector["t"].get<std::string>();
    const bool differs = gguf_only(text).has_value() && !vector.contains("ids_plain");
    Ids ids = differs ? *gguf_only(text) : vector.value("ids_plain", vector["ids"].get<Ids>());
    // The blank that SentencePiece adds, and the text's own: "▁▁" instead of "▁".
    const bool adds_blank = GetParam().gguf && std::string(GetParam().folder) == "mistral";
    if (adds_blank && !differs && text.starts_with(' ')) ids[0] = 266;
    EXPECT_EQ(plain->encode(text, true)->ids, ids) << text;
    if (contains_a_name(text)) continue;
    EXPECT_EQ(tokenizer_->encode(text, false)->ids, ids) << text;
  }
}

TEST_P(GoldenTokenizer, a_users_text_becomes_no_name_but_layout) {
  for (const json& vector : expected_["vectors"]) {
    const Ids ids = tokenizer_->encode(vector["t"].get<std::string>(), false)->ids;
    for (const TokenId id : ids) {
      const auto i = static_cast<std::size_t>(id);
      if (id == spec_.unknown) continue;
      EXPECT_FALSE(is_control(spec_.kinds[i])) << spec_.tokens[i];
      EXPECT_TRUE(spec_.kinds[i] != TokenKind::user_defined || text::is_layout(spec_.tokens[i]));
    }
  }
}

TEST_P(GoldenTokenizer, gives_the_same_text_at_once_and_in_steps) {
  for (const json& vector : expected_["vectors"]) {
    const auto text = vector["t"].get<std::string>();
    const Ids ids = vector["ids"].get<Ids>();
    const auto decoded = vector.value("dec", text);
    EXPECT_EQ(tokenizer_->decode(ids, true), decoded);
    EXPECT_EQ(tokenizer_->decode(ids, false), vector.value("dec_skip", decoded));
  }
  ASSERT_GT(expected_["decode"].size(), 0u);
  for (const json& vector : expected_["decode"]) {
    const Ids ids = vector["ids"].get<Ids>();
    EXPECT_EQ(tokenizer_->decode(ids, true), vector["dec"].get<std::string>());
    StreamingDecoder decoder(*tokenizer_, true);
    std::string streamed;
    for (const TokenId id : ids) {
      decoder.push(id, streamed);
      EXPECT_TRUE(is_valid_utf8(streamed));
    }
    decoder.finish(streamed);
    EXPECT_EQ(streamed, vector["dec"].get<std::string>());
  }
}

TEST_P(GoldenTokenizer, puts_the_same_tokens_around_a_text) {
  Ids ids = expected_["prefix_ids"].get<Ids>();
  const Ids suffix = expected_["suffix_ids"].get<Ids>();
  ids.insert(ids.end(), suffix.begin(), suffix.end());
  EXPECT_EQ(tokenizer_->encode("", false, {.add_special = true})->ids, ids);
}

// Metaspace is a step of the normaliser here and a pre-tokenizer there, so SentencePiece's
// normalised texts can be compared only where it does not occur.
TEST_P(GoldenTokenizer, normalises_and_cuts_alike) {
  const bool comparable = std::string(GetParam().folder) != "mistral";
  const auto normalizer = text::Normalizer::build(spec_.normalizer);
  ASSERT_TRUE(normalizer);
  std::size_t n_cut = 0;
  for (const json& vector : expected_["vectors"]) {
    const auto text = vector["t"].get<std::string>();
    const auto normalised = normalizer->apply(text, true);
    ASSERT_TRUE(normalised);
    if (comparable) {
      EXPECT_EQ(*normalised, vector.value("norm", text));
    }
    const char* key = vector.contains("words") ? "words" : "pieces";
    if (!vector.contains(key)) continue;
    std::vector<std::string> words;
    for (std::size_t begin = 0; begin < normalised->size();) {
      const std::size_t end = text::word_end(spec_.pretokenizer, *normalised, begin);
      const std::string word = normalised->substr(begin, end - begin);
      const bool dropped =
          spec_.pretokenizer == text::Pretokenizer::bert && is_white_space(decode_utf8(word).code);
      if (!dropped) words.push_back(word);
      begin = end;
    }
    EXPECT_EQ(words, vector[key].get<std::vector<std::string>>());
    ++n_cut;
  }
  const bool cuts = spec_.model != TokenizerModel::sentencepiece_bpe;
  EXPECT_EQ(n_cut, cuts ? expected_["vectors"].size() : 0u);
}

std::vector<Source> all_sources() {
  std::vector<Source> sources;
  for (const char* folder :
       {"llama", "llama_tied", "mistral", "qwen2", "qwen3", "phi3", "gpt_oss", "gemma3", "bert"}) {
    sources.push_back({folder, false});
    sources.push_back({folder, true});
  }
  return sources;
}

INSTANTIATE_TEST_SUITE_P(Files, GoldenTokenizer, testing::ValuesIn(all_sources()),
                         [](const auto& test) {
                           return std::string(test.param.folder) +
                                  (test.param.gguf ? "_gguf" : "_json");
                         });

}  // namespace
}  // namespace hearth::formats
