// render.cc - the evaluator, see render.h.
//
// Scopes. A for loop makes one a pass, a macro call one a call; with, set blocks, filter blocks and
// generation blocks make one; an if makes none. Names are looked up from the innermost scope
// outwards, then among the global functions; assignment goes to the innermost scope. A macro
// remembers the scope it was defined in, not the one it is called from.
//
// Traps. C++ recursion is bounded by Limits::depth alone, so every function that can reach itself
// again goes through evaluate(), run() or call_macro(), which count; keep their frames small. A
// scope that a macro remembers forms a cycle with it; Heap::keep breaks it at the end.
#include "text/jinja/render.h"

#include <algorithm>

#include "base/str.h"
#include "text/jinja/builtin.h"
#include "text/jinja/lexer.h"

namespace hearth::jinja {

namespace {

struct Scope : Object {
  Scope(Heap* heap, Ref<Scope> outer) : Object(heap), parent(std::move(outer)) {
    set_nesting(parent ? parent->nesting() + 1 : 0);
    weigh(sizeof *this);
  }
  void clear() override {
    variables.clear();
    parent = Ref<Scope>();
  }
  const Value* find(Symbol symbol) const {
    for (const auto& [name, value] : variables) {
      if (name == symbol) return &value;
    }
    return nullptr;
  }
  void set(Symbol symbol, Value value) {
    for (auto& [name, old] : variables) {
      if (name != symbol) continue;
      old = std::move(value);
      return;
    }
    variables.emplace_back(symbol, std::move(value));
  }
  Ref<Scope> parent;
  std::vector<std::pair<Symbol, Value>> variables;
  bool kept = false;
};

struct MacroObject : Object {
  MacroObject(Heap* heap, const Macro& what, Ref<Scope> scope)
      : Object(heap, Kind::macro), macro(&what), closure(std::move(scope)) {
    weigh(sizeof *this);
  }
  Result<std::optional<Value>> own_attribute(Runtime& runtime, std::string_view name) override {
    return name == "name" ? std::optional(runtime.text(macro->name)) : std::nullopt;
  }
  const Macro* macro;
  Ref<Scope> closure;
};

enum class Flow : std::uint8_t { normal, loop_break, loop_continue };

}  // namespace

// The value of `loop`. Elements come one by one, so that a filter in the for sees what the passes
// before it changed; attributes that need to know the rest look ahead.
struct LoopObject : Object {
  LoopObject(Heap* heap, const Node& for_node, Ref<IteratorObject> elements, int depth)
      : Object(heap, Kind::loop), node(&for_node), source(std::move(elements)), depth0(depth) {
    set_nesting(source->nesting() + 1);
    weigh(sizeof *this);
  }
  Result<std::optional<Value>> own_attribute(Runtime& runtime, std::string_view name) override;
  Result<bool> pull(Renderer& renderer, Value& out);
  Result<bool> look_ahead(Renderer& renderer);
  Result<std::size_t> count(Renderer& renderer);
  // The loop is over: only its numbers stay.
  void finish() {
    outer = nullptr;
    source = Ref<IteratorObject>();
    current = previous = last_changed = Value();
    after.reset();
  }

  const Node* node;
  Scope* outer = nullptr;  // while the loop runs
  Ref<IteratorObject> source;
  int depth0;
  std::size_t index0 = 0;
  std::optional<std::size_t> length;
  Value current, previous, last_changed;
  bool has_changed = false;
  std::optional<Value> after;    // the element that was looked at ahead
  bool pulled_by_count = false;  // `source` now holds elements that have passed the filter
};

class Renderer : public Runtime {
 public:
  Renderer(const Template& source, const Limits& limits, std::time_t now)
      : Runtime(limits, now), template_(source), scope_(new Scope(&heap(), Ref<Scope>())) {
    for (const std::string& name : source.symbols) {
      globals_.push_back(find_global(name));
      if (name == "loop") loop_ = static_cast<Symbol>(globals_.size() - 1);
      if (name == "varargs") varargs_ = static_cast<Symbol>(globals_.size() - 1);
      if (name == "kwargs") kwargs_ = static_cast<Symbol>(globals_.size() - 1);
      if (name == "caller") caller_ = static_cast<Symbol>(globals_.size() - 1);
    }
  }

  void set(std::string_view name, Value value) {
    const auto it = std::find(template_.symbols.begin(), template_.symbols.end(), name);
    // A variable that the template never names needs no place.
    if (it == template_.symbols.end()) return;
    scope_->set(static_cast<Symbol>(it - template_.symbols.begin()), std::move(value));
  }

