// json_grammar.h - JSON in the parts that a grammar is made of. Part of the portable core.
//
// What a model may write is JSON, in fewer ways than JSON allows: between two tokens there is
// nothing, a blank, or a line break with indentation; numbers end after as many digits as a double
// or an int64 needs; a string holds whole characters, escapes of half ones included. Otherwise an
// answer could be correct and go on for ever.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "text/grammar/grammar_builder.h"

namespace hearth::text {

class JsonGrammar {
 public:
  using Expr = GrammarBuilder::Expr;
  static constexpr std::uint32_t kUnbounded = GrammarBuilder::kUnbounded;

  explicit JsonGrammar(GrammarBuilder& builder) : b_(builder) {}

  Expr value();
  Expr object();
  Expr array();
  Expr string() { return string(0, kUnbounded); }
  Expr string(std::uint32_t least, std::uint32_t most);  // of so many characters
  Expr number();
  Expr integer();
  Expr boolean();
  Expr null() { return b_.text("null"); }
  Expr literal(const nlohmann::ordered_json& value);  // just this, on one line

  Expr space();
  // A member of an object: its name, then what it is.
  Expr member(Expr name, Expr value);
  // A string that is none of these.
  Expr name_but(const std::vector<std::string>& names);
  // One of the characters, as it is written inside a string.
  Expr character(const CodePointSet& set);
  Expr quoted(Expr content) { return b_.sequence({b_.text("\""), content, b_.text("\"")}); }

 private:
  using Rule = GrammarBuilder::Rule;
  // The rule in `slot`, made by the first call.
  template <class Make>
  Expr once(std::optional<Rule>& slot, const char* name, const Make& make);
  Expr any_character();

  GrammarBuilder& b_;
  std::optional<Rule> value_, object_, array_, string_, number_, integer_, space_, character_;
};

}  // namespace hearth::text
