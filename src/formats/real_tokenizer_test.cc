// real_tokenizer_test.cc - the default model's vocabulary against the reference implementation's
// ids.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "formats/checkpoint.h"
#include "text/tokenizer.h"

namespace hearth::formats {
namespace {

using nlohmann::json;
using text::TokenId;

json read_golden(const std::string& name) {
  std::ifstream file(std::string(HEARTH_SOURCE_DIR "/tests/golden/") + name);
  EXPECT_TRUE(file) << name;
  return json::parse(file);
}

class RealTokenizer : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    const auto opened = open_checkpoint(HEARTH_SOURCE_DIR "/.model/smollm2-135m.gguf");
    ASSERT_TRUE(opened) << opened.error().message;
    const auto built = text::Tokenizer::build(*(*opened)->tokenizer);
    ASSERT_TRUE(built) << built.error().message;
    tokenizer_ = *built;
  }
  static void TearDownTestSuite() { tokenizer_ = nullptr; }
  void SetUp() override { ASSERT_NE(tokenizer_, nullptr); }

  static inline std::shared_ptr<const text::Tokenizer> tokenizer_;
};

// Some of the strings hold bytes that this vocabulary lacks; both implementations drop those.
TEST_F(RealTokenizer, gives_the_reference_ids_for_difficult_strings) {
  const json golden = read_golden("tokenizers/smollm2.json");
  ASSERT_EQ(golden["vectors"].size(), 162u);
  std::size_t n_with_unspellable_bytes = 0;
  for (const json& vector : golden["vectors"]) {
    const auto text = vector["text"].get<std::string>();
    const auto ids = vector["ids"].get<std::vector<TokenId>>();
    const auto encoding = tokenizer_->encode(text, true);
    ASSERT_TRUE(encoding) << encoding.error().message;
    EXPECT_EQ(encoding->ids, ids) << text;
    EXPECT_EQ(tokenizer_->encode(text, false)->ids, vector.value("ids_plain", ids)) << text;
    EXPECT_EQ(tokenizer_->decode(ids, true), vector.value("decoded", text));
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
