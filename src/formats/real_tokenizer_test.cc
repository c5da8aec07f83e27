// real_tokenizer_test.cc - published vocabularies against the reference implementation's ids.
#include <gtest/gtest.h>
#include <pthread.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/str.h"
#include "formats/checkpoint.h"
#include "text/tokenizer.h"
#include "text/tokenizer_json.h"

namespace hearth::formats {
namespace {

using nlohmann::json;
using text::TokenId;

json read_golden(const std::string& name) {
  std::ifstream file(std::string(HEARTH_SOURCE_DIR "/tests/golden/") + name);
  EXPECT_TRUE(file) << name;
  return json::parse(file);
}

std::shared_ptr<const text::Tokenizer> built(text::TokenizerSpec spec) {
  const auto tokenizer = text::Tokenizer::build(std::move(spec));
  EXPECT_TRUE(tokenizer) << tokenizer.error().message;
  return tokenizer ? *tokenizer : nullptr;
}

text::TokenizerSpec default_model_spec() {
  const auto opened = open_checkpoint(HEARTH_SOURCE_DIR "/.model/smollm2-135m.gguf");
  EXPECT_TRUE(opened) << opened.error().message;
  return opened && (*opened)->tokenizer ? *(*opened)->tokenizer : text::TokenizerSpec();
}

text::TokenizerSpec published_spec(const std::string& name) {
  const bool minilm = name == "minilm";
  const std::string path = minilm ? HEARTH_SOURCE_DIR "/.model/all-minilm-l6-v2/tokenizer.json"
                                  : cat(HEARTH_SOURCE_DIR "/build/tokenizers/", name, ".json");
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path << " is missing; run tools/"
                    << (minilm ? "fetch_minilm" : "fetch_tokenizers");
  const std::string content{std::istreambuf_iterator<char>(file), {}};
  auto spec = text::parse_tokenizer_json(content);
  EXPECT_TRUE(spec) << spec.error().message;
  return spec ? *std::move(spec) : text::TokenizerSpec();
}

// The reference's mode for users' text recognises names that are not "special" all the same; Hearth
// recognises layout only (text/tokenizer.h). To hold it against that mode, control tokens are made
// tokens like any other here, and the text is trusted.
text::TokenizerSpec without_control_tokens(text::TokenizerSpec spec) {
  std::erase_if(spec.added, [&](const text::AddedTokenRule& rule) {
    return is_control(spec.kinds[static_cast<std::size_t>(rule.id)]);
  });
  for (text::TokenKind& kind : spec.kinds) {
    if (is_control(kind)) kind = text::TokenKind::unused;
  }
  return spec;
}

class PublishedTokenizer : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(, PublishedTokenizer,
                         testing::Values("gemma3", "gpt4o", "gptoss", "llama2", "llama3_1",
                                         "minilm", "qwen3", "smollm2"),
                         [](const auto& test) { return std::string(test.param); });

TEST_P(PublishedTokenizer, gives_the_reference_ids_and_texts_for_difficult_strings) {
  const std::string name = GetParam();
  const json golden = read_golden(cat("tokenizers/", name, ".json"));
  ASSERT_EQ(golden["vectors"].size(), 162u);
  const text::TokenizerSpec spec = name == "smollm2" ? default_model_spec() : published_spec(name);
  const auto tokenizer = built(spec), plain = built(without_control_tokens(spec));
  ASSERT_TRUE(tokenizer && plain);
  const auto around = golden["prefix_ids"].get<std::vector<TokenId>>();
  for (const json& vector : golden["vectors"]) {
    const auto text = vector["text"].get<std::string>();
    const auto ids = vector["ids"].get<std::vector<TokenId>>();
    const auto encoding = tokenizer->encode(text, true);
    ASSERT_TRUE(encoding) << encoding.error().message;
    EXPECT_EQ(encoding->ids, ids) << text;
    EXPECT_EQ(plain->encode(text, true)->ids, vector.value("ids_plain", ids)) << text;
    EXPECT_EQ(tokenizer->decode(ids, true), vector.value("decoded", text));
    auto whole = around;
    whole.insert(whole.end(), ids.begin(), ids.end());
    for (const json& id : golden["suffix_ids"]) whole.push_back(id);
    EXPECT_EQ(tokenizer->encode(text, true, {.add_special = true})->ids, whole) << text;
  }
}

// Encodes on a thread with a stack of 128 KiB; the bytes that came back as text.
struct SmallStack {
  const text::Tokenizer* tokenizer;
  const std::string* text;
  std::size_t n_ids = 0;

