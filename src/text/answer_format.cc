#include "text/answer_format.h"

#include <algorithm>
#include <array>

#include "base/str.h"
#include "text/harmony/tokens.h"

namespace hearth::text {

namespace {

constexpr std::array<std::string_view, 3> kReasoningNames = {"none", "think", "harmony"};
constexpr std::array<std::string_view, 6> kDialectNames = {"none",   "hermes",  "phi4",
                                                           "llama3", "mistral", "harmony"};

template <class Enum, std::size_t n>
std::optional<Enum> find_name(const std::array<std::string_view, n>& names, std::string_view name) {
  const auto it = std::find(names.begin(), names.end(), name);
  if (it == names.end()) return std::nullopt;
  return static_cast<Enum>(it - names.begin());
}

// A mark that gives a format away. Templates come first: a vocabulary may have tokens that the
// model was never trained to write.
struct ToolMark {
  std::string_view mark;
  ToolDialect dialect;
};
constexpr ToolMark kToolMarks[] = {
    {"<tool_call>", ToolDialect::hermes},    {"<|tool_call|>", ToolDialect::phi4},
    {"functools", ToolDialect::phi4},        {"<|/tool|>", ToolDialect::phi4},
    {"<|python_tag|>", ToolDialect::llama3}, {"[TOOL_CALLS]", ToolDialect::mistral},
};

class Guess {
 public:
  Guess(std::string_view source, const Tokenizer& tokenizer)
      : template_(source), tokenizer_(&tokenizer) {}

  GuessedFormat run() {
    if (harmony::find_tokens(*tokenizer_)) {
      return {{ReasoningFormat::harmony, ToolDialect::harmony},
              cat(harmony::kChannel, " in the vocabulary")};
    }
    GuessedFormat out;
    for (const std::string_view mark : {"</think>", "<think>"}) {
      if (out.format.reasoning == ReasoningFormat::none && saw(mark)) {
        out.format.reasoning = ReasoningFormat::think;
        out.reason = cat(mark, where(mark));
        out.in_template = in_template(mark);
      }
    }
    const ToolMark* tools = tool_mark();
    if (tools == nullptr) return out;
    out.format.tools = tools->dialect;
    out.in_template = out.in_template || in_template(tools->mark);
    out.reason += cat(out.reason.empty() ? "" : ", ", tools->mark, where(tools->mark));
    return out;
  }

 private:
  bool in_template(std::string_view mark) const { return template_.find(mark) != template_.npos; }
  // As a token of its own: "functools" is an ordinary word of many vocabularies.
  bool in_vocabulary(std::string_view mark) const {
    const auto id = tokenizer_->find(mark);
    if (!id) return false;
    const TokenKind kind = tokenizer_->spec().kinds[static_cast<std::size_t>(*id)];
    return kind == TokenKind::control || kind == TokenKind::user_defined;
  }
  bool saw(std::string_view mark) const { return in_template(mark) || in_vocabulary(mark); }
  std::string where(std::string_view mark) const {
    return in_template(mark) ? " in the chat template" : " in the vocabulary";
  }

  const ToolMark* tool_mark() const {
    for (const ToolMark& one : kToolMarks) {
      if (in_template(one.mark)) return &one;
    }
    for (const ToolMark& one : kToolMarks) {
      if (in_vocabulary(one.mark)) return &one;
    }
    return nullptr;
  }

  std::string_view template_;
  const Tokenizer* tokenizer_;
};

}  // namespace

std::string_view name_of(ReasoningFormat format) {
  return kReasoningNames[static_cast<std::size_t>(format)];
}

std::optional<ReasoningFormat> find_reasoning_format(std::string_view name) {
  return find_name<ReasoningFormat>(kReasoningNames, name);
}

std::string_view name_of(ToolDialect dialect) {
  return kDialectNames[static_cast<std::size_t>(dialect)];
}

std::optional<ToolDialect> find_tool_dialect(std::string_view name) {
  return find_name<ToolDialect>(kDialectNames, name);
}

GuessedFormat guess_answer_format(std::string_view chat_template, const Tokenizer& tokenizer) {
  return Guess(chat_template, tokenizer).run();
}

bool opens_thinking(std::span<const TextSpan> prompt) {
  constexpr std::string_view kSpaces = " \t\r\n";
  for (std::size_t i = prompt.size(); i-- > 0;) {
    const std::string_view text = prompt[i].text;
    const std::size_t last = text.find_last_not_of(kSpaces);
    if (last == text.npos) continue;
    return prompt[i].trusted && text.substr(0, last + 1).ends_with("<think>");
  }
  return false;
}

}  // namespace hearth::text
