// grammar_builder.h - expressions to a compiled grammar. Part of the portable core.
//
//   GrammarBuilder b;
//   const auto digits = b.declare("digits");
//   b.define(digits, b.repeat(b.bytes('0', '9'), 1, b.kUnbounded));
//   HEARTH_TRY(auto grammar, b.build(digits));
//
// An expression may be used in several places. Nothing here fails before build().
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "text/grammar/code_point_set.h"
#include "text/grammar/grammar.h"

namespace hearth::text {

class GrammarBuilder {
 public:
  // 4 MB of program: what repeats an expression with bounds is compiled as often as it may occur.
  static constexpr std::size_t kMaxInstructions = std::size_t{1} << 18;
  // Expressions in each other; rules that call each other are as many as they like.
  static constexpr int kMaxNesting = 2000;
  static constexpr std::uint32_t kUnbounded = 0xFFFFFFFF;

  struct Expr {
    std::uint32_t index;
  };
  struct Rule {
    std::uint32_t index;
    bool operator==(const Rule&) const = default;
  };

  Expr empty() { return sequence({}); }
  Expr nothing() { return choice({}); }  // matches no text at all
  Expr text(std::string_view bytes);     // these bytes
  Expr bytes(std::uint8_t low, std::uint8_t high);
  Expr characters(const CodePointSet& set);  // one of them, as UTF-8
  Expr tag(std::string_view name);           // the control token of this name
  Expr sequence(std::vector<Expr> parts);
  Expr choice(std::vector<Expr> alternatives);
  Expr repeat(Expr what, std::uint32_t least, std::uint32_t most);
  Expr optional(Expr what) { return repeat(what, 0, 1); }
  Expr call(Rule rule);

  // The name is for messages.
  Rule declare(std::string name);
  void define(Rule rule, Expr meaning);
  bool is_defined(Rule rule) const;

  // Errors: invalid, naming the rule (it is not defined; it calls itself before any byte; the root
  // describes no text), unsupported (more instructions or deeper nesting than the bounds).
  Result<std::shared_ptr<const Grammar>> build(Rule root) const;

 private:
  friend class GrammarCompiler;
  struct Node {
    enum class Kind : std::uint8_t { bytes, characters, tag, sequence, choice, repeat, call };
    Kind kind;
    std::uint8_t low = 0, high = 0;
    std::uint32_t least = 0, most = 0;
    std::uint32_t index = 0;  // of sets_, tags_ or rules_
    std::vector<Expr> parts = {};
  };
  struct RuleEntry {
    std::string name;
    std::uint32_t meaning = kUnbounded;
  };
  Expr add(Node node);

  std::vector<Node> nodes_;
  std::vector<CodePointSet> sets_;
  std::vector<std::string> tags_;
  std::vector<RuleEntry> rules_;
};

}  // namespace hearth::text