  static void* run(void* self) {
    auto& s = *static_cast<SmallStack*>(self);
    const auto encoding = s.tokenizer->encode(*s.text, true);
    if (encoding) s.n_ids = encoding->ids.size();
    return nullptr;
  }
};

// Recursion overflows such a stack, and quadratic time would take minutes: the test has its limit.
TEST_P(PublishedTokenizer, a_megabyte_of_one_character_needs_little_stack_and_linear_time) {
  const std::string name = GetParam();
  const auto tokenizer = built(name == "smollm2" ? default_model_spec() : published_spec(name));
  ASSERT_TRUE(tokenizer);
  for (const std::string_view unit :
       {"a", "A", "7", " ", "\n", "!", "'", "\u0301", "中", "\u02b0", "\u00a0", "\U0001f642"}) {
    std::string text;
    while (text.size() < (1u << 20)) text += unit;
    pthread_attr_t attributes;
    ASSERT_EQ(::pthread_attr_init(&attributes), 0);
    ASSERT_EQ(::pthread_attr_setstacksize(&attributes, 128 << 10), 0);
    SmallStack work{tokenizer.get(), &text};
    pthread_t thread;
    ASSERT_EQ(::pthread_create(&thread, &attributes, SmallStack::run, &work), 0);
    ::pthread_join(thread, nullptr);
    ::pthread_attr_destroy(&attributes);
    // Unicode's normalisation leaves nothing of a text of marks alone in WordPiece.
    const bool vanishes =
        name == "minilm" &&
        (unit == "\u0301" || unit.find_first_not_of(" \n") == unit.npos || unit == "\u00a0");
    EXPECT_EQ(work.n_ids == 0, vanishes) << quote(unit);
  }
}

class RealTokenizer : public testing::Test {
 protected:
  static void SetUpTestSuite() { tokenizer_ = built(default_model_spec()); }
  static void TearDownTestSuite() { tokenizer_ = nullptr; }
  void SetUp() override { ASSERT_NE(tokenizer_, nullptr); }

  static inline std::shared_ptr<const text::Tokenizer> tokenizer_;
};

// Two of the strings hold bytes that this vocabulary lacks; both implementations drop those.
TEST_F(RealTokenizer, counts_the_bytes_it_cannot_spell) {
  const json golden = read_golden("tokenizers/smollm2.json");
  std::size_t n_with_unspellable_bytes = 0;
  for (const json& vector : golden["vectors"]) {
    const auto text = vector["text"].get<std::string>();
    const auto encoding = tokenizer_->encode(text, true);
    n_with_unspellable_bytes += encoding->n_unspellable_bytes > 0;
    EXPECT_EQ(tokenizer_->encode(text, true, {.exact = true}).has_value(),
              encoding->n_unspellable_bytes == 0);
  }
  EXPECT_EQ(n_with_unspellable_bytes, 2u);
}

TEST_F(RealTokenizer, gives_the_reference_ids_for_chat_prompts) {
  const json golden = read_golden("smollm2/expected.json");
  ASSERT_GT(golden["prompts"].size(), 0u);
  for (const json& prompt : golden["prompts"]) {
    EXPECT_EQ(tokenizer_->encode(prompt["text"].get<std::string>(), true)->ids,
              prompt["ids"].get<std::vector<TokenId>>());
  }
}

TEST_F(RealTokenizer, gives_the_reference_ids_for_a_long_story) {
  const json golden = read_golden("smollm2/expected.json")["perplexity"];
  const auto expected = golden["ids"].get<std::vector<TokenId>>();
  auto ids = tokenizer_->encode(golden["text"].get<std::string>(), false)->ids;
  ASSERT_GE(ids.size(), expected.size());
  ids.resize(expected.size());
  EXPECT_EQ(ids, expected);
}

}  // namespace
}  // namespace hearth::formats
