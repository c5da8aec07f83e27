// ast.h - a parsed template.
//
// Left-associative operators, attributes, calls, filters and tests are not nested nodes but the
// steps of one chain, applied from left to right to the value before: `a + b.c | trim` costs no
// depth however long it grows, so that the depth limits only count real nesting.
//
// A Template owns its nodes and constants and is immutable: any number of threads may render it.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/jinja/builtin.h"
#include "text/jinja/runtime.h"

namespace hearth::jinja {

using Symbol = std::uint32_t;  // index of a variable's name

struct Expr;
struct Node;
using Block = std::vector<const Node*>;

struct CallArguments {
  std::vector<const Expr*> positional;
  std::vector<std::pair<std::string, const Expr*>> named;
  const Expr* star = nullptr;         // *more
  const Expr* double_star = nullptr;  // **more
};

enum class StepKind : std::uint8_t {
  attribute,    // .name
  item,         // [operand]
  slice,        // [bounds]
  call,         // (arguments)
  filter,       // | name(arguments)
  test,         // is name(arguments)
  test_not,     // is not name(arguments)
  binary,       // op operand
  logical_and,  // and operand
  logical_or,   // or operand
};

struct Step {
  StepKind kind;
  BinaryOp op = BinaryOp::add;
  std::size_t offset = 0;
  std::string name;
  const Builtin* builtin = nullptr;  // of a filter or test; null: unknown, fails when reached
  const Expr* operand = nullptr;
  const Expr* bounds[3] = {nullptr, nullptr, nullptr};
  CallArguments arguments;
};

enum class ExprKind : std::uint8_t {
  constant,
  name,
  chain,        // children[0], then steps
  conditional,  // children: then, condition, else (may be null)
  list,
  tuple,
  dict,     // children: key, value, key, value, …
  concat,   // children[0] ~ children[1] ~ …
  compare,  // children[0] ops[0] children[1] ops[1] …
  logical_not,
  minus,
  plus,
};

struct Expr {
  ExprKind kind;
  std::size_t offset = 0;
  Value constant;
  Symbol symbol = 0;
  std::vector<const Expr*> children;
  std::vector<CompareOp> ops;
  std::vector<Step> steps;
};

// What is assigned to: a name, ns.attribute, or a tuple of targets.
struct Target {
  Symbol symbol = 0;
  std::string attribute;
  std::vector<Target> parts;
  bool is_tuple = false;
  std::size_t offset = 0;
};

struct Macro {
  std::string name;
  std::vector<Symbol> parameters;
  std::vector<std::string> parameter_names;
  std::vector<const Expr*> defaults;  // null: none; same length as parameters
  Block body;
  bool uses_varargs = false, uses_kwargs = false, uses_caller = false;
};

enum class NodeKind : std::uint8_t {
  data,          // text
  print,         // exprs
  conditional,   // exprs[i] decides blocks[i]; one more block is the else
  loop,          // for targets[0] in exprs[0] if exprs[1] (may be null): blocks[0], else blocks[1]
  set,           // targets[0] = exprs[0]
  set_block,     // targets[0] = blocks[0] through exprs[0]'s filter steps (may be null)
  macro,         // defines `macro`
  call_block,    // exprs[0] is the call, `macro` the caller
  filter_block,  // blocks[0] through exprs[0]'s steps
  with,          // targets[i] = exprs[i] in blocks[0]
  scope,         // blocks[0] in a scope of its own: generation, block
  loop_break,
  loop_continue,
  unsupported,  // fails with `text` when reached
};

struct Node {
  NodeKind kind;
  std::size_t offset = 0;
  std::string text;
  std::vector<const Expr*> exprs;
  std::vector<Target> targets;
  std::vector<Block> blocks;
  std::unique_ptr<Macro> macro;
  Symbol symbol = 0;  // of the macro's name
  bool recursive = false;
};

struct Template {
  std::string source;  // normalised
  std::vector<std::string> symbols;
  Block body;

  // Owned; the other pointers of the tree lead here. The constants are destroyed last, for
  // expressions hold references to them.
  std::vector<std::unique_ptr<Object>> constants;
  std::deque<Expr> exprs;
  std::deque<Node> nodes;

  Template() = default;
  Template(const Template&) = delete;
  Template& operator=(const Template&) = delete;
};

}  // namespace hearth::jinja
