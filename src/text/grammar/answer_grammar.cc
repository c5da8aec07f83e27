#include "text/grammar/answer_grammar.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/str.h"
#include "text/grammar/gbnf.h"
#include "text/grammar/grammar_builder.h"
#include "text/grammar/json_grammar.h"
#include "text/grammar/json_schema.h"

namespace hearth::text {

namespace {

using Expr = GrammarBuilder::Expr;

class AnswerGrammar {
 public:
  AnswerGrammar(const AnswerShape& shape, const Tokenizer& tokenizer, const AnswerFormat& format)
      : shape_(shape), tokenizer_(tokenizer), format_(format), json_(b_) {}

  Result<std::shared_ptr<const Grammar>> run(bool thinking_is_open) {
    const bool is_harmony = format_.reasoning == ReasoningFormat::harmony;
    HEARTH_TRY(const Expr answer, is_harmony ? harmony() : text_answer());
    const auto root = b_.declare("the answer");
    b_.define(root, is_harmony ? answer : b_.sequence({thinking(thinking_is_open), answer}));
    return b_.build(root);
  }

 private:
  // A tag is one control token where the vocabulary has it, else its characters.
  Expr tag(std::string_view text) { return is_control(text) ? b_.tag(text) : b_.text(text); }

  Expr any_byte() { return b_.bytes(0, 0xFF); }
  Expr any_text() { return b_.repeat(any_byte(), 0, b_.kUnbounded); }

  bool is_control(std::string_view text) const {
    const auto id = tokenizer_.find(text);
    return id && tokenizer_.spec().kinds[static_cast<std::size_t>(*id)] == TokenKind::control;
  }

  // A tag and what comes behind it.
  struct Turn {
    std::string_view tag;
    Expr then;
  };

  // Free text in which the tags do not occur, up to one of them and what follows it; or, if
  // may_end, just that text. At most one of the tags is not a control token; its first character
  // is nowhere else in it.
  Expr text_until(const std::vector<Turn>& turns, bool may_end) {
    std::vector<Expr> exits;
    if (may_end) exits.push_back(b_.empty());
    const Turn* spelt = nullptr;
    for (const Turn& turn : turns) {
      if (is_control(turn.tag)) {
        exits.push_back(b_.sequence({b_.tag(turn.tag), turn.then}));
      } else {
        spelt = &turn;
      }
    }
    if (spelt == nullptr) return b_.sequence({any_text(), b_.choice(std::move(exits))});
    return text_until_spelt(*spelt, exits);
  }

  // scan[i] is what may come when the first i characters of the tag were read last.
  Expr text_until_spelt(const Turn& turn, const std::vector<Expr>& exits) {
    const std::string_view tag = turn.tag;
    std::vector<GrammarBuilder::Rule> scan;
    for (std::size_t i = 0; i < tag.size(); ++i) scan.push_back(b_.declare("free text"));
    const auto first = static_cast<std::uint8_t>(tag[0]);
    for (std::size_t i = 0; i < tag.size(); ++i) {
      const auto next = static_cast<std::uint8_t>(tag[i]);
      std::vector<Expr> ways = exits;
      const Expr goes_on = i + 1 == tag.size() ? turn.then : b_.call(scan[i + 1]);
      ways.push_back(b_.sequence({b_.bytes(next, next), goes_on}));
      if (first != next) ways.push_back(b_.sequence({b_.bytes(first, first), b_.call(scan[1])}));
      const CodePointSet others = CodePointSet{{0, 0xFF}}.without({{first, first}, {next, next}});
      for (const CodePointSet::Range& range : others.ranges()) {
        if (range.low > 0xFF) break;
        const auto high = static_cast<std::uint8_t>(std::min<char32_t>(range.high, 0xFF));
        ways.push_back(
            b_.sequence({b_.bytes(static_cast<std::uint8_t>(range.low), high), b_.call(scan[0])}));
      }
      b_.define(scan[i], b_.choice(std::move(ways)));
    }
    return b_.call(scan[0]);
  }

  Expr thinking(bool is_open) {
    if (format_.reasoning != ReasoningFormat::think) return b_.empty();
    const Expr rest = text_until({{"</think>", b_.repeat(b_.text("\n"), 0, 2)}}, false);
    return is_open ? rest : b_.optional(b_.sequence({tag("<think>"), rest}));
  }

  Result<Expr> content() {
    switch (shape_.content.kind) {
      case ContentShape::Kind::any:
        return any_text();
      case ContentShape::Kind::json_object:
        return json_.object();
      case ContentShape::Kind::json_schema:
        return matching_schema(b_, json_, shape_.content.schema, "the schema");
      case ContentShape::Kind::gbnf: {
        HEARTH_TRY(const auto root, add_gbnf(b_, shape_.content.gbnf));
        return b_.call(root);
      }
    }
    return any_text();
  }

  Result<Expr> arguments_of(const ToolShape& tool) {
    if (tool.schema.is_null()) return json_.object();
    return matching_schema(b_, json_, tool.schema,
                           cat("the schema of the tool ", quote(tool.name)));
  }

  // {"name": …, "arguments": …}
  Result<Expr> call_object(std::string_view arguments_key) {
    std::vector<Expr> ways;
    for (const ToolShape& tool : shape_.tools) {
      HEARTH_TRY(const Expr arguments, arguments_of(tool));
      const Expr name = json_.member(b_.text("\"name\""), json_.literal(tool.name));
      const Expr given = json_.member(json_.literal(std::string(arguments_key)), arguments);
      ways.push_back(b_.sequence({b_.text("{"), json_.space(), name, b_.text(","), json_.space(),
                                  given, json_.space(), b_.text("}")}));
    }
    return b_.choice(std::move(ways));
  }

