// fuzz_harmony.cc - any tokens as what gpt-oss wrote: the messages are well-formed, hold no control
// token, account for every byte, and are the same however the text was cut into tokens.
//
// A byte below 0xf8 is that byte; the eight above are harmony's control tokens and <|endoftext|>.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/utf8.h"
#include "text/byte_spelling.h"
#include "text/harmony/parse.h"
#include "text/tokenizer.h"

namespace {

using hearth::harmony::Header;
using hearth::harmony::MessageSink;
using hearth::harmony::StreamParser;
using hearth::text::StreamingDecoder;
using hearth::text::TokenId;
using hearth::text::Tokenizer;
using hearth::text::TokenizerSpec;
using hearth::text::TokenKind;

constexpr std::uint8_t kFirstControl = 0xf8;

constexpr const char* kWords[] = {"analysis", "final", "commentary", "functions.",
                                  "to=",      "json",  "assistant",  "user"};

// Bytes, then the words that headers are made of and their beginnings, then the control tokens.
struct Vocabulary {
  Vocabulary() {
    TokenizerSpec spec;
    for (int byte = 0; byte < 256; ++byte) {
      hearth::append_utf8(spec.tokens.emplace_back(),
                          hearth::text::spelling_of(static_cast<std::uint8_t>(byte)));
    }
    for (const std::string word : kWords) {
      for (std::size_t n = 2; n <= word.size(); ++n) {
        spec.merges.push_back(word.substr(0, n - 1) + " " + word[n - 1]);
        spec.tokens.push_back(word.substr(0, n));
      }
    }
    spec.kinds.assign(spec.tokens.size(), TokenKind::normal);
    first_control = static_cast<TokenId>(spec.tokens.size());
    for (const char* name : {"<|start|>", "<|end|>", "<|message|>", "<|channel|>", "<|constrain|>",
                             "<|return|>", "<|call|>", "<|endoftext|>"}) {
      spec.tokens.emplace_back(name);
      spec.kinds.push_back(TokenKind::control);
    }
    tokenizer = *Tokenizer::build(std::move(spec));
  }
  std::shared_ptr<const Tokenizer> tokenizer;
  TokenId first_control = 0;
};

class Checker final : public MessageSink {
 public:
  void begin_message(const Header& header) override {
    CHECK(!is_open_, "a message begins in another one");
    is_open_ = true;
    log += "[" + std::string(hearth::harmony::role_name(header.role)) + ":" + header.name + "|" +
           header.channel.value_or("-") + "|" + header.recipient.value_or("-") + "|" +
           header.content_type.value_or("-") + "]";
  }
  void add_text(std::string_view piece) override {
    CHECK(is_open_ && !piece.empty(), "text outside of a message, or none");
    CHECK(hearth::is_valid_utf8(piece), "a character was split");
    log += piece;
    text += piece;
    n_bytes += piece.size();
  }
  void end_message() override {
    CHECK(is_open_, "a message ends that is not open");
    is_open_ = false;
    log += "[/]";
  }
  void skip(std::size_t n) override { n_bytes += n; }
  bool is_open() const { return is_open_; }

  std::string log;   // headers and texts
  std::string text;  // of all messages
  std::size_t n_bytes = 0;

 private:
  bool is_open_ = false;
};

const Vocabulary& vocabulary() {
  static const Vocabulary made;
  return made;
}

// The messages, as one text.
std::string parse(const std::vector<TokenId>& ids) {
  const Tokenizer& tokenizer = *vocabulary().tokenizer;
  auto parser = StreamParser::create(tokenizer);
  CHECK(parser.has_value(), "the vocabulary is harmony's");
  Checker checker;
  StreamingDecoder decoder(tokenizer);
  std::string decoded;
  for (const TokenId id : ids) {
    // A control token of the format ends a character; <|endoftext|> is none.
    const bool is_mark = id >= vocabulary().first_control && id < vocabulary().first_control + 7;
    if (is_mark) decoder.finish(decoded);
    decoder.push(id, decoded);
    parser->push(id, checker);
    CHECK(checker.n_bytes <= decoded.size(), "text came from nowhere");
  }
  decoder.finish(decoded);
  parser->finish(checker);
  CHECK(!checker.is_open(), "a message stays open");
  CHECK(checker.n_bytes == decoded.size(), "text was lost");
  for (const char* name : {"<|start|>", "<|end|>", "<|message|>", "<|call|>", "<|endoftext|>"}) {
    CHECK(checker.text.find(name) == std::string::npos || decoded.find(name) != std::string::npos,
          "a control token became text");
  }
  return checker.log;
}

// The same text in larger tokens.
void append_merged(std::string& bytes, std::vector<TokenId>& ids) {
  const auto encoding = vocabulary().tokenizer->encode(bytes, false, {.exact = true});
  CHECK(encoding.has_value(), "every byte has a token");
  ids.insert(ids.end(), encoding->ids.begin(), encoding->ids.end());
  bytes.clear();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<TokenId> bytewise, merged;
  std::string run;
  for (std::size_t i = 0; i < size; ++i) {
    if (data[i] < kFirstControl) {
      bytewise.push_back(data[i]);
      run += static_cast<char>(data[i]);
      continue;
    }
    append_merged(run, merged);
    bytewise.push_back(vocabulary().first_control + (data[i] - kFirstControl));
    merged.push_back(bytewise.back());
  }
  append_merged(run, merged);
  CHECK(parse(bytewise) == parse(merged), "the messages depend on how the text was cut");
  return 0;
}
