// harmony_answer_parser.h - gpt-oss's messages as an answer.
#pragma once

#include "text/answer_parser.h"
#include "text/harmony/parse.h"

namespace hearth::text {

// What its channels and recipients mean: a message to a tool is a call when tools were given,
// "analysis" is reasoning, everything else is for the reader. Two messages for the same reader are
// a blank line apart.
class HarmonyAnswerParser final : public AnswerParser, private harmony::MessageSink {
 public:
  HarmonyAnswerParser(harmony::StreamParser parser, bool has_tools)
      : parser_(std::move(parser)), has_tools_(has_tools) {}

  void push(TokenId id, AnswerEvents& out) override;
  void finish(AnswerEvents& out, std::optional<TokenId> ended_by) override;

 private:
  void begin_message(const harmony::Header& header) override;
  void add_text(std::string_view text) override;
  void end_message() override;
  void skip(std::size_t n_bytes) override { out_->add_markup(n_bytes); }

  harmony::StreamParser parser_;
  bool has_tools_;
  AnswerEvents* out_ = nullptr;                      // during a call
  AnswerEventKind kind_ = AnswerEventKind::content;  // of the open message
  bool is_new_ = true;                               // it has no text yet
  bool has_content_ = false, has_reasoning_ = false;
  std::int32_t n_calls_ = 0;
};

}  // namespace hearth::text
