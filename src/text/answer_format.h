// answer_format.h - how a model marks its thinking and its tool calls, by name.
//
// A catalogue of presets names them; for other models they are guessed from the chat template and
// the vocabulary.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "text/tokenizer.h"

namespace hearth::text {

enum class ReasoningFormat : std::uint8_t {
  none,
  think,    // <think>…</think> before the answer: Qwen3, DeepSeek-R1 and many more
  harmony,  // the channel "analysis" of gpt-oss
};

enum class ToolDialect : std::uint8_t {
  none,     // no tools were given, or the model knows none: what looks like a call is text
  hermes,   // <tool_call>{"name", "arguments"}</tool_call>: Hermes, Qwen
  phi4,     // <|tool_call|>[…]<|/tool_call|>, or functools[…]: Phi-4-mini
  llama3,   // <|python_tag|>{"name", "parameters"}, or the object alone: Llama 3.1 and later
  mistral,  // [TOOL_CALLS] [{"name", "arguments"}, …]
  harmony,  // a message to functions.NAME: gpt-oss
};

struct AnswerFormat {
  ReasoningFormat reasoning = ReasoningFormat::none;
  ToolDialect tools = ToolDialect::none;
  bool operator==(const AnswerFormat&) const = default;
};

// "none", "think", "harmony".
std::string_view name_of(ReasoningFormat format);
std::optional<ReasoningFormat> find_reasoning_format(std::string_view name);
// "none", "hermes", "phi4", "llama3", "mistral", "harmony".
std::string_view name_of(ToolDialect dialect);
std::optional<ToolDialect> find_tool_dialect(std::string_view name);

struct GuessedFormat {
  AnswerFormat format;
  std::string reason;  // what was seen, for people: "<think> in the chat template"; "": nothing
  bool in_template = false;  // some of it was seen there, not only in the vocabulary
};

// chat_template: its source, "" for none.
GuessedFormat guess_answer_format(std::string_view chat_template, const Tokenizer& tokenizer);

// Whether a rendered prompt leaves <think> open, so that the answer begins inside it. Only the
// template's own tag counts.
bool opens_thinking(std::span<const TextSpan> prompt);

}  // namespace hearth::text
