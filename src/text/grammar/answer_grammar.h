// answer_grammar.h - what a model may write for an answer of a given shape, in its own format: its
// thinking first, then content of the shape, or tool calls. Part of the portable core.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/result.h"
#include "text/answer_format.h"
#include "text/grammar/grammar.h"
#include "text/tokenizer.h"

namespace hearth::text {

struct ContentShape {
  enum class Kind : std::uint8_t { any, json_object, json_schema, gbnf };
  Kind kind = Kind::any;
  nlohmann::ordered_json schema = {};
  std::string gbnf = {};
};

struct ToolShape {
  std::string name;
  // Of the arguments; null: any object.
  nlohmann::ordered_json schema = nullptr;
};

enum class CallRule : std::uint8_t {
  none,      // no calls: content only
  optional,  // content, or calls
  required,  // at least one call, and no content
};

struct AnswerShape {
  ContentShape content{};
  CallRule calls = CallRule::none;
  std::vector<ToolShape> tools{};  // those that may be called
  bool one_call = false;           // at most one
};

// format: of the answer, as it will be read (its tools: ToolDialect::none without calls).
// thinking_is_open: the prompt ends inside <think>. Thinking is free, but for the tag that ends it.
// Errors: those of the schemas and of the grammar; invalid, when calls are wanted and the format
// knows none.
Result<std::shared_ptr<const Grammar>> answer_grammar(const AnswerShape& shape,
                                                      const Tokenizer& tokenizer,
                                                      const AnswerFormat& format,
                                                      bool thinking_is_open);

}  // namespace hearth::text