  Result<MarkedText> render() {
    MarkedText out;
    out_ = &out;
    scope_ = Ref<Scope>(new Scope(&heap(), scope_));
    HEARTH_TRY_VOID(run(template_.body));
    return out;
  }

  // For LoopObject.
  Result<bool> passes(const LoopObject& loop, const Value& element);

 private:
  // Replaces the current scope for as long as it lives.
  class Enter {
   public:
    Enter(Renderer& renderer, Ref<Scope> scope) : renderer_(renderer), before_(renderer.scope_) {
      renderer_.scope_ = std::move(scope);
    }
    ~Enter() { renderer_.scope_ = std::move(before_); }
    Enter(const Enter&) = delete;
    Enter& operator=(const Enter&) = delete;

   private:
    Renderer& renderer_;
    Ref<Scope> before_;
  };
  // Collects what is printed while it lives.
  class Capture {
   public:
    explicit Capture(Renderer& renderer) : renderer_(renderer), before_(renderer.out_) {
      renderer_.out_ = &text;
    }
    ~Capture() { renderer_.out_ = before_; }
    Capture(const Capture&) = delete;
    Capture& operator=(const Capture&) = delete;
    MarkedText text;

   private:
    Renderer& renderer_;
    MarkedText* before_;
  };
  struct Depth {
    explicit Depth(int* n) : count(n) { ++*count; }
    ~Depth() { --*count; }
    Depth(const Depth&) = delete;
    Depth& operator=(const Depth&) = delete;
    int* count;
  };

  Ref<Scope> inner_scope() { return Ref<Scope>(new Scope(&heap(), scope_)); }

  HEARTH_JINJA_NOINLINE Error locate(Error error, std::size_t offset);
  HEARTH_JINJA_NOINLINE Error fail(std::size_t offset, std::string message) {
    return locate(type_error(std::move(message)), offset);
  }
  HEARTH_JINJA_NOINLINE Result<void> check(std::size_t offset);

  // Expressions.
  Result<Value> evaluate(const Expr& e);
  Result<Value> evaluate_or_none(const Expr* e);
  Value look_up(Symbol symbol);
  Result<Value> chain(const Expr& e);
  HEARTH_JINJA_NOINLINE Result<Value> steps(const Expr& e, std::size_t count, Value v);
  HEARTH_JINJA_NOINLINE Result<Value> step(const Step& s, const Value& v);
  Result<Value> binary_step(const Step& s, const Value& v);
  Result<Value> item_step(const Step& s, const Value& v);
  Result<Value> slice_step(const Step& s, const Value& v);
  Result<Value> call_step(const Step& s, const Value& callee);
  Result<Value> builtin_step(const Step& s, const Value& v);
  Result<Value> conditional(const Expr& e);
  Result<Value> sequence(const Expr& e);
  Result<Value> dict_literal(const Expr& e);
  Result<Value> concat(const Expr& e);
  Result<Value> comparison(const Expr& e);
  Result<Value> unary(const Expr& e);
  Result<Arguments> arguments(const CallArguments& written);
  HEARTH_JINJA_NOINLINE Result<void> more_arguments(const CallArguments& written, Arguments* out);
  Result<Value> call(const Value& callee, Arguments arguments);
  HEARTH_JINJA_NOINLINE Result<Value> call_macro(const MacroObject& macro, Arguments arguments);
  HEARTH_JINJA_NOINLINE Result<void> bind_parameters(const Macro& macro, Arguments& arguments,
                                                     Scope& scope);
  HEARTH_JINJA_NOINLINE Result<void> bind_rest(const Macro& macro, Arguments& arguments,
                                               Scope& scope);
  HEARTH_JINJA_NOINLINE Result<Value> call_loop(const LoopObject& loop, Arguments arguments);

  // Statements.
  Result<Flow> run(const Block& block);
  HEARTH_JINJA_NOINLINE Result<Flow> statement(const Node& node);
  HEARTH_JINJA_NOINLINE Result<Flow> run_inside(const Block& block);
  HEARTH_JINJA_NOINLINE Result<void> print(const Node& node);
  HEARTH_JINJA_NOINLINE Result<Flow> conditional(const Node& node);
  HEARTH_JINJA_NOINLINE Result<Flow> loop(const Node& node);
  HEARTH_JINJA_NOINLINE Result<Flow> loop_over(const Node& node, const Value& elements, int depth0);
  HEARTH_JINJA_NOINLINE Result<Flow> loop_passes(const Node& node, LoopObject& loop, bool* any);
  HEARTH_JINJA_NOINLINE Result<void> set(const Node& node);
  HEARTH_JINJA_NOINLINE Result<Flow> set_block(const Node& node);
  HEARTH_JINJA_NOINLINE Result<Flow> filter_block(const Node& node);
  HEARTH_JINJA_NOINLINE Result<Flow> with(const Node& node);
  HEARTH_JINJA_NOINLINE Result<void> call_block(const Node& node);
  Value define_macro(const Node& node);
  Result<void> assign(const Target& target, Value value);
  Result<void> assign_attribute(const Target& target, Value value);
  HEARTH_JINJA_NOINLINE Result<void> emit(const Value& v, std::size_t offset);

