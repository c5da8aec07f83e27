// harmony_real_test.cc - with the vocabulary of gpt-oss: the reference library's ids, and its
// pieces of a stream, token by token. tools/fetch_tokenizers brings the vocabulary.
#include <gtest/gtest.h>

#include "text/harmony/harmony_for_tests.h"
#include "text/harmony/render.h"

namespace hearth::harmony {
namespace {

using Ids = std::vector<text::TokenId>;

std::string text_of_row(const Json& value) {
  return value.is_null() ? std::string() : value.get<std::string>();
}

class RealHarmony : public testing::Test {
 protected:
  static const text::Tokenizer& tokenizer() {
    static const auto real = read_tokenizer(HEARTH_SOURCE_DIR "/build/tokenizers/gptoss.json");
    return *real;
  }
};

TEST_F(RealHarmony, renderings_are_the_reference_ids) {
  std::size_t n_compared = 0;
  for (const Json& c : golden()["rendering"]) {
    if (!c.contains("ids")) continue;
    SCOPED_TRACE(c["name"]);
    RenderOptions options;
    options.auto_drop_analysis = c["auto_drop_analysis"].get<bool>();
    if (c["mode"] == "conversation") options.mode = RenderMode::conversation;
    if (c["mode"] == "training") options.mode = RenderMode::training;
    if (c.contains("next_role")) options.next_role = *find_role(c["next_role"].get<std::string>());
    const auto messages = conversation_from_json(c["conversation"]);
    ASSERT_TRUE(messages) << messages.error().message;
    const auto ids = encode(tokenizer(), render(*messages, options));
    ASSERT_TRUE(ids) << ids.error().message;
    EXPECT_EQ(*ids, c["ids"].get<Ids>());
    ++n_compared;
  }
  EXPECT_EQ(n_compared, 46u);
}

// The small vocabulary's test (parse_test.cc) has the decisions about broken ones.
TEST_F(RealHarmony, completions_are_the_reference_messages) {
  std::size_t n_compared = 0;
  for (const Json& c : golden()["parsing"]) {
    if (!c.contains("stream") && !c["text"].get<std::string>().empty()) continue;
    if (!c.contains("messages")) continue;
    SCOPED_TRACE(c["name"]);
    EXPECT_EQ(parse(c["ids"].get<Ids>(), tokenizer()), c["messages"]);
    ++n_compared;
  }
  EXPECT_EQ(n_compared, 7u);
}

// In a stream the reference loses what follows an invalid byte; we do not.
TEST_F(RealHarmony, streams_come_in_the_reference_pieces) {
  std::size_t n_compared = 0;
  for (const Json& c : golden()["parsing"]) {
    const std::string name = c["name"];
    if (!c.contains("stream") || name.find("utf-8") != name.npos) continue;
    SCOPED_TRACE(name);
    auto parser = StreamParser::create(tokenizer());
    ASSERT_TRUE(parser) << parser.error().message;
    MessageLog log;
    for (const Json& row : c["stream"]) {
      const std::size_t n_before = log.is_open() ? log.text_so_far().size() : 0;
      parser->push(row[0].get<text::TokenId>(), log);
      ASSERT_EQ(log.is_open(), row[1] == "Content");
      if (!log.is_open()) continue;
      EXPECT_EQ(log.text_so_far().substr(n_before), text_of_row(row[5]));
      EXPECT_EQ(log.header().channel.value_or(""), text_of_row(row[2]));
      EXPECT_EQ(log.header().recipient.value_or(""), text_of_row(row[3]));
      EXPECT_EQ(log.header().content_type.value_or(""), text_of_row(row[4]));
      ++n_compared;
    }
  }
  EXPECT_GT(n_compared, 40u);
}

}  // namespace
}  // namespace hearth::harmony