  // How calls begin in the answer's text, the likeliest way first.
  Result<std::vector<Turn>> calls() {
    const bool is_llama = format_.tools == ToolDialect::llama3;
    HEARTH_TRY(const Expr call, call_object(is_llama ? "parameters" : "arguments"));
    const Expr line = b_.optional(b_.text("\n"));
    const Expr blank = b_.optional(b_.text(" "));
    switch (format_.tools) {
      case ToolDialect::hermes: {
        const Expr rest = b_.sequence({line, call, line, tag("</tool_call>")});
        const Expr another = b_.sequence({line, tag("<tool_call>"), rest});
        const Expr others = b_.repeat(another, 0, shape_.one_call ? 0 : b_.kUnbounded);
        return std::vector<Turn>{{"<tool_call>", b_.sequence({rest, others})}};
      }
      case ToolDialect::phi4: {
        const Turn spelt = {"functools[", list_behind_bracket(call)};
        if (!is_control("<|tool_call|>")) return std::vector<Turn>{spelt};
        const Expr list =
            b_.sequence({b_.text("["), list_behind_bracket(call), tag("<|/tool_call|>")});
        return std::vector<Turn>{{"<|tool_call|>", list}, spelt};
      }
      case ToolDialect::llama3:
        return std::vector<Turn>{{"<|python_tag|>", call}};
      case ToolDialect::mistral:
        return std::vector<Turn>{
            {"[TOOL_CALLS]", b_.sequence({blank, b_.text("["), list_behind_bracket(call)})}};
      case ToolDialect::none:
      case ToolDialect::harmony:
        break;
    }
    return Error{ErrorKind::invalid, "the model's answer format has no tool calls"};
  }

  Expr list_behind_bracket(Expr call) {
    const Expr another = b_.sequence({b_.text(","), json_.space(), call});
    const Expr others = b_.repeat(another, 0, shape_.one_call ? 0 : b_.kUnbounded);
    return b_.sequence({json_.space(), call, others, json_.space(), b_.text("]")});
  }

  Result<Expr> text_answer() {
    if (shape_.calls == CallRule::none) return content();
    HEARTH_TRY(const auto turns, calls());
    // Llama's tag is for its own code tools; it calls functions with the object alone.
    const bool stands_alone = format_.tools == ToolDialect::llama3;
    const Expr called =
        stands_alone ? turns[0].then : b_.sequence({tag(turns[0].tag), turns[0].then});
    if (shape_.calls == CallRule::required) return called;
    if (shape_.content.kind != ContentShape::Kind::any) {
      HEARTH_TRY(const Expr written, content());
      return b_.choice({called, written});
    }
    const Expr free = text_until(turns, true);
    if (!stands_alone) return free;
    // An answer that begins with an object is a call.
    const CodePointSet blank = {{'\t', '\n'}, {'\r', '\r'}, {' ', ' '}};
    const Expr blanks = b_.repeat(b_.characters(blank), 0, b_.kUnbounded);
    CodePointSet call_or_blank = blank;
    call_or_blank.add('{');
    const Expr other = b_.characters(call_or_blank.inverted());
    return b_.choice({called, blanks, b_.sequence({blanks, other, free})});
  }

  // <|channel|>analysis<|message|>…<|end|><|start|>assistant, as often as wanted, then the answer.
  Result<Expr> harmony() {
    const Expr channel = b_.tag("<|channel|>"), message = b_.tag("<|message|>");
    const Expr next = b_.sequence({b_.tag("<|end|>"), b_.tag("<|start|>"), b_.text("assistant")});
    const Expr thought = b_.sequence({channel, b_.text("analysis"), message, any_text(), next});
    std::vector<Expr> before = {thought}, ways;
    if (shape_.calls == CallRule::optional) {
      before.push_back(b_.sequence({channel, b_.text("commentary"), message, any_text(), next}));
    }
    if (shape_.calls != CallRule::none) {
      for (const ToolShape& tool : shape_.tools) {
        HEARTH_TRY(const Expr arguments, arguments_of(tool));
        const Expr to = b_.text(cat("commentary to=functions.", tool.name, " "));
        ways.push_back(b_.sequence(
            {channel, to, b_.tag("<|constrain|>"), b_.text("json"), message, arguments}));
      }
    }
    if (shape_.calls != CallRule::required) {
      HEARTH_TRY(const Expr written, content());
      const bool is_json = shape_.content.kind == ContentShape::Kind::json_object ||
                           shape_.content.kind == ContentShape::Kind::json_schema;
      const Expr type =
          b_.sequence({b_.optional(b_.text(" ")), b_.tag("<|constrain|>"), b_.text("json")});
      ways.push_back(b_.sequence(
          {channel, b_.text("final"), is_json ? b_.optional(type) : b_.empty(), message, written}));
    }
    return b_.sequence(
        {b_.repeat(b_.choice(before), 0, b_.kUnbounded), b_.choice(std::move(ways))});
  }

  const AnswerShape& shape_;
  const Tokenizer& tokenizer_;
  AnswerFormat format_;
  GrammarBuilder b_;
  JsonGrammar json_;
};

}  // namespace

Result<std::shared_ptr<const Grammar>> answer_grammar(const AnswerShape& shape,
                                                      const Tokenizer& tokenizer,
                                                      const AnswerFormat& format,
                                                      bool thinking_is_open) {
  return AnswerGrammar(shape, tokenizer, format).run(thinking_is_open);
}

}  // namespace hearth::text
