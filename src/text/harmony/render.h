// render.h - a conversation to the exact tokens that gpt-oss was trained on, without a template.
//
// A chat with a model is rendered by the Jinja template of its file (text/chat_template.h), because
// that is what the file's maker and other engines do; it differs in small ways. This renderer is
// the format itself: what the reference library gives, for data, comparisons and debugging.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "text/harmony/conversation.h"
#include "text/tokenizer.h"

namespace hearth::harmony {

enum class RenderMode : std::uint8_t {
  completion,    // ends with the beginning of the next message: <|start|>assistant
  conversation,  // ends with the last message
  training,      // a last message of the assistant on channel final ends in <|return|>
};

struct RenderOptions {
  RenderMode mode = RenderMode::completion;
  Role next_role = Role::assistant;  // of a completion
  // Where the assistant's last message is on channel final, analysis before the first final one is
  // left out. While a tool call waits for its result, all analysis stays.
  bool auto_drop_analysis = true;
};

// A control token, or text that is encoded by itself and never becomes one.
struct Piece {
  std::string text;
  bool is_control = false;
};

std::vector<Piece> render(std::span<const Message> conversation, const RenderOptions& options);

// Errors: unsupported (a vocabulary without harmony's tokens), those of Tokenizer::encode.
Result<std::vector<text::TokenId>> encode(const text::Tokenizer& tokenizer,
                                          std::span<const Piece> pieces);

std::string text_of(std::span<const Piece> pieces);

}  // namespace hearth::harmony