  const Template& template_;
  std::vector<const Builtin*> globals_;  // by symbol
  static constexpr Symbol kAbsent = ~Symbol{0};
  Symbol loop_ = kAbsent, varargs_ = kAbsent, kwargs_ = kAbsent, caller_ = kAbsent;
  Ref<Scope> scope_;
  MarkedText* out_ = nullptr;
  int depth_ = 0;
  bool located_ = false;
};

// --- loop ---------------------------------------------------------------------------------------
namespace {

Result<Value> loop_cycle(Runtime&, const Value& self, const Slots& slots) {
  if (slots.rest.empty()) return Runtime::type_error("no items for cycling given");
  const auto* const loop = static_cast<const LoopObject*>(self.object());
  return slots.rest[loop->index0 % slots.rest.size()];
}

Result<Value> loop_changed(Runtime& runtime, const Value& self, const Slots& slots) {
  auto* const loop = static_cast<LoopObject*>(self.object());
  HEARTH_TRY(const Value now, runtime.list(slots.rest, Shape::tuple));
  if (loop->has_changed && runtime.equal(loop->last_changed, now)) return Value::boolean(false);
  loop->has_changed = true;
  // After the end nothing may be stored: a loop that holds itself would never be freed.
  if (loop->outer != nullptr) loop->last_changed = now;
  return Value::boolean(true);
}

constexpr Builtin kLoopCycle = {"cycle", "*", 0, loop_cycle};
constexpr Builtin kLoopChanged = {"changed", "*", 0, loop_changed};

}  // namespace

// The next element that the for's filter lets pass.
Result<bool> LoopObject::pull(Renderer& renderer, Value& out) {
  if (!source) return false;
  while (true) {
    HEARTH_TRY(const bool more, source->next(renderer, out));
    if (!more) return false;
    HEARTH_TRY(const bool wanted, renderer.passes(*this, out));
    if (wanted) return true;
  }
}

Result<bool> LoopObject::look_ahead(Renderer& renderer) {
  if (after) return true;
  Value v;
  HEARTH_TRY(const bool more, pull(renderer, v));
  if (more) after = std::move(v);
  return more;
}

Result<std::size_t> LoopObject::count(Renderer& renderer) {
  if (length) return *length;
  std::vector<Value> rest;
  HEARTH_TRY(bool more, look_ahead(renderer));
  while (more) {
    rest.push_back(*std::exchange(after, std::nullopt));
    HEARTH_TRY_VOID(renderer.heap().check_room(rest.size() * sizeof(Value)));
    HEARTH_TRY(more, look_ahead(renderer));
  }
  length = index0 + 1 + rest.size();
  // What was taken is passed on from here; it has been filtered already.
  pulled_by_count = true;
  const Value again = renderer.generator(std::move(rest));
  source = Ref<IteratorObject>(static_cast<IteratorObject*>(again.object()));
  return *length;
}

Result<std::optional<Value>> LoopObject::own_attribute(Runtime& runtime, std::string_view name) {
  auto& renderer = static_cast<Renderer&>(runtime);
  const auto number = [](std::size_t n) {
    return std::optional(Value::integer(static_cast<Int>(n)));
  };
  if (name == "index") return number(index0 + 1);
  if (name == "index0") return number(index0);
  if (name == "first") return std::optional(Value::boolean(index0 == 0));
  if (name == "depth") return number(static_cast<std::size_t>(depth0) + 1);
  if (name == "depth0") return number(static_cast<std::size_t>(depth0));
  if (name == "cycle") return std::optional(runtime.function(kLoopCycle, Value(this)));
  if (name == "changed") return std::optional(runtime.function(kLoopChanged, Value(this)));
  if (name == "previtem") {
    return std::optional(index0 == 0 ? runtime.undefined("there is no previous item") : previous);
  }
  if (name == "last" || name == "nextitem") {
    HEARTH_TRY(const bool more, look_ahead(renderer));
    if (name == "last") return std::optional(Value::boolean(!more));
    return std::optional(more ? *after : runtime.undefined("there is no next item"));
  }
  if (name == "length" || name == "revindex" || name == "revindex0") {
    HEARTH_TRY(const std::size_t n, count(renderer));
    return number(name == "length" ? n : n - index0 - (name == "revindex0" ? 1 : 0));
  }
  return std::optional<Value>();
}

// --- expressions --------------------------------------------------------------------------------
// The first place an error passes through is where it happened.
Error Renderer::locate(Error error, std::size_t offset) {
  if (located_ || raised()) return error;
  located_ = true;
  return template_error(template_.source, offset, error.message);
}

Result<void> Renderer::check(std::size_t offset) {
  if (depth_ > heap().limits().depth) {
    return fail(offset, cat("evaluation is nested more than ", heap().limits().depth, " deep"));
  }
  heap().charge(1);
  if (heap().exhausted()) return locate(heap().exhausted_error(), offset);
  return {};
}

Result<Value> Renderer::evaluate(const Expr& e) {
  const Depth depth(&depth_);
  HEARTH_TRY_VOID(check(e.offset));
  switch (e.kind) {
    case ExprKind::constant:
      return e.constant;
    case ExprKind::name:
      return look_up(e.symbol);
    case ExprKind::chain:
      return chain(e);
    case ExprKind::conditional:
      return conditional(e);
    case ExprKind::list:
    case ExprKind::tuple:
      return sequence(e);
    case ExprKind::dict:
      return dict_literal(e);
    case ExprKind::concat:
      return concat(e);
    case ExprKind::compare:
      return comparison(e);
    case ExprKind::logical_not:
    case ExprKind::minus:
    case ExprKind::plus:
      return unary(e);
  }
  return Value();
}

Result<Value> Renderer::evaluate_or_none(const Expr* e) {
  if (e == nullptr) return Value::none();
  return evaluate(*e);
}

Value Renderer::look_up(Symbol symbol) {
  for (const Scope* scope = scope_.get(); scope != nullptr; scope = scope->parent.get()) {
    if (const Value* const found = scope->find(symbol)) return *found;
  }
  if (globals_[symbol] != nullptr) return function(*globals_[symbol], Value());
  return undefined(cat("'", template_.symbols[symbol], "' is undefined"));
}

Result<Value> Renderer::chain(const Expr& e) {
  HEARTH_TRY(Value v, evaluate(*e.children[0]));
  return steps(e, e.steps.size(), std::move(v));
}

Result<Value> Renderer::steps(const Expr& e, std::size_t count, Value v) {
  for (std::size_t i = 0; i < count; ++i) {
    const Step& s = e.steps[i];
    HEARTH_TRY_VOID(check(s.offset));
    auto next = step(s, v);
    if (!next) return locate(next.error(), s.offset);
    v = std::move(next).value();
  }
  return v;
}

Result<Value> Renderer::step(const Step& s, const Value& v) {
  switch (s.kind) {
    case StepKind::attribute:
      return attribute(v, s.name);
    case StepKind::item:
      return item_step(s, v);
    case StepKind::slice:
      return slice_step(s, v);
    case StepKind::call:
      return call_step(s, v);
    case StepKind::filter:
    case StepKind::test:
    case StepKind::test_not:
      return builtin_step(s, v);
    case StepKind::binary:
      return binary_step(s, v);
    case StepKind::logical_and:
      return truth(v) ? evaluate(*s.operand) : v;
    case StepKind::logical_or:
      return truth(v) ? v : evaluate(*s.operand);
  }
  return Value();
}

Result<Value> Renderer::binary_step(const Step& s, const Value& v) {
  HEARTH_TRY(const Value right, evaluate(*s.operand));
  return binary(s.op, v, right);
}

Result<Value> Renderer::item_step(const Step& s, const Value& v) {
  HEARTH_TRY(const Value key, evaluate(*s.operand));
  return item(v, key);
}

Result<Value> Renderer::slice_step(const Step& s, const Value& v) {
  HEARTH_TRY(const Value start, evaluate_or_none(s.bounds[0]));
  HEARTH_TRY(const Value stop, evaluate_or_none(s.bounds[1]));
  HEARTH_TRY(const Value stride, evaluate_or_none(s.bounds[2]));
  return slice(v, start, stop, stride);
}

Result<Value> Renderer::call_step(const Step& s, const Value& callee) {
  HEARTH_TRY(Arguments given, arguments(s.arguments));
  return call(callee, std::move(given));
}

Result<Value> Renderer::builtin_step(const Step& s, const Value& v) {
  const bool is_filter = s.kind == StepKind::filter;
  if (s.builtin == nullptr) {
    return type_error(cat("No ", is_filter ? "filter" : "test", " named '", s.name, "'."));
  }
  HEARTH_TRY(Arguments given, arguments(s.arguments));
  HEARTH_TRY(Value made, call_builtin(*this, *s.builtin, v, std::move(given)));
  if (is_filter) return made;
  return Value::boolean(truth(made) == (s.kind == StepKind::test));
}

Result<Value> Renderer::conditional(const Expr& e) {
  HEARTH_TRY(const Value condition, evaluate(*e.children[1]));
  if (truth(condition)) return evaluate(*e.children[0]);
  if (e.children[2] != nullptr) return evaluate(*e.children[2]);
  return undefined("the inline if-expression evaluated to false and no else section was defined.");
}

Result<Value> Renderer::sequence(const Expr& e) {
  std::vector<Value> items;
  items.reserve(e.children.size());
  for (const Expr* const child : e.children) {
    HEARTH_TRY(Value v, evaluate(*child));
    items.push_back(std::move(v));
  }
  auto made = list(std::move(items), e.kind == ExprKind::list ? Shape::list : Shape::tuple);
  if (!made) return locate(made.error(), e.offset);
  return made;
}

Result<Value> Renderer::dict_literal(const Expr& e) {
  std::vector<DictObject::Entry> entries;
  for (std::size_t i = 0; i < e.children.size(); i += 2) {
    HEARTH_TRY(Value key, evaluate(*e.children[i]));
    HEARTH_TRY(Value value, evaluate(*e.children[i + 1]));
    entries.emplace_back(std::move(key), std::move(value));
  }
  auto made = dict(std::move(entries));
  if (!made) return locate(made.error(), e.offset);
  return made;
}

Result<Value> Renderer::concat(const Expr& e) {
  MarkedText out;
  for (const Expr* const child : e.children) {
    HEARTH_TRY(const Value v, evaluate(*child));
    auto part = to_text(v);
    if (!part) return locate(part.error(), e.offset);
    out.append(part.value());
    if (auto fits = heap().check_text(out.size()); !fits) return locate(fits.error(), e.offset);
  }
  heap().charge_bytes(out.weight());
  return text(std::move(out));
}

Result<Value> Renderer::comparison(const Expr& e) {
  HEARTH_TRY(Value left, evaluate(*e.children[0]));
  for (std::size_t i = 0; i < e.ops.size(); ++i) {
    HEARTH_TRY(Value right, evaluate(*e.children[i + 1]));
    const auto holds = compare(e.ops[i], left, right);
    if (!holds) return locate(holds.error(), e.offset);
    if (!holds.value()) return Value::boolean(false);
    left = std::move(right);
  }
  return Value::boolean(true);
}

Result<Value> Renderer::unary(const Expr& e) {
  HEARTH_TRY(const Value v, evaluate(*e.children[0]));
  if (e.kind == ExprKind::logical_not) return Value::boolean(!truth(v));
  auto made = negate(v, e.kind == ExprKind::minus);
  if (!made) return locate(made.error(), e.offset);
  return made;
}

// --- calls --------------------------------------------------------------------------------------
Result<Arguments> Renderer::arguments(const CallArguments& written) {
  Arguments out;
  out.positional.reserve(written.positional.size());
  for (const Expr* const e : written.positional) {
    HEARTH_TRY(Value v, evaluate(*e));
    out.positional.push_back(std::move(v));
  }
  for (const auto& [name, e] : written.named) {
    HEARTH_TRY(Value v, evaluate(*e));
    out.named.emplace_back(name, std::move(v));
  }
  if (written.star != nullptr || written.double_star != nullptr) {
    HEARTH_TRY_VOID(more_arguments(written, &out));
  }
  return out;
}

Result<void> Renderer::more_arguments(const CallArguments& written, Arguments* out) {
  if (written.star != nullptr) {
    HEARTH_TRY(const Value more, evaluate(*written.star));
    HEARTH_TRY(const std::vector<Value> items, to_vector(more));
    out->positional.insert(out->positional.end(), items.begin(), items.end());
  }
  if (written.double_star == nullptr) return {};
  HEARTH_TRY(const Value more, evaluate(*written.double_star));
  if (!more.is_dict()) {
    return type_error(cat("argument after ** must be a mapping, not ", type_name(more)));
  }
  for (const auto& [key, value] : more.dict().entries) {
    if (!key.is_string()) return type_error("keywords must be strings");
    out->named.emplace_back(intern(key.view()), value);
  }
  return {};
}

Result<Value> Renderer::call(const Value& callee, Arguments arguments) {
  switch (callee.kind()) {
    case Kind::undefined:
      return undefined_error(callee);
    case Kind::function: {
      const auto* const function = static_cast<const FunctionObject*>(callee.object());
      return call_builtin(*this, *function->builtin, function->self, std::move(arguments));
    }
    case Kind::macro:
      return call_macro(*static_cast<const MacroObject*>(callee.object()), std::move(arguments));
    case Kind::loop:
      return call_loop(*static_cast<const LoopObject*>(callee.object()), std::move(arguments));
    default:
      return type_error(cat("'", type_name(callee), "' object is not callable"));
  }
}

Result<Value> Renderer::call_macro(const MacroObject& macro, Arguments arguments) {
  const Depth depth(&depth_);
  const Macro& what = *macro.macro;
  constexpr int kMaxScopes = 1000;
  if (macro.closure->nesting() > kMaxScopes) {
    return type_error(cat("macros are defined more than ", kMaxScopes, " deep in one another"));
  }
  const Enter enter(*this, Ref<Scope>(new Scope(&heap(), macro.closure)));
  HEARTH_TRY_VOID(bind_rest(what, arguments, *scope_));
  HEARTH_TRY_VOID(bind_parameters(what, arguments, *scope_));
  Capture capture(*this);
  HEARTH_TRY_VOID(run(what.body));
  return text(std::move(capture.text));
}

// varargs, kwargs and caller, where the macro's body names them; errors for what nobody takes.
Result<void> Renderer::bind_rest(const Macro& macro, Arguments& arguments, Scope& scope) {
  const std::size_t n = macro.parameters.size();
  std::vector<Value> more;
  if (arguments.positional.size() > n) {
    if (!macro.uses_varargs) {
      return type_error(cat("macro '", macro.name, "' takes not more than ", n, " argument(s)"));
    }
    more.assign(arguments.positional.begin() + static_cast<std::ptrdiff_t>(n),
                arguments.positional.end());
  }
  std::vector<DictObject::Entry> named;
  Value caller = undefined("No caller defined");
  for (auto& [name, value] : arguments.named) {
    const auto it = std::find(macro.parameter_names.begin(), macro.parameter_names.end(), name);
    const auto i = static_cast<std::size_t>(it - macro.parameter_names.begin());
    if (i < n && i >= arguments.positional.size()) continue;
    if (name == "caller" && macro.uses_caller) {
      caller = value;
    } else if (macro.uses_kwargs) {
      named.emplace_back(text(name), value);
    } else {
      return type_error(cat("macro '", macro.name, "' takes no keyword argument '", name, "'"));
    }
  }
  if (macro.uses_caller) scope.set(caller_, std::move(caller));
  if (macro.uses_varargs) {
    HEARTH_TRY(Value v, list(std::move(more), Shape::tuple));
    scope.set(varargs_, std::move(v));
  }
  if (macro.uses_kwargs) {
    HEARTH_TRY(Value v, dict(std::move(named)));
    scope.set(kwargs_, std::move(v));
  }
  return {};
}

// Defaults are evaluated here, one after the other, so that they see the parameters before them.
Result<void> Renderer::bind_parameters(const Macro& macro, Arguments& arguments, Scope& scope) {
  for (std::size_t i = 0; i < macro.parameters.size(); ++i) {
    Value value;
    const auto named = std::find_if(
        arguments.named.begin(), arguments.named.end(),
        [&](const auto& argument) { return argument.first == macro.parameter_names[i]; });
    if (i < arguments.positional.size()) {
      value = std::move(arguments.positional[i]);
    } else if (named != arguments.named.end()) {
      value = std::move(named->second);
    } else if (macro.defaults[i] != nullptr) {
      HEARTH_TRY(value, evaluate(*macro.defaults[i]));
    } else {
      value = undefined(cat("parameter '", macro.parameter_names[i], "' was not provided"));
    }
    scope.set(macro.parameters[i], std::move(value));
  }
  return {};
}

// loop(children) inside `for … recursive`: the same body over other elements, as text.
Result<Value> Renderer::call_loop(const LoopObject& loop, Arguments arguments) {
  if (!loop.node->recursive || loop.outer == nullptr) {
    return type_error("The loop must have the 'recursive' marker to be called recursively.");
  }
  if (arguments.positional.size() != 1 || !arguments.named.empty()) {
    return type_error("loop() takes one argument: what to iterate over");
  }
  const Depth depth(&depth_);
  HEARTH_TRY_VOID(check(loop.node->offset));
  const Enter enter(*this, Ref<Scope>(loop.outer));
  Capture capture(*this);
  HEARTH_TRY_VOID(loop_over(*loop.node, arguments.positional[0], loop.depth0 + 1));
  return text(std::move(capture.text));
}

// --- statements ---------------------------------------------------------------------------------
Result<Flow> Renderer::run(const Block& block) {
  const Depth depth(&depth_);
  for (const Node* const node : block) {
    HEARTH_TRY_VOID(check(node->offset));
    HEARTH_TRY(const Flow flow, statement(*node));
    if (flow != Flow::normal) return flow;
  }
  return Flow::normal;
}

Result<Flow> Renderer::run_inside(const Block& block) {
  const Enter enter(*this, inner_scope());
  return run(block);
}

Result<Flow> Renderer::statement(const Node& node) {
  switch (node.kind) {
    case NodeKind::data:
      out_->append(node.text, true);
      if (auto fits = heap().check_text(out_->size()); !fits)
        return locate(fits.error(), node.offset);
      return Flow::normal;
    case NodeKind::print:
      HEARTH_TRY_VOID(print(node));
      return Flow::normal;
    case NodeKind::conditional:
      return conditional(node);
    case NodeKind::loop:
      return loop(node);
    case NodeKind::set:
      HEARTH_TRY_VOID(set(node));
      return Flow::normal;
    case NodeKind::set_block:
      return set_block(node);
    case NodeKind::macro:
      scope_->set(node.symbol, define_macro(node));
      return Flow::normal;
    case NodeKind::call_block:
      HEARTH_TRY_VOID(call_block(node));
      return Flow::normal;
    case NodeKind::filter_block:
      return filter_block(node);
    case NodeKind::with:
      return with(node);
    case NodeKind::scope:
      return run_inside(node.blocks[0]);
    case NodeKind::loop_break:
      return Flow::loop_break;
    case NodeKind::loop_continue:
      return Flow::loop_continue;
    case NodeKind::unsupported:
      return fail(node.offset, node.text);
  }
  return Flow::normal;
}

Result<void> Renderer::emit(const Value& v, std::size_t offset) {
  auto made = to_text(v);
  if (!made) return locate(made.error(), offset);
  out_->append(made.value());
  heap().charge_bytes(made.value().weight());
  if (auto fits = heap().check_text(out_->size()); !fits) return locate(fits.error(), offset);
  return {};
}

Result<void> Renderer::print(const Node& node) {
  for (const Expr* const e : node.exprs) {
    HEARTH_TRY(const Value v, evaluate(*e));
    HEARTH_TRY_VOID(emit(v, node.offset));
  }
  return {};
}

Result<Flow> Renderer::conditional(const Node& node) {
  for (std::size_t i = 0; i < node.exprs.size(); ++i) {
    HEARTH_TRY(const Value condition, evaluate(*node.exprs[i]));
    if (truth(condition)) return run(node.blocks[i]);
  }
  if (node.blocks.size() > node.exprs.size()) return run(node.blocks.back());
  return Flow::normal;
}

Result<Flow> Renderer::loop(const Node& node) {
  HEARTH_TRY(const Value elements, evaluate(*node.exprs[0]));
  return loop_over(node, elements, 0);
}

Result<Flow> Renderer::loop_over(const Node& node, const Value& elements, int depth0) {
  const Depth depth(&depth_);
  auto source = iterate(elements);
  if (!source) return locate(source.error(), node.offset);
  const Value value(new LoopObject(&heap(), node, std::move(source).value(), depth0));
  auto& loop = *static_cast<LoopObject*>(value.object());
  loop.outer = scope_.get();
  if (node.exprs[1] == nullptr && !elements.is(Kind::iterator)) {
    HEARTH_TRY(loop.length, length(elements));
  }
  bool any = false;
  const auto flow = loop_passes(node, loop, &any);
  loop.finish();
  if (!flow) return flow.error();
  if (!any && !node.blocks[1].empty()) return run_inside(node.blocks[1]);
  return Flow::normal;
}

Result<Flow> Renderer::loop_passes(const Node& node, LoopObject& loop, bool* any) {
  Value element;
  while (true) {
    HEARTH_TRY_VOID(check(node.offset));
    if (loop.after) {
      element = *std::exchange(loop.after, std::nullopt);
    } else {
      const auto more = loop.pull(*this, element);
      if (!more) return locate(more.error(), node.offset);
      if (!more.value()) return Flow::normal;
    }
    if (*any) {
      ++loop.index0;
      loop.previous = std::move(loop.current);
    }
    *any = true;
    loop.current = element;
    const Enter enter(*this, inner_scope());
    if (loop_ != kAbsent) scope_->set(loop_, Value(&loop));
    HEARTH_TRY_VOID(assign(node.targets[0], std::move(element)));
    HEARTH_TRY(const Flow flow, run(node.blocks[0]));
    if (flow == Flow::loop_break) return Flow::normal;
  }
}

Result<bool> Renderer::passes(const LoopObject& loop, const Value& element) {
  const Expr* const condition = loop.node->exprs[1];
  if (condition == nullptr || loop.pulled_by_count) return true;
  const Enter enter(*this, Ref<Scope>(new Scope(&heap(), Ref<Scope>(loop.outer))));
  HEARTH_TRY_VOID(assign(loop.node->targets[0], element));
  HEARTH_TRY(const Value answer, evaluate(*condition));
  return truth(answer);
}

Result<void> Renderer::set(const Node& node) {
  HEARTH_TRY(Value v, evaluate(*node.exprs[0]));
  return assign(node.targets[0], std::move(v));
}

Result<Flow> Renderer::set_block(const Node& node) {
  Value v;
  {
    Capture capture(*this);
    HEARTH_TRY(const Flow flow, run_inside(node.blocks[0]));
    if (flow != Flow::normal) return flow;
    v = text(std::move(capture.text));
  }
  if (const Expr* const filters = node.exprs[0]) {
    HEARTH_TRY(v, steps(*filters, filters->steps.size(), std::move(v)));
  }
  HEARTH_TRY_VOID(assign(node.targets[0], std::move(v)));
  return Flow::normal;
}

Result<Flow> Renderer::filter_block(const Node& node) {
  Value v;
  {
    Capture capture(*this);
    HEARTH_TRY(const Flow flow, run_inside(node.blocks[0]));
    if (flow != Flow::normal) return flow;
    v = text(std::move(capture.text));
  }
  HEARTH_TRY(v, steps(*node.exprs[0], node.exprs[0]->steps.size(), std::move(v)));
  HEARTH_TRY_VOID(emit(v, node.offset));
  return Flow::normal;
}

Result<Flow> Renderer::with(const Node& node) {
  // The values do not see one another.
  std::vector<Value> values;
  for (const Expr* const e : node.exprs) {
    HEARTH_TRY(Value v, evaluate(*e));
    values.push_back(std::move(v));
  }
  const Enter enter(*this, inner_scope());
  for (std::size_t i = 0; i < values.size(); ++i) {
    HEARTH_TRY_VOID(assign(node.targets[i], std::move(values[i])));
  }
  return run(node.blocks[0]);
}

Value Renderer::define_macro(const Node& node) {
  if (!scope_->kept) {
    scope_->kept = true;
    heap().keep(scope_.get());
  }
  return Value(new MacroObject(&heap(), *node.macro, scope_));
}

Result<void> Renderer::call_block(const Node& node) {
  const Expr& e = *node.exprs[0];
  HEARTH_TRY(Value callee, evaluate(*e.children[0]));
  HEARTH_TRY(callee, steps(e, e.steps.size() - 1, std::move(callee)));
  const Step& last = e.steps.back();
  HEARTH_TRY(Arguments given, arguments(last.arguments));
  given.named.emplace_back("caller", define_macro(node));
  auto made = call(callee, std::move(given));
  if (!made) return locate(made.error(), last.offset);
  return emit(made.value(), node.offset);
}

Result<void> Renderer::assign(const Target& target, Value value) {
  if (!target.attribute.empty()) return assign_attribute(target, std::move(value));
  if (!target.is_tuple) {
    scope_->set(target.symbol, std::move(value));
    return {};
  }
  auto parts = to_vector(value);
  if (!parts) return locate(parts.error(), target.offset);
  const std::size_t expected = target.parts.size(), got = parts.value().size();
  if (got != expected) {
    return fail(target.offset,
                got < expected
                    ? cat("not enough values to unpack (expected ", expected, ", got ", got, ")")
                    : cat("too many values to unpack (expected ", expected, ")"));
  }
  for (std::size_t i = 0; i < expected; ++i) {
    HEARTH_TRY_VOID(assign(target.parts[i], std::move(parts.value()[i])));
  }
  return {};
}

Result<void> Renderer::assign_attribute(const Target& target, Value value) {
  const Value owner = look_up(target.symbol);
  if (!owner.is(Kind::name_space)) {
    return fail(target.offset, "cannot assign attribute on non-namespace object");
  }
  if (target.attribute.starts_with('_')) {
    return locate(namespace_name_error(target.attribute), target.offset);
  }
  static_cast<NamespaceObject*>(owner.object())->set(target.attribute, std::move(value));
  return {};
}

Rendering::Rendering(const Template& source, const Limits& limits, std::time_t now)
    : renderer_(std::make_unique<Renderer>(source, limits, now)) {}
Rendering::~Rendering() = default;
Runtime& Rendering::runtime() { return *renderer_; }
void Rendering::set(std::string_view name, Value value) { renderer_->set(name, std::move(value)); }
Result<MarkedText> Rendering::render() { return renderer_->render(); }

}  // namespace hearth::jinja
