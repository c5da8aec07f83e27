#include "text/grammar/grammar_builder.h"

#include <algorithm>
#include <map>
#include <optional>
#include <span>
#include <tuple>
#include <utility>

#include "base/check.h"
#include "base/str.h"

namespace hearth::text {

using Instruction = GrammarInstruction;
using Op = Instruction::Op;
using Expr = GrammarBuilder::Expr;
using Rule = GrammarBuilder::Rule;

Expr GrammarBuilder::add(Node node) {
  nodes_.push_back(std::move(node));
  return {static_cast<std::uint32_t>(nodes_.size() - 1)};
}

Expr GrammarBuilder::text(std::string_view bytes) {
  std::vector<Expr> parts;
  for (const char c : bytes) {
    parts.push_back(this->bytes(static_cast<std::uint8_t>(c), static_cast<std::uint8_t>(c)));
  }
  return sequence(std::move(parts));
}

Expr GrammarBuilder::bytes(std::uint8_t low, std::uint8_t high) {
  return add({.kind = Node::Kind::bytes, .low = low, .high = high});
}

Expr GrammarBuilder::characters(const CodePointSet& set) {
  sets_.push_back(set);
  return add(
      {.kind = Node::Kind::characters, .index = static_cast<std::uint32_t>(sets_.size() - 1)});
}

Expr GrammarBuilder::tag(std::string_view name) {
  auto found = std::find(tags_.begin(), tags_.end(), name);
  if (found == tags_.end()) found = tags_.insert(found, std::string(name));
  return add({.kind = Node::Kind::tag, .index = static_cast<std::uint32_t>(found - tags_.begin())});
}

Expr GrammarBuilder::sequence(std::vector<Expr> parts) {
  if (parts.size() == 1) return parts.front();
  return add({.kind = Node::Kind::sequence, .parts = std::move(parts)});
}

Expr GrammarBuilder::choice(std::vector<Expr> alternatives) {
  if (alternatives.size() == 1) return alternatives.front();
  return add({.kind = Node::Kind::choice, .parts = std::move(alternatives)});
}

Expr GrammarBuilder::repeat(Expr what, std::uint32_t least, std::uint32_t most) {
  CHECK(least <= most, "a repetition's bounds ascend");
  return add({.kind = Node::Kind::repeat, .least = least, .most = most, .parts = {what}});
}

Expr GrammarBuilder::call(Rule rule) {
  return add({.kind = Node::Kind::call, .index = rule.index});
}

Rule GrammarBuilder::declare(std::string name) {
  rules_.push_back({std::move(name)});
  return {static_cast<std::uint32_t>(rules_.size() - 1)};
}

void GrammarBuilder::define(Rule rule, Expr meaning) {
  CHECK(!is_defined(rule), "a rule is defined once");
  rules_[rule.index].meaning = meaning.index;
}

bool GrammarBuilder::is_defined(Rule rule) const {
  return rules_[rule.index].meaning != kUnbounded;
}

// Compiles back to front: an expression is given where it goes on, so nothing jumps.
class GrammarCompiler {
 public:
  explicit GrammarCompiler(const GrammarBuilder& from) : from_(from) {}

  Result<std::shared_ptr<const Grammar>> run(Rule root) {
    program_.push_back({.op = Op::end});
    HEARTH_TRY_VOID(compile_rules(root));
    find_nullable();
    if (const auto rule = find_left_recursion()) {
      return Error{ErrorKind::invalid,
                   cat("the rule ", quote(from_.rules_[*rule].name),
                       " begins with itself (left recursion); write it as a repetition or with "
                       "the recursion at its end")};
    }
    drop_endless();
    const std::uint32_t start = starts_.at(root.index);
    if (program_[start].op == Op::fail) {
      return Error{ErrorKind::invalid, cat("the rule ", quote(from_.rules_[root.index].name),
                                           " describes no text of finite length")};
    }
    return std::make_shared<const Grammar>(Grammar{std::move(program_), start, from_.tags_});
  }

 private:
  using Node = GrammarBuilder::Node;

