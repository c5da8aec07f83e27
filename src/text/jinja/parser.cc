// parser.cc - see parser.h.
//
//   expression := binary(or) ["if" binary(or) ["else" expression]]
//   binary(p)  := unary { operator of precedence >= p, binary(p + 1) }
//   unary      := ("-" | "+") unary | primary postfix* (filters, tests, calls)*
//
// The surprising precedences are Jinja's: a sign binds tighter than **, ** is left-associative, "~"
// sits between + and *, filters bind tightest.
#include "text/jinja/parser.h"

#include <algorithm>
#include <unordered_map>

#include "base/str.h"
#include "base/utf8.h"
#include "text/jinja/lexer.h"

namespace hearth::jinja {

namespace {

enum Precedence { kOr = 1, kAnd, kNot, kCompare, kSum, kConcat, kProduct, kPower };

struct BinaryEntry {
  std::string_view symbol;
  int precedence;
  StepKind step;
  BinaryOp op;
};
constexpr BinaryEntry kBinary[] = {
    {"or", kOr, StepKind::logical_or, BinaryOp::add},
    {"and", kAnd, StepKind::logical_and, BinaryOp::add},
    {"+", kSum, StepKind::binary, BinaryOp::add},
    {"-", kSum, StepKind::binary, BinaryOp::sub},
    {"*", kProduct, StepKind::binary, BinaryOp::mul},
    {"/", kProduct, StepKind::binary, BinaryOp::div},
    {"//", kProduct, StepKind::binary, BinaryOp::floor_div},
    {"%", kProduct, StepKind::binary, BinaryOp::mod},
    {"**", kPower, StepKind::binary, BinaryOp::pow},
};

constexpr std::pair<std::string_view, CompareOp> kComparisons[] = {
    {"==", CompareOp::eq}, {"!=", CompareOp::ne}, {"<", CompareOp::lt}, {"<=", CompareOp::le},
    {">", CompareOp::gt},  {">=", CompareOp::ge}, {"in", CompareOp::in}};

bool is_reserved(std::string_view name) {
  constexpr std::string_view kNames[] = {"true", "True", "false", "False", "none", "None"};
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

bool contains(std::initializer_list<std::string_view> words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

using EndTags = std::initializer_list<std::string_view>;

class Parser {
 public:
  Parser(std::vector<Token> tokens, Template& out) : tokens_(std::move(tokens)), out_(out) {}

  Result<void> run() {
    HEARTH_TRY_VOID(block({}, "", &out_.body));
    return {};
  }

 private:
  // --- tokens
  // -------------------------------------------------------------------------------------
  const Token& now() const { return tokens_[at_]; }
  const Token& ahead() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  bool is(TokenKind kind) const { return now().kind == kind; }
  bool is_op(std::string_view text) const { return is(TokenKind::op) && now().text == text; }
  bool is_name(std::string_view text) const { return is(TokenKind::name) && now().text == text; }
  bool skip_op(std::string_view text) {
    if (!is_op(text)) return false;
    ++at_;
    return true;
  }
  bool skip_name(std::string_view text) {
    if (!is_name(text)) return false;
    ++at_;
    return true;
  }

  static std::string describe(const Token& token) {
    switch (token.kind) {
      case TokenKind::data:
        return "template text";
      case TokenKind::print_begin:
        return "'{{'";
      case TokenKind::print_end:
        return "'}}'";
      case TokenKind::block_begin:
        return "'{%'";
      case TokenKind::block_end:
        return "'%}'";
      case TokenKind::end:
        return "the end of the template";
      default:
        return quote(token.text);
    }
  }
  HEARTH_JINJA_NOINLINE Error error(std::string_view what) const {
    return error_at(now().offset, what);
  }
  Error error_at(std::size_t offset, std::string_view what) const {
    return template_error(out_.source, offset, what);
  }
  HEARTH_JINJA_NOINLINE Error unexpected(std::string_view expected) const {
    return error(cat("unexpected ", describe(now()), ", expected ", expected));
  }
  Result<void> expect_op(std::string_view text) {
    if (skip_op(text)) return {};
    return unexpected(cat("'", text, "'"));
  }
  Result<std::string> expect_name(std::string_view what) {
    if (!is(TokenKind::name)) return unexpected(what);
    return tokens_[at_++].text;
  }
  Result<void> expect_block_end() {
    if (is(TokenKind::block_end)) {
      ++at_;
      return {};
    }
    return unexpected("'%}'");
  }

  // --- nodes
  // --------------------------------------------------------------------------------------
  Expr* make(ExprKind kind, std::size_t offset) {
    Expr& e = out_.exprs.emplace_back();
    e.kind = kind;
    e.offset = offset;
    return &e;
  }
  Node* make_node(NodeKind kind, std::size_t offset) {
    Node& n = out_.nodes.emplace_back();
    n.kind = kind;
    n.offset = offset;
    return &n;
  }
  Expr* constant(Value value, std::size_t offset) {
    Expr* const e = make(ExprKind::constant, offset);
    e->constant = std::move(value);
    return e;
  }
  Value constant_text(std::string text) {
    out_.constants.push_back(
        std::make_unique<StringObject>(nullptr, MarkedText(std::move(text), true), false));
    return Value(out_.constants.back().get());
  }
  Symbol symbol(const std::string& name) {
    const auto [it, is_new] = symbols_.emplace(name, static_cast<Symbol>(out_.symbols.size()));
    if (is_new) out_.symbols.push_back(name);
    return it->second;
  }
  // The chain that `e` heads: itself when it is one, so that a.b.c is one chain of two steps.
  Expr* chain(Expr* e) {
    if (e->kind == ExprKind::chain) return e;
    Expr* const c = make(ExprKind::chain, e->offset);
    c->children.push_back(e);
    return c;
  }

  // Counts nesting for as long as it lives.
  struct Depth {
    explicit Depth(int* n) : count(n) { ++*count; }
    ~Depth() { --*count; }
    Depth(const Depth&) = delete;
    Depth& operator=(const Depth&) = delete;
    int* count;
  };
  HEARTH_JINJA_NOINLINE Result<void> check_depth() const {
    if (depth_ <= kMaxSourceDepth) return {};
    return error(cat("expressions and blocks are nested more than ", kMaxSourceDepth, " deep"));
  }

  // --- expressions
  // --------------------------------------------------------------------------------
  Result<Expr*> expression() {
    const Depth depth(&depth_);
    HEARTH_TRY_VOID(check_depth());
    HEARTH_TRY(Expr * then, binary(kOr));
    while (is_name("if")) {
      Expr* const e = make(ExprKind::conditional, now().offset);
      ++at_;
      ++conditional_;
      HEARTH_TRY(Expr* const condition, binary(kOr));
      Expr* otherwise = nullptr;
      if (skip_name("else")) {
        HEARTH_TRY(otherwise, expression());
      }
      --conditional_;
      e->children = {then, condition, otherwise};
      then = e;
    }
    return then;
  }

  const BinaryEntry* binary_operator() const {
    if (!is(TokenKind::op) && !is(TokenKind::name)) return nullptr;
    for (const BinaryEntry& entry : kBinary) {
      if (entry.symbol == now().text) return &entry;
    }
    return nullptr;
  }

  Result<Expr*> binary(int lowest) {
    if (lowest <= kNot && is_name("not")) return negation(lowest);
    HEARTH_TRY(Expr * left, unary(true));
    return operators(left, lowest);
  }

  HEARTH_JINJA_NOINLINE Result<Expr*> negation(int lowest) {
    const Depth depth(&depth_);
    HEARTH_TRY_VOID(check_depth());
    Expr* const e = make(ExprKind::logical_not, now().offset);
    ++at_;
    HEARTH_TRY(Expr* const operand, binary(kNot));
    e->children.push_back(operand);
    return operators(e, lowest);
  }

  HEARTH_JINJA_NOINLINE Result<Expr*> operators(Expr* left, int lowest) {
    int bound = kPower;  // what follows a comparison must bind looser than it, and so on
    while (true) {
      if (lowest <= kConcat && bound >= kConcat && is_op("~")) {
        HEARTH_TRY(left, concatenation(left));
        bound = kConcat;
      } else if (lowest <= kCompare && bound >= kCompare && comparison_ahead()) {
        HEARTH_TRY(left, comparison(left));
        bound = kCompare;
      } else {
        const BinaryEntry* const entry = binary_operator();
        if (entry == nullptr || entry->precedence < lowest || entry->precedence > bound)
          return left;
        const std::size_t offset = now().offset;
        ++at_;
        HEARTH_TRY(const Expr* const right, binary(entry->precedence + 1));
        left = chain(left);
        Step& step = left->steps.emplace_back();
        step.kind = entry->step;
        step.op = entry->op;
        step.offset = offset;
        step.operand = right;
        bound = entry->precedence;
      }
    }
  }

  HEARTH_JINJA_NOINLINE Result<Expr*> concatenation(Expr* first) {
    Expr* const e = make(ExprKind::concat, now().offset);
    e->children.push_back(first);
    while (skip_op("~")) {
      HEARTH_TRY(const Expr* const next, binary(kConcat + 1));
      e->children.push_back(next);
    }
    return e;
  }

  bool comparison_ahead() const {
    if (is_name("not")) return ahead().kind == TokenKind::name && ahead().text == "in";
    if (!is(TokenKind::op) && !is(TokenKind::name)) return false;
    return std::any_of(std::begin(kComparisons), std::end(kComparisons),
                       [&](const auto& c) { return c.first == now().text; });
  }

  HEARTH_JINJA_NOINLINE Result<Expr*> comparison(Expr* first) {
    Expr* const e = make(ExprKind::compare, now().offset);
    e->children.push_back(first);
    while (comparison_ahead()) {
      CompareOp op = CompareOp::not_in;
      for (const auto& [text, known] : kComparisons) {
        if (now().text == text) op = known;
      }
      at_ += op == CompareOp::not_in ? 2 : 1;
      HEARTH_TRY(const Expr* const next, binary(kCompare + 1));
      e->ops.push_back(op);
      e->children.push_back(next);
    }
    return e;
  }

  Result<Expr*> unary(bool with_filters) {
    Expr* e = nullptr;
    if (is_op("-") || is_op("+")) {
      const Depth depth(&depth_);
      HEARTH_TRY_VOID(check_depth());
      e = make(now().text == "-" ? ExprKind::minus : ExprKind::plus, now().offset);
      ++at_;
      HEARTH_TRY(const Expr* const operand, unary(false));
      e->children.push_back(operand);
    } else {
      HEARTH_TRY(e, primary());
    }
    HEARTH_TRY(e, postfix(e));
    if (!with_filters) return e;
    return filters_and_tests(e);
  }

  Result<Expr*> primary() {
    const Token& token = now();
    switch (token.kind) {
      case TokenKind::name:
        ++at_;
        return name(token);
      case TokenKind::string:
        return string_literal();
      case TokenKind::integer:
      case TokenKind::floating:
        return number_literal();
      default:
        break;
    }
    if (is_op("(")) return parenthesised();
    if (is_op("[")) return list_literal();
    if (is_op("{")) return dict_literal();
    return unexpected("an expression");
  }

  HEARTH_JINJA_NOINLINE Result<Expr*> string_literal() {
    const std::size_t offset = now().offset;
    std::string text;
    while (is(TokenKind::string)) text += tokens_[at_++].text;
    return constant(constant_text(std::move(text)), offset);
  }

  HEARTH_JINJA_NOINLINE Result<Expr*> number_literal() {
    const Token& token = now();
    if (token.kind == TokenKind::integer) {
      const std::optional<Int> value = parse_integer(token.text, 0);
      if (!value) return error("this is not an integer of at most 128 bits");
      ++at_;
      return constant(Value::integer(*value), token.offset);
    }
    const std::optional<double> value = parse_float(token.text);
    if (!value) return error("this is not a number");
    ++at_;
    return constant(Value::floating(*value), token.offset);
  }

  HEARTH_JINJA_NOINLINE Expr* name(const Token& token) {
    const std::string& text = token.text;
    if (text == "true" || text == "True") return constant(Value::boolean(true), token.offset);
    if (text == "false" || text == "False") return constant(Value::boolean(false), token.offset);
    if (text == "none" || text == "None") return constant(Value::none(), token.offset);
    for (Macro* macro : macros_) {
      macro->uses_varargs |= text == "varargs";
      macro->uses_kwargs |= text == "kwargs";
      macro->uses_caller |= text == "caller";
    }
    Expr* const e = make(ExprKind::name, token.offset);
    e->symbol = symbol(text);
    return e;
  }

  bool tuple_ends() const {
    return is(TokenKind::print_end) || is(TokenKind::block_end) || is_op(")");
  }

  // One expression, or several with commas, which make a tuple. ends_at: a name that ends it too.
  Result<Expr*> tuple(bool with_conditional, bool may_be_empty, std::string_view ends_at = "") {
    const std::size_t offset = now().offset;
    std::vector<const Expr*> items;
    Expr* first = nullptr;
    bool has_comma = false;
    while (!tuple_ends() && !(is(TokenKind::name) && now().text == ends_at)) {
      Expr* item = nullptr;
      if (with_conditional) {
        HEARTH_TRY(item, expression());
      } else {
        HEARTH_TRY(item, binary(kOr));
      }
      if (items.empty()) first = item;
      items.push_back(item);
      if (!skip_op(",")) break;
      has_comma = true;
    }
    if (items.size() == 1 && !has_comma) return first;
    if (items.empty() && !may_be_empty) return unexpected("an expression");
    Expr* const e = make(ExprKind::tuple, offset);
    e->children = std::move(items);
    return e;
  }

  Result<Expr*> parenthesised() {
    ++at_;
    HEARTH_TRY(Expr* const e, tuple(true, true));
    HEARTH_TRY_VOID(expect_op(")"));
    return e;
  }

  HEARTH_JINJA_NOINLINE Result<Expr*> list_literal() {
    Expr* const e = make(ExprKind::list, now().offset);
    ++at_;
    while (!is_op("]")) {
      if (!e->children.empty()) HEARTH_TRY_VOID(expect_op(","));
      if (is_op("]")) break;
      HEARTH_TRY(const Expr* const item, expression());
      e->children.push_back(item);
    }
    ++at_;
    return e;
  }

  HEARTH_JINJA_NOINLINE Result<Expr*> dict_literal() {
    Expr* const e = make(ExprKind::dict, now().offset);
    ++at_;
    while (!is_op("}")) {
      if (!e->children.empty()) HEARTH_TRY_VOID(expect_op(","));
      if (is_op("}")) break;
      HEARTH_TRY(const Expr* const key, expression());
      HEARTH_TRY_VOID(expect_op(":"));
      HEARTH_TRY(const Expr* const value, expression());
      e->children.push_back(key);
      e->children.push_back(value);
    }
    ++at_;
    return e;
  }

  Step* add_step(Expr** e, StepKind kind) {
    *e = chain(*e);
    Step& step = (*e)->steps.emplace_back();
    step.kind = kind;
    step.offset = now().offset;
    return &step;
  }

  HEARTH_JINJA_NOINLINE Result<Expr*> postfix(Expr* e) {
    while (true) {
      if (is_op(".")) {
        HEARTH_TRY_VOID(dot(&e));
      } else if (is_op("[")) {
        HEARTH_TRY_VOID(subscript(&e));
      } else if (is_op("(")) {
        HEARTH_TRY_VOID(call(&e));
      } else {
        return e;
      }
    }
  }

  HEARTH_JINJA_NOINLINE Result<Expr*> filters_and_tests(Expr* e) {
    while (true) {
      if (is_op("|")) {
        HEARTH_TRY_VOID(filter(&e));
      } else if (is_name("is")) {
        HEARTH_TRY_VOID(test(&e));
      } else if (is_op("(")) {
        HEARTH_TRY_VOID(call(&e));
      } else {
        return e;
      }
    }
  }

  HEARTH_JINJA_NOINLINE Result<void> call(Expr** e) {
    const std::size_t offset = now().offset;
    HEARTH_TRY(CallArguments arguments, call_arguments());
    Step* const step = add_step(e, StepKind::call);
    step->offset = offset;
    step->arguments = std::move(arguments);
    return {};
  }

  HEARTH_JINJA_NOINLINE Result<void> dot(Expr** e) {
    ++at_;
    if (is(TokenKind::integer)) {
      HEARTH_TRY(const Expr* const index, primary());
      add_step(e, StepKind::item)->operand = index;
      return {};
    }
    if (!is(TokenKind::name)) return unexpected("a name after '.'");
    Step* const step = add_step(e, StepKind::attribute);
    step->name = tokens_[at_++].text;
    return {};
  }

  HEARTH_JINJA_NOINLINE Result<void> subscript(Expr** e) {
    const std::size_t offset = now().offset;
    ++at_;
    Step step;
    step.kind = StepKind::item;
    step.offset = offset;
    if (is_op("]")) return unexpected("an index");
    if (is_op(":")) {
      HEARTH_TRY_VOID(slice(&step, nullptr));
    } else {
      HEARTH_TRY(Expr* const index, expression());
      if (is_op(":")) {
        HEARTH_TRY_VOID(slice(&step, index));
      } else {
        HEARTH_TRY(step.operand, rest_of_index(index));
      }
    }
    HEARTH_TRY_VOID(expect_op("]"));
    *e = chain(*e);
    (*e)->steps.push_back(std::move(step));
    return {};
  }

  // x[1, 2] is an index by a tuple.
  Result<const Expr*> rest_of_index(Expr* first) {
    if (!is_op(",")) return static_cast<const Expr*>(first);
    Expr* const e = make(ExprKind::tuple, first->offset);
    e->children.push_back(first);
    while (skip_op(",")) {
      HEARTH_TRY(const Expr* const next, expression());
      e->children.push_back(next);
    }
    return static_cast<const Expr*>(e);
  }

  Result<void> slice(Step* step, Expr* start) {
    step->kind = StepKind::slice;
    step->bounds[0] = start;
    for (int i = 1; i < 3 && skip_op(":"); ++i) {
      if (is_op("]") || is_op(":")) continue;
      HEARTH_TRY(step->bounds[i], expression());
    }
    return {};
  }

  HEARTH_JINJA_NOINLINE Result<CallArguments> call_arguments() {
    HEARTH_TRY_VOID(expect_op("("));
    CallArguments out;
    bool first = true;
    while (!is_op(")")) {
      if (!first) HEARTH_TRY_VOID(expect_op(","));
      first = false;
      if (is_op(")")) break;
      HEARTH_TRY_VOID(call_argument(&out));
    }
    ++at_;
    return out;
  }

  Result<void> call_argument(CallArguments* out) {
    if (is_op("*") || is_op("**")) {
      const Expr*& target = is_op("*") ? out->star : out->double_star;
      if (target != nullptr || (is_op("*") && out->double_star != nullptr)) {
        return error("'*' and '**' may stand once in a call, in this order");
      }
      ++at_;
      HEARTH_TRY(target, expression());
      return {};
    }
    if (is(TokenKind::name) && ahead().kind == TokenKind::op && ahead().text == "=") {
      if (out->double_star != nullptr) return error("a keyword argument after '**'");
      std::string key = now().text;
      at_ += 2;
      HEARTH_TRY(const Expr* const value, expression());
      out->named.emplace_back(std::move(key), value);
      return {};
    }
    if (out->star != nullptr || out->double_star != nullptr || !out->named.empty()) {
      return error("a positional argument after a keyword argument");
    }
    HEARTH_TRY(const Expr* const value, expression());
    out->positional.push_back(value);
    return {};
  }

  Result<std::string> dotted_name(std::string_view what) {
    HEARTH_TRY(std::string text, expect_name(what));
    while (skip_op(".")) {
      HEARTH_TRY(const std::string part, expect_name(what));
      text += '.' + part;
    }
    return text;
  }

  // Inside a branch that may never run, an unknown filter or test fails only when it is reached.
  Result<void> resolve(Step* step, bool is_filter) {
    step->builtin = is_filter ? find_filter(step->name) : find_test(step->name);
    if (step->builtin != nullptr || conditional_ > 0) return {};
    return error_at(step->offset,
                    cat("No ", is_filter ? "filter" : "test", " named '", step->name, "'."));
  }

  Result<void> filter(Expr** e) {
    const std::size_t offset = now().offset;
    HEARTH_TRY_VOID(expect_op("|"));
    return filter_after_bar(e, offset);
  }

  HEARTH_JINJA_NOINLINE Result<void> filter_after_bar(Expr** e, std::size_t offset) {
    Step step;
    step.kind = StepKind::filter;
    step.offset = offset;
    HEARTH_TRY(step.name, dotted_name("a filter's name"));
    HEARTH_TRY_VOID(resolve(&step, true));
    if (is_op("(")) {
      HEARTH_TRY(step.arguments, call_arguments());
    }
    *e = chain(*e);
    (*e)->steps.push_back(std::move(step));
    return {};
  }

  HEARTH_JINJA_NOINLINE Result<void> test(Expr** e) {
    Step step;
    step.offset = now().offset;
    ++at_;
    step.kind = skip_name("not") ? StepKind::test_not : StepKind::test;
    HEARTH_TRY(step.name, dotted_name("a test's name"));
    HEARTH_TRY_VOID(resolve(&step, false));
    if (is_op("(")) {
      HEARTH_TRY(step.arguments, call_arguments());
    } else if (test_argument_ahead()) {
      if (is_name("is")) return error("tests cannot be chained with 'is'");
      HEARTH_TRY(Expr * argument, primary());
      HEARTH_TRY(argument, postfix(argument));
      step.arguments.positional.push_back(argument);
    }
    *e = chain(*e);
    (*e)->steps.push_back(std::move(step));
    return {};
  }

  bool test_argument_ahead() const {
    switch (now().kind) {
      case TokenKind::name:
        return !contains({"else", "or", "and"}, now().text);
      case TokenKind::string:
      case TokenKind::integer:
      case TokenKind::floating:
        return true;
      default:
        return is_op("[") || is_op("{");
    }
  }

  // --- statements
  // --------------------------------------------------------------------------------- Statements up
  // to one of the tags in `ends`, which is left as the current token.
  Result<void> block(EndTags ends, std::string_view opened_by, Block* out) {
    const Depth depth(&depth_);
    HEARTH_TRY_VOID(check_depth());
    while (!is(TokenKind::end)) {
      const Token& token = now();
      ++at_;
      if (token.kind == TokenKind::data) {
        Node* const node = make_node(NodeKind::data, token.offset);
        node->text = token.text;
        out->push_back(node);
      } else if (token.kind == TokenKind::print_begin) {
        HEARTH_TRY(const Node* const node, print(token.offset));
        out->push_back(node);
      } else {
        if (is(TokenKind::name) && contains(ends, now().text)) return {};
        HEARTH_TRY(const Node* const node, statement(token.offset, ends, opened_by));
        out->push_back(node);
      }
    }
    if (ends.size() == 0) return {};
    std::string expected;
    for (const std::string_view end : ends) {
      expected += cat(expected.empty() ? "'" : " or '", end, "'");
    }
    return error(cat("unexpected end of the template: '", opened_by, "' needs ", expected));
  }

  Result<const Node*> print(std::size_t offset) {
    Node* const node = make_node(NodeKind::print, offset);
    HEARTH_TRY(const Expr* const e, tuple(true, false));
    node->exprs.push_back(e);
    if (!is(TokenKind::print_end)) return unexpected("'}}'");
    ++at_;
    return static_cast<const Node*>(node);
  }

  using Statement = Result<const Node*> (Parser::*)(std::size_t offset);
  struct StatementEntry {
    std::string_view tag;
    Statement parse;
  };

  Result<const Node*> statement(std::size_t offset, EndTags ends, std::string_view opened_by) {
    static constexpr StatementEntry kStatements[] = {
        {"if", &Parser::if_statement},          {"for", &Parser::for_statement},
        {"set", &Parser::set_statement},        {"macro", &Parser::macro_statement},
        {"call", &Parser::call_statement},      {"filter", &Parser::filter_statement},
        {"with", &Parser::with_statement},      {"generation", &Parser::generation_statement},
        {"block", &Parser::block_statement},    {"print", &Parser::print_statement},
        {"break", &Parser::jump_statement},     {"continue", &Parser::jump_statement},
        {"include", &Parser::loader_statement}, {"import", &Parser::loader_statement},
        {"from", &Parser::loader_statement},    {"extends", &Parser::loader_statement},
    };
    if (!is(TokenKind::name)) return unexpected("a tag's name");
    for (const StatementEntry& entry : kStatements) {
      if (entry.tag == now().text) return (this->*entry.parse)(offset);
    }
    std::string message = cat("Encountered unknown tag '", now().text, "'.");
    if (ends.size() != 0) {
      message += cat(" '", opened_by, "' needs '", *(ends.end() - 1), "'.");
    }
    return error(message);
  }

  // "%}", statements, and the end tag; leaves the token after the end tag's name.
  Result<void> body(std::string_view end_tag, std::string_view opened_by, Block* out) {
    skip_op(":");
    HEARTH_TRY_VOID(expect_block_end());
    HEARTH_TRY_VOID(block({end_tag}, opened_by, out));
    ++at_;
    return {};
  }

  Result<const Node*> if_statement(std::size_t offset) {
    Node* const node = make_node(NodeKind::conditional, offset);
    ++conditional_;
    bool more = true;
    while (more) {
      ++at_;  // if, elif
      HEARTH_TRY(const Expr* const condition, tuple(false, false));
      node->exprs.push_back(condition);
      HEARTH_TRY_VOID(branch(node));
      more = is_name("elif");
    }
    if (is_name("else")) {
      ++at_;
      HEARTH_TRY_VOID(branch_until(node, {"endif"}));
    }
    --conditional_;
    ++at_;
    HEARTH_TRY_VOID(expect_block_end());
    return static_cast<const Node*>(node);
  }
  Result<void> branch(Node* node) { return branch_until(node, {"elif", "else", "endif"}); }
  Result<void> branch_until(Node* node, EndTags ends) {
    skip_op(":");
    HEARTH_TRY_VOID(expect_block_end());
    return block(ends, "if", &node->blocks.emplace_back());
  }

  Result<const Node*> for_statement(std::size_t offset) {
    Node* const node = make_node(NodeKind::loop, offset);
    ++at_;
    node->blocks.resize(2);
    HEARTH_TRY(Target target, assign_target(false));
    if (has_loop_name(target)) return error_at(target.offset, "cannot assign to 'loop' in a for");
    node->targets.push_back(std::move(target));
    if (!skip_name("in")) return unexpected("'in'");
    HEARTH_TRY(const Expr* const iterable, tuple(false, false, "recursive"));
    const Expr* filter_by = nullptr;
    if (skip_name("if")) {
      HEARTH_TRY(filter_by, expression());
    }
    node->exprs = {iterable, filter_by};
    node->recursive = skip_name("recursive");
    skip_op(":");
    HEARTH_TRY_VOID(expect_block_end());
    ++loops_;
    HEARTH_TRY_VOID(block({"else", "endfor"}, "for", &node->blocks[0]));
    --loops_;
    if (skip_name("else")) {
      HEARTH_TRY_VOID(expect_block_end());
      HEARTH_TRY_VOID(block({"endfor"}, "for", &node->blocks[1]));
    }
    ++at_;
    HEARTH_TRY_VOID(expect_block_end());
    return static_cast<const Node*>(node);
  }

  bool has_loop_name(const Target& target) const {
    if (!target.is_tuple) return out_.symbols[target.symbol] == "loop";
    return std::any_of(target.parts.begin(), target.parts.end(),
                       [this](const Target& part) { return has_loop_name(part); });
  }

  Result<Target> single_target(bool with_attribute) {
    const Depth depth(&depth_);
    HEARTH_TRY_VOID(check_depth());
    Target target;
    target.offset = now().offset;
    if (skip_op("(")) {
      HEARTH_TRY(target, assign_target(with_attribute));
      HEARTH_TRY_VOID(expect_op(")"));
      return target;
    }
    HEARTH_TRY(const std::string text, expect_name("a name to assign to"));
    if (is_reserved(text)) return error_at(target.offset, cat("cannot assign to '", text, "'"));
    target.symbol = symbol(text);
    if (with_attribute && skip_op(".")) {
      HEARTH_TRY(target.attribute, expect_name("an attribute's name"));
    }
    return target;
  }

  Result<Target> assign_target(bool with_attribute) {
    const std::size_t offset = now().offset;
    HEARTH_TRY(Target first, single_target(with_attribute));
    if (!is_op(",")) return first;
    Target target;
    target.is_tuple = true;
    target.offset = offset;
    target.parts.push_back(std::move(first));
    while (skip_op(",")) {
      if (is_op("=") || is_op(")") || is_name("in") || is(TokenKind::block_end)) break;
      HEARTH_TRY(Target next, single_target(with_attribute));
      target.parts.push_back(std::move(next));
    }
    return target;
  }

  Result<const Node*> set_statement(std::size_t offset) {
    Node* const node = make_node(NodeKind::set, offset);
    ++at_;
    HEARTH_TRY(Target target, assign_target(true));
    node->targets.push_back(std::move(target));
    if (skip_op("=")) {
      HEARTH_TRY(const Expr* const value, tuple(true, false));
      node->exprs.push_back(value);
      HEARTH_TRY_VOID(expect_block_end());
      return static_cast<const Node*>(node);
    }
    node->kind = NodeKind::set_block;
    Expr* filters = nullptr;
    while (is_op("|")) {
      if (filters == nullptr) filters = make(ExprKind::chain, now().offset);
      HEARTH_TRY_VOID(filter(&filters));
    }
    node->exprs.push_back(filters);
    HEARTH_TRY_VOID(body("endset", "set", &node->blocks.emplace_back()));
    HEARTH_TRY_VOID(expect_block_end());
    return static_cast<const Node*>(node);
  }

  Result<void> signature(Macro* macro) {
    HEARTH_TRY_VOID(expect_op("("));
    while (!is_op(")")) {
      if (!macro->parameters.empty()) HEARTH_TRY_VOID(expect_op(","));
      if (is_op(")")) break;
      HEARTH_TRY(const std::string text, expect_name("a parameter's name"));
      if (is_reserved(text)) return error(cat("cannot assign to '", text, "'"));
      const Expr* fallback = nullptr;
      if (skip_op("=")) {
        HEARTH_TRY(fallback, expression());
      } else if (!macro->defaults.empty() && macro->defaults.back() != nullptr) {
        return error("a parameter without a default after one with a default");
      }
      macro->parameters.push_back(symbol(text));
      macro->parameter_names.push_back(text);
      macro->defaults.push_back(fallback);
    }
    ++at_;
    return {};
  }

  Result<void> macro_body(Node* node, std::string_view end_tag, std::string_view opened_by) {
    const int outer_loops = std::exchange(loops_, 0);
    macros_.push_back(node->macro.get());
    HEARTH_TRY_VOID(body(end_tag, opened_by, &node->macro->body));
    macros_.pop_back();
    loops_ = outer_loops;
    return {};
  }

  Result<const Node*> macro_statement(std::size_t offset) {
    Node* const node = make_node(NodeKind::macro, offset);
    ++at_;
    node->macro = std::make_unique<Macro>();
    HEARTH_TRY(node->macro->name, expect_name("the macro's name"));
    node->symbol = symbol(node->macro->name);
    HEARTH_TRY_VOID(signature(node->macro.get()));
    HEARTH_TRY_VOID(macro_body(node, "endmacro", "macro"));
    skip_name(node->macro->name);
    HEARTH_TRY_VOID(expect_block_end());
    return static_cast<const Node*>(node);
  }

  Result<const Node*> call_statement(std::size_t offset) {
    Node* const node = make_node(NodeKind::call_block, offset);
    ++at_;
    node->macro = std::make_unique<Macro>();
    node->macro->name = "caller";
    if (is_op("(")) HEARTH_TRY_VOID(signature(node->macro.get()));
    HEARTH_TRY(const Expr* const call_expr, expression());
    if (call_expr->kind != ExprKind::chain || call_expr->steps.empty() ||
        call_expr->steps.back().kind != StepKind::call) {
      return error_at(call_expr->offset, "expected a call of a macro");
    }
    node->exprs.push_back(call_expr);
    HEARTH_TRY_VOID(macro_body(node, "endcall", "call"));
    HEARTH_TRY_VOID(expect_block_end());
    return static_cast<const Node*>(node);
  }

  Result<const Node*> filter_statement(std::size_t offset) {
    Node* const node = make_node(NodeKind::filter_block, offset);
    ++at_;
    Expr* filters = make(ExprKind::chain, now().offset);
    HEARTH_TRY_VOID(filter_after_bar(&filters, now().offset));
    while (is_op("|")) HEARTH_TRY_VOID(filter(&filters));
    node->exprs.push_back(filters);
    HEARTH_TRY_VOID(body("endfilter", "filter", &node->blocks.emplace_back()));
    HEARTH_TRY_VOID(expect_block_end());
    return static_cast<const Node*>(node);
  }

  Result<const Node*> with_statement(std::size_t offset) {
    Node* const node = make_node(NodeKind::with, offset);
    ++at_;
    while (!is(TokenKind::block_end)) {
      if (!node->targets.empty()) HEARTH_TRY_VOID(expect_op(","));
      HEARTH_TRY(Target target, single_target(false));
      HEARTH_TRY_VOID(expect_op("="));
      HEARTH_TRY(const Expr* const value, expression());
      node->targets.push_back(std::move(target));
      node->exprs.push_back(value);
    }
    HEARTH_TRY_VOID(body("endwith", "with", &node->blocks.emplace_back()));
    HEARTH_TRY_VOID(expect_block_end());
    return static_cast<const Node*>(node);
  }

  // Marks what the assistant wrote, for training; printing it is all that rendering does.
  Result<const Node*> generation_statement(std::size_t offset) {
    Node* const node = make_node(NodeKind::scope, offset);
    ++at_;
    const int outer_loops = std::exchange(loops_, 0);
    HEARTH_TRY_VOID(body("endgeneration", "generation", &node->blocks.emplace_back()));
    loops_ = outer_loops;
    HEARTH_TRY_VOID(expect_block_end());
    return static_cast<const Node*>(node);
  }

  Result<const Node*> block_statement(std::size_t offset) {
    Node* const node = make_node(NodeKind::scope, offset);
    ++at_;
    HEARTH_TRY(const std::string text, expect_name("the block's name"));
    const int outer_loops = std::exchange(loops_, 0);
    HEARTH_TRY_VOID(body("endblock", "block", &node->blocks.emplace_back()));
    loops_ = outer_loops;
    skip_name(text);
    HEARTH_TRY_VOID(expect_block_end());
    return static_cast<const Node*>(node);
  }

  Result<const Node*> print_statement(std::size_t offset) {
    Node* const node = make_node(NodeKind::print, offset);
    ++at_;
    while (!is(TokenKind::block_end)) {
      if (!node->exprs.empty()) HEARTH_TRY_VOID(expect_op(","));
      HEARTH_TRY(const Expr* const e, expression());
      node->exprs.push_back(e);
    }
    ++at_;
    return static_cast<const Node*>(node);
  }

  Result<const Node*> jump_statement(std::size_t offset) {
    const bool is_break = now().text == "break";
    if (loops_ == 0) return error(cat("'", now().text, "' outside a loop"));
    Node* const node = make_node(is_break ? NodeKind::loop_break : NodeKind::loop_continue, offset);
    ++at_;
    HEARTH_TRY_VOID(expect_block_end());
    return static_cast<const Node*>(node);
  }

  // A chat template is one text: there is nowhere to load another from. Fails when it is reached.
  Result<const Node*> loader_statement(std::size_t offset) {
    Node* const node = make_node(NodeKind::unsupported, offset);
    node->text = cat("'", now().text, "' cannot be used: a chat template loads no other templates");
    while (!is(TokenKind::block_end)) {
      if (is(TokenKind::end)) return unexpected("'%}'");
      ++at_;
    }
    ++at_;
    return static_cast<const Node*>(node);
  }

  std::vector<Token> tokens_;
  Template& out_;
  std::size_t at_ = 0;
  int depth_ = 0;
  int loops_ = 0;        // enclosing loops of the current macro
  int conditional_ = 0;  // enclosing branches
  std::vector<Macro*> macros_;
  std::unordered_map<std::string, Symbol> symbols_;
};

}  // namespace

Result<std::shared_ptr<const Template>> parse_template(std::string_view source) {
  if (source.size() > kMaxTemplateBytes) {
    return Error{ErrorKind::invalid, cat("a chat template of ", source.size(),
                                         " bytes; expected at most ", kMaxTemplateBytes)};
  }
  if (!is_valid_utf8(source)) {
    return Error{ErrorKind::invalid, "the chat template is not valid UTF-8"};
  }
  auto out = std::make_shared<Template>();
  out->source = normalise_newlines(source);
  HEARTH_TRY(std::vector<Token> tokens, tokenize(out->source));
  HEARTH_TRY_VOID(Parser(std::move(tokens), *out).run());
  return std::shared_ptr<const Template>(std::move(out));
}

}  // namespace hearth::jinja
