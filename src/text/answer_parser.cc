#include "text/answer_parser.h"

#include <algorithm>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/str.h"
#include "text/answer/harmony_answer_parser.h"
#include "text/answer/text_answer_parser.h"

namespace hearth::text {

namespace {

// Decodes tokens for a parser of text. Of control tokens it gets those that are tags.
class DecodingAnswerParser final : public AnswerParser {
 public:
  DecodingAnswerParser(const Tokenizer& tokenizer, const AnswerFormat& format,
                       bool thinking_is_open)
      : tokenizer_(&tokenizer), decoder_(tokenizer), parser_(format, thinking_is_open) {
    if (format.reasoning == ReasoningFormat::think) add_tags(kThinkTags);
    add_tags(tool_tags(format.tools));
    const std::size_t longest = std::max<std::size_t>(tokenizer.longest_token_bytes(), 16);
    decoder_.reserve(longest + 8);
    text_.reserve(4 * longest);
  }

  void push(TokenId id, AnswerEvents& out) override {
    text_.clear();
    const bool is_tag = std::find(tag_ids_.begin(), tag_ids_.end(), id) != tag_ids_.end();
    if (is_tag) {
      decoder_.finish(text_);
    } else {
      decoder_.push(id, text_);
    }
    parser_.push(text_, out);
    if (is_tag) parser_.push_control(tokenizer_->token_bytes(id, true), out);
  }

  void finish(AnswerEvents& out, std::optional<TokenId> /*ended_by*/) override {
    text_.clear();
    decoder_.finish(text_);
    parser_.push(text_, out);
    parser_.finish(out);
  }

 private:
  void add_tags(std::span<const std::string_view> tags) {
    for (const std::string_view tag : tags) {
      const auto id = tokenizer_->find(tag);
      if (!id) continue;
      const TokenKind kind = tokenizer_->spec().kinds[static_cast<std::size_t>(*id)];
      if (kind == TokenKind::control) tag_ids_.push_back(*id);
    }
  }

  const Tokenizer* tokenizer_;
  StreamingDecoder decoder_;
  std::vector<TokenId> tag_ids_;
  TextAnswerParser parser_;
  std::string text_;
};

}  // namespace

Result<std::unique_ptr<AnswerParser>> make_answer_parser(const Tokenizer& tokenizer,
                                                         const AnswerFormat& format,
                                                         bool thinking_is_open) {
  const bool has_tools = format.tools != ToolDialect::none;
  const bool harmony_reasons = format.reasoning == ReasoningFormat::harmony;
  const bool harmony_calls = format.tools == ToolDialect::harmony;
  if (!harmony_reasons && !harmony_calls) {
    return std::unique_ptr<AnswerParser>(
        std::make_unique<DecodingAnswerParser>(tokenizer, format, thinking_is_open));
  }
  if (!harmony_reasons || (has_tools && !harmony_calls)) {
    return Error{
        ErrorKind::invalid,
        cat("reasoning format ", name_of(format.reasoning), " with tool dialect ",
            name_of(format.tools), ": harmony's reasoning goes with the tools harmony or none")};
  }
  HEARTH_TRY(harmony::StreamParser parser, harmony::StreamParser::create(tokenizer));
  return std::unique_ptr<AnswerParser>(
      std::make_unique<HarmonyAnswerParser>(std::move(parser), has_tools));
}

}  // namespace hearth::text
