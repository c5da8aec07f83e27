// parse.h - what gpt-oss writes, token by token, as messages.
//
//   [<|start|>ROLE] [to=RECIPIENT] <|channel|>CHANNEL [to=RECIPIENT] [[<|constrain|>]TYPE]
//   <|message|> text … <|end|> or <|return|> or <|call|>
//
// Well-formed output gives the messages of the reference library. Output that breaks the form is
// read on, never refused: a control token never comes out as text, and text that is no part of a
// header comes out as the text of a message:
//   - words that cannot be a header (the answer itself, written without one) are a message, from
//     the moment they cannot; so are words between two messages, or before <|channel|>
//   - a header without <|message|>: its words after channel and recipient are the text
//   - <|start|> or <|channel|> inside a text ends that message; <|message|> there begins another
//     one with the same header, or nothing new in a tool call; other control tokens are dropped
//   - of two channels in a header the last one counts; an author that is no role is a tool's name
// parse_test.cc has an example of each.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "text/harmony/conversation.h"
#include "text/harmony/tokens.h"
#include "text/tokenizer.h"

namespace hearth::harmony {

class MessageSink {
 public:
  virtual ~MessageSink() = default;
  virtual void begin_message(const Header& header) = 0;
  virtual void add_text(std::string_view text) = 0;  // whole characters
  virtual void end_message() = 0;
  // n_bytes of the decoded tokens were words of a header. These and add_text's together are all of
  // the decoded text, in order.
  virtual void skip(std::size_t n_bytes) = 0;
};

class StreamParser {
 public:
  // The tokenizer must outlive the parser. Errors: unsupported, when it lacks harmony's tokens. The
  // tokens follow a prompt that ends in "<|start|>assistant", or begin with <|start|> themselves.
  static Result<StreamParser> create(const text::Tokenizer& tokenizer);

  void push(text::TokenId id, MessageSink& sink);
  // The end of the tokens: what was held back comes out, an open message is closed.
  void finish(MessageSink& sink);

 private:
  struct HeaderWords;

  StreamParser(const text::Tokenizer& tokenizer, const Tokens& tokens)
      : tokens_(tokens), decoder_(tokenizer) {}

  bool control(text::TokenId id, MessageSink& sink);
  void take_text(MessageSink& sink);

  void expect_header(const Header& base, bool has_author);
  HeaderWords read_header(bool is_complete) const;
  void read_words(MessageSink& sink);
  void begin_channel(MessageSink& sink);
  void begin_message(MessageSink& sink);
  void end_header(bool is_terminated, MessageSink& sink);
  void flush_words(const HeaderWords& read, std::size_t rest, MessageSink& sink);
  void write_words(const Header& header, std::size_t rest, MessageSink& sink);

  void begin_text(const Header& header, MessageSink& sink);
  void write(std::string_view text, MessageSink& sink);
  void end_text(MessageSink& sink);

  Tokens tokens_;
  text::StreamingDecoder decoder_;
  std::string decoded_;

  bool in_text_ = false;
  bool wrote_text_ = false;  // of the open message
  Header header_;            // of the open message
  // The header that is being read: what is known before its first word, its words so far, and where
  // in them <|channel|> and <|constrain|> stood.
  Header base_;
  bool has_author_ = true;
  std::string words_;
  std::size_t channel_at_ = std::string::npos, constrain_at_ = std::string::npos;
};

}  // namespace hearth::harmony