  // Of the rules that are in use. A call is compiled as one of its rule's number, which becomes the
  // rule's first instruction when all are known.
  Result<void> compile_rules(Rule root) {
    in_use_.push_back(root.index);
    std::vector<bool> seen(from_.rules_.size());
    seen[root.index] = true;
    for (std::size_t i = 0; i < in_use_.size(); ++i) {
      const GrammarBuilder::RuleEntry& rule = from_.rules_[in_use_[i]];
      if (rule.meaning == GrammarBuilder::kUnbounded) {
        return Error{ErrorKind::invalid, cat("the rule ", quote(rule.name), " is not defined")};
      }
      called_.clear();
      const std::uint32_t start = compile({rule.meaning}, 0);
      // A rule's start is its own: whoever looks at calls tells rules apart by it.
      starts_[in_use_[i]] = emit({.op = Op::split, .next = start, .other = start});
      for (const std::uint32_t callee : called_) {
        if (!seen[callee]) in_use_.push_back(callee);
        seen[callee] = true;
      }
    }
    if (is_too_deep_) {
      return Error{ErrorKind::unsupported,
                   cat("the grammar has more than ", GrammarBuilder::kMaxNesting,
                       " expressions in each other; make rules of some")};
    }
    if (is_full()) {
      return Error{ErrorKind::unsupported,
                   cat("the grammar needs more than ", GrammarBuilder::kMaxInstructions,
                       " instructions; lower the bounds of what it repeats")};
    }
    for (Instruction& instruction : program_) {
      if (instruction.op == Op::call) instruction.other = starts_.at(instruction.other);
    }
    return {};
  }

  bool is_full() const { return program_.size() > GrammarBuilder::kMaxInstructions; }

  std::uint32_t emit(const Instruction& instruction) {
    if (is_full()) return 0;
    program_.push_back(instruction);
    return static_cast<std::uint32_t>(program_.size() - 1);
  }

  // Returns the expression's first instruction.
  std::uint32_t compile(Expr expr, std::uint32_t next) {
    is_too_deep_ |= nesting_ == GrammarBuilder::kMaxNesting;
    if (is_full() || is_too_deep_) return 0;
    ++nesting_;
    const std::uint32_t first = compile_node(from_.nodes_[expr.index], next);
    --nesting_;
    return first;
  }

  std::uint32_t compile_node(const Node& node, std::uint32_t next) {
    switch (node.kind) {
      case Node::Kind::bytes:
        return emit({.op = Op::bytes, .low = node.low, .high = node.high, .next = next});
      case Node::Kind::characters:
        return compile_set(from_.sets_[node.index], next);
      case Node::Kind::tag:
        return emit({.op = Op::tag, .next = next, .other = node.index});
      case Node::Kind::call:
        called_.push_back(node.index);
        return emit({.op = Op::call, .next = next, .other = node.index});
      case Node::Kind::sequence:
        for (auto part = node.parts.rbegin(); part != node.parts.rend(); ++part) {
          next = compile(*part, next);
        }
        return next;
      case Node::Kind::choice:
        return compile_choice(node, next);
      case Node::Kind::repeat:
        return compile_repeat(node, next);
    }
    return 0;
  }

  std::uint32_t compile_choice(const Node& node, std::uint32_t next) {
    std::optional<std::uint32_t> chain;
    for (auto part = node.parts.rbegin(); part != node.parts.rend(); ++part) {
      chain = either(compile(*part, next), chain);
    }
    return chain ? *chain : emit({.op = Op::fail});
  }

  std::uint32_t either(std::uint32_t one, std::optional<std::uint32_t> other) {
    return other ? emit({.op = Op::split, .next = one, .other = *other}) : one;
  }

  std::uint32_t compile_repeat(const Node& node, std::uint32_t next) {
    const Expr what = node.parts.front();
    std::uint32_t at = next;
    if (node.most == GrammarBuilder::kUnbounded) {
      at = emit({.op = Op::split, .next = 0, .other = next});
      const std::uint32_t body = compile(what, at);
      program_[at].next = body;
    } else {
      for (std::uint32_t i = node.least; i < node.most && !is_full(); ++i) {
        at = either(compile(what, at), next);
      }
    }
    for (std::uint32_t i = 0; i < node.least && !is_full(); ++i) at = compile(what, at);
    return at;
  }

  std::uint32_t compile_set(const CodePointSet& set, std::uint32_t next) {
    // Sequences share their ends: [80-BF] then next is in most.
    std::map<std::tuple<std::uint8_t, std::uint8_t, std::uint32_t>, std::uint32_t> known;
    std::optional<std::uint32_t> chain;
    for (const CodePointSet::Range& range : set.ranges()) {
      for (const Utf8Sequence& sequence : utf8_sequences(range.low, range.high)) {
        std::uint32_t at = next;
        for (int i = sequence.size - 1; i >= 0; --i) {
          const auto [low, high] = sequence.bytes[i];
          const auto [entry, is_new] = known.try_emplace({low, high, at}, 0);
          if (is_new) entry->second = emit({.op = Op::bytes, .low = low, .high = high, .next = at});
          at = entry->second;
        }
        chain = either(at, chain);
      }
    }
    return chain ? *chain : emit({.op = Op::fail});
  }

