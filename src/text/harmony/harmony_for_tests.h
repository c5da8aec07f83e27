// harmony_for_tests.h - the reference results, a small vocabulary with harmony's tokens, and
// messages collected from a parser.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "text/harmony/conversation.h"
#include "text/harmony/parse.h"
#include "text/tokenizer.h"
#include "text/tokenizer_json.h"

namespace hearth::harmony {

using Json = nlohmann::ordered_json;

inline std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.is_open()) << path;
  std::stringstream content;
  content << file.rdbuf();
  return content.str();
}

inline const Json& golden() {
  static const Json json =
      Json::parse(read_file(HEARTH_SOURCE_DIR "/tests/golden/harmony/expected.json"));
  return json;
}

inline std::shared_ptr<const text::Tokenizer> read_tokenizer(const std::string& path) {
  auto spec = text::parse_tokenizer_json(read_file(path));
  EXPECT_TRUE(spec) << (spec ? "" : spec.error().message);
  auto built = text::Tokenizer::build(*std::move(spec));
  EXPECT_TRUE(built) << (built ? "" : built.error().message);
  return *built;
}

// 304 tokens: every byte, a few words, and harmony's control tokens.
inline const text::Tokenizer& small_tokenizer() {
  static const auto tokenizer =
      read_tokenizer(HEARTH_SOURCE_DIR "/tests/golden/hf/gpt_oss/tokenizer.json");
  return *tokenizer;
}

// The ids of a text in which control tokens are written by name.
inline std::vector<text::TokenId> ids_of(std::string_view text,
                                         const text::Tokenizer& tokenizer = small_tokenizer()) {
  const auto encoding = tokenizer.encode(text, true, {.exact = true});
  EXPECT_TRUE(encoding) << (encoding ? "" : encoding.error().message);
  return encoding->ids;
}

class MessageLog final : public MessageSink {
 public:
  void begin_message(const Header& header) override {
    EXPECT_FALSE(is_open_);
    is_open_ = true;
    header_ = header;
    text_.clear();
  }
  void add_text(std::string_view text) override {
    EXPECT_TRUE(is_open_);
    EXPECT_FALSE(text.empty());
    text_ += text;
    n_bytes += text.size();
  }
  void end_message() override {
    EXPECT_TRUE(is_open_);
    is_open_ = false;
    messages.push_back(message_to_json(header_, text_));
  }
  void skip(std::size_t n) override { n_bytes += n; }

  // The open one, too.
  std::string text_so_far() const { return text_; }
  bool is_open() const { return is_open_; }
  const Header& header() const { return header_; }

  Json messages = Json::array();
  std::size_t n_bytes = 0;  // of the decoded tokens, accounted for

 private:
  bool is_open_ = false;
  Header header_;
  std::string text_;
};

inline Json parse(const std::vector<text::TokenId>& ids,
                  const text::Tokenizer& tokenizer = small_tokenizer()) {
  auto parser = StreamParser::create(tokenizer);
  EXPECT_TRUE(parser) << (parser ? "" : parser.error().message);
  MessageLog log;
  for (const text::TokenId id : ids) parser->push(id, log);
  parser->finish(log);
  EXPECT_FALSE(log.is_open());
  return std::move(log.messages);
}

}  // namespace hearth::harmony