  // For each instruction those that look at it: `of(i)`.
  struct Uses {
    std::vector<std::uint32_t> first, users;
    std::span<const std::uint32_t> of(std::uint32_t i) const {
      return std::span(users).subspan(first[i], first[i + 1] - first[i]);
    }
  };
  template <class OnUse>
  void for_each_use(const OnUse& on_use) const {
    for (std::uint32_t i = 0; i < program_.size(); ++i) {
      const Instruction& instruction = program_[i];
      if (instruction.op == Op::end || instruction.op == Op::fail) continue;
      on_use(i, instruction.next);
      if (instruction.op == Op::split || instruction.op == Op::call) on_use(i, instruction.other);
    }
  }
  Uses uses() const {
    Uses out;
    out.first.resize(program_.size() + 2);
    for_each_use([&](std::uint32_t, std::uint32_t used) { ++out.first[used + 2]; });
    for (std::size_t i = 2; i < out.first.size(); ++i) out.first[i] += out.first[i - 1];
    out.users.resize(out.first.back());
    // first[i + 1] is where the next user of i goes, and in the end where those of i + 1 begin.
    for_each_use(
        [&](std::uint32_t user, std::uint32_t used) { out.users[out.first[used + 1]++] = user; });
    return out;
  }

  // The least fixed point of a property that `end` has: which instructions have it, when
  // holds(instruction, has) tells whether one does given what is known of the others.
  template <class Holds>
  std::vector<bool> spread_from_end(const Holds& holds) const {
    const Uses users = uses();
    std::vector<bool> has(program_.size());
    std::vector<std::uint32_t> open = {0};
    has[0] = true;
    while (!open.empty()) {
      const std::uint32_t i = open.back();
      open.pop_back();
      for (const std::uint32_t user : users.of(i)) {
        if (has[user] || !holds(program_[user], has)) continue;
        has[user] = true;
        open.push_back(user);
      }
    }
    return has;
  }

  void find_nullable() {
    nullable_ = spread_from_end([](const Instruction& i, const std::vector<bool>& has) {
      if (i.op == Op::split) return has[i.next] || has[i.other];
      return i.op == Op::call && has[i.other] && has[i.next];
    });
  }

  // Instructions from which no end can be reached become `fail`: an answer never goes where it
  // could not end.
  void drop_endless() {
    const auto ends = spread_from_end([](const Instruction& i, const std::vector<bool>& has) {
      if (i.op == Op::split) return has[i.next] || has[i.other];
      return has[i.next] && (i.op != Op::call || has[i.other]);
    });
    for (std::size_t i = 0; i < program_.size(); ++i) {
      if (!ends[i]) program_[i] = {.op = Op::fail};
    }
  }

  // The starts of the rules that a rule may call before it takes a byte.
  std::vector<std::uint32_t> first_calls(std::uint32_t start) const {
    std::vector<std::uint32_t> out, open = {start};
    std::map<std::uint32_t, bool> seen;
    while (!open.empty()) {
      const std::uint32_t i = open.back();
      open.pop_back();
      if (std::exchange(seen[i], true)) continue;
      const Instruction& instruction = program_[i];
      if (instruction.op == Op::split) {
        open.push_back(instruction.next);
        open.push_back(instruction.other);
      } else if (instruction.op == Op::call) {
        out.push_back(instruction.other);
        if (nullable_[instruction.other]) open.push_back(instruction.next);
      }
    }
    return out;
  }

  // A rule that comes back to itself through first calls.
  std::optional<std::uint32_t> find_left_recursion() const {
    std::map<std::uint32_t, std::uint32_t> rule_at;
    for (const auto& [rule, start] : starts_) rule_at[start] = rule;
    enum class Mark { open, done };
    std::map<std::uint32_t, Mark> marks;
    struct Visit {
      std::uint32_t start;
      std::vector<std::uint32_t> calls;
    };
    for (const auto& [first, unused] : rule_at) {
      if (marks.contains(first)) continue;
      std::vector<Visit> path = {{first, first_calls(first)}};
      marks[first] = Mark::open;
      while (!path.empty()) {
        Visit& visit = path.back();
        if (visit.calls.empty()) {
          marks[visit.start] = Mark::done;
          path.pop_back();
          continue;
        }
        const std::uint32_t callee = visit.calls.back();
        visit.calls.pop_back();
        const auto mark = marks.find(callee);
        if (mark == marks.end()) {
          marks[callee] = Mark::open;
          path.push_back({callee, first_calls(callee)});
        } else if (mark->second == Mark::open) {
          return rule_at[callee];
        }
      }
    }
    return std::nullopt;
  }

  const GrammarBuilder& from_;
  std::vector<Instruction> program_;
  std::vector<std::uint32_t> in_use_, called_;
  std::map<std::uint32_t, std::uint32_t> starts_;  // rule -> its first instruction
  std::vector<bool> nullable_;
  int nesting_ = 0;
  bool is_too_deep_ = false;
};

Result<std::shared_ptr<const Grammar>> GrammarBuilder::build(Rule root) const {
  return GrammarCompiler(*this).run(root);
}

}  // namespace hearth::text
