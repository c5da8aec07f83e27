#include "text/grammar/gbnf.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/str.h"
#include "base/utf8.h"

namespace hearth::text {

namespace {

using Expr = GrammarBuilder::Expr;
using Rule = GrammarBuilder::Rule;

constexpr int kMaxDepth = 64;
constexpr std::uint32_t kMaxRepeat = 10'000;
constexpr std::size_t kMaxBytes = std::size_t{1} << 20;

bool is_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

class GbnfParser {
 public:
  GbnfParser(GrammarBuilder& builder, std::string_view source) : b_(builder), source_(source) {}

  Result<Rule> run() {
    if (source_.size() > kMaxBytes) {
      return Error{ErrorKind::invalid,
                   cat("the grammar has ", source_.size(), " bytes; at most ", kMaxBytes)};
    }
    skip_space();
    while (!at_end()) HEARTH_TRY_VOID(rule());
    for (const auto& [name, entry] : rules_) {
      if (b_.is_defined(entry.rule)) continue;
      return fault_at(entry.named_at, cat("there is no rule ", quote(name)));
    }
    const auto root = rules_.find("root");
    if (root == rules_.end()) return fault_at(0, "there is no rule \"root\"");
    return root->second.rule;
  }

 private:
  struct Entry {
    Rule rule;
    std::size_t named_at;  // for the first time
  };

  bool at_end() const { return at_ >= source_.size(); }
  char peek(std::size_t ahead = 0) const {
    return at_ + ahead < source_.size() ? source_[at_ + ahead] : '\0';
  }
  bool take(char c) {
    if (at_end() || peek() != c) return false;
    ++at_;
    return true;
  }
  std::size_t line_of(std::size_t at) const {
    const auto end = source_.begin() + static_cast<std::ptrdiff_t>(std::min(at, source_.size()));
    return 1 + static_cast<std::size_t>(std::count(source_.begin(), end, '\n'));
  }
  Error fault_at(std::size_t at, std::string_view what) const {
    return {ErrorKind::invalid, cat("the grammar's line ", line_of(at), ": ", what)};
  }
  Error wrong(std::string_view what) const { return fault_at(at_, what); }

  void skip_space() {
    for (;; ++at_) {
      if (peek() == '#') {
        while (!at_end() && peek() != '\n') ++at_;
      }
      if (at_end() || (peek() != ' ' && peek() != '\t' && peek() != '\r' && peek() != '\n')) return;
    }
  }

  std::string_view name() {
    const std::size_t from = at_;
    while (is_name(peek())) ++at_;
    return source_.substr(from, at_ - from);
  }

  // A name that is followed by ::= begins the next rule.
  bool at_rule() {
    const std::size_t from = at_;
    const bool is_named = !name().empty();
    skip_space();
    const bool found = is_named && source_.substr(at_).starts_with("::=");
    at_ = from;
    return found;
  }

  Entry& entry_of(std::string_view name) {
    const auto found = rules_.find(name);
    if (found != rules_.end()) return found->second;
    return rules_.emplace(std::string(name), Entry{b_.declare(std::string(name)), at_})
        .first->second;
  }

  Result<void> rule() {
    if (!at_rule())
      return wrong(cat("expected a rule, NAME ::= …, got ", quote(source_.substr(at_), 20)));
    const std::string_view own = name();
    skip_space();
    at_ += 3;
    skip_space();
    const Rule rule = entry_of(own).rule;
    if (b_.is_defined(rule)) return wrong(cat("a second rule ", quote(own)));
    HEARTH_TRY(const Expr meaning, alternatives(0));
    if (!at_end() && !at_rule()) return wrong(cat("unexpected ", quote(source_.substr(at_), 20)));
    b_.define(rule, meaning);
    return {};
  }

  Result<Expr> alternatives(int depth) {
    std::vector<Expr> ways;
    do {
      skip_space();
      HEARTH_TRY(const Expr way, sequence(depth));
      ways.push_back(way);
    } while (take('|'));
    return b_.choice(std::move(ways));
  }

  Result<Expr> sequence(int depth) {
    std::vector<Expr> parts;
    while (!at_end() && peek() != '|' && peek() != ')' && !at_rule()) {
      HEARTH_TRY(Expr part, atom(depth));
      skip_space();
      while (peek() == '*' || peek() == '+' || peek() == '?' || peek() == '{') {
        HEARTH_TRY(part, repetition(part));
        skip_space();
      }
      parts.push_back(part);
    }
    return b_.sequence(std::move(parts));
  }

  Result<Expr> atom(int depth) {
    if (is_name(peek())) return b_.call(entry_of(name()).rule);
    if (take('"')) return literal();
    if (take('[')) return character_class();
    if (take('.')) return b_.characters(CodePointSet::all());
    if (take('(')) {
      if (depth >= kMaxDepth) return wrong(cat("more than ", kMaxDepth, " groups in each other"));
      HEARTH_TRY(const Expr inside, alternatives(depth + 1));
      if (!take(')')) return wrong("a group that does not end in )");
      return inside;
    }
    if (peek() == '<' || peek() == '!') {
      return Error{ErrorKind::unsupported, cat("the grammar's line ", line_of(at_),
                                               ": tokens (<…>) are not supported; write the "
                                               "text they stand for")};
    }
    return wrong(cat("unexpected ", quote(source_.substr(at_), 20)));
  }

  Result<Expr> repetition(Expr what) {
    if (take('*')) return b_.repeat(what, 0, b_.kUnbounded);
    if (take('+')) return b_.repeat(what, 1, b_.kUnbounded);
    if (take('?')) return b_.optional(what);
    ++at_;
    skip_space();
    HEARTH_TRY(const std::uint32_t least, count());
    std::uint32_t most = least;
    skip_space();
    if (take(',')) {
      most = b_.kUnbounded;
      skip_space();
      if (peek() != '}') {
        HEARTH_TRY(most, count());
      }
      skip_space();
    }
    if (!take('}')) return wrong("a repetition that does not end in }");
    if (most < least) return wrong("a repetition whose bounds descend");
    return b_.repeat(what, least, most);
  }

  Result<std::uint32_t> count() {
    std::uint32_t n = 0;
    const std::size_t from = at_;
    while (peek() >= '0' && peek() <= '9') {
      n = n * 10 + static_cast<std::uint32_t>(peek() - '0');
      if (n > kMaxRepeat) return wrong(cat("a repetition of more than ", kMaxRepeat));
      ++at_;
    }
    if (at_ == from) return wrong("a repetition without a number");
    return n;
  }

  Result<Expr> literal() {
    std::string text;
    while (!take('"')) {
      if (at_end() || peek() == '\n') return wrong("a text that does not end in \"");
      HEARTH_TRY(const char32_t code, character());
      append_utf8(text, code);
    }
    return b_.text(text);
  }

  Result<Expr> character_class() {
    const bool inverted = take('^');
    CodePointSet set;
    while (!take(']')) {
      if (at_end()) return wrong("a class that does not end in ]");
      HEARTH_TRY(const char32_t low, character());
      char32_t high = low;
      if (peek() == '-' && peek(1) != ']') {
        ++at_;
        if (at_end()) return wrong("a class that does not end in ]");
        HEARTH_TRY(high, character());
      }
      if (high < low) return wrong("a range that descends");
      set.add(low, high);
    }
    return b_.characters(inverted ? set.inverted() : set);
  }

  // Of a text or class; may be escaped.
  Result<char32_t> character() {
    if (!take('\\')) {
      const Utf8Char c = decode_utf8(source_.substr(at_));
      if (!c.valid) return wrong("a byte that is not UTF-8");
      at_ += c.size;
      return c.code;
    }
    const char c = peek();
    ++at_;
    switch (c) {
      case 'n':
        return U'\n';
      case 'r':
        return U'\r';
      case 't':
        return U'\t';
      case '\\':
      case '"':
      case '[':
      case ']':
      case '-':
      case '^':
        return static_cast<char32_t>(c);
      case 'x':
        return hex(2);
      case 'u':
        return hex(4);
      case 'U':
        return hex(8);
      default:
        return wrong(cat("unknown escape \\", quote(std::string_view(&c, 1))));
    }
  }

  Result<char32_t> hex(int n_digits) {
    char32_t code = 0;
    for (int i = 0; i < n_digits; ++i) {
      const char c = peek();
      const int value = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
      if (value < 0) return wrong("an escape with too few hexadecimal digits");
      code = code * 16 + static_cast<char32_t>(value);
      if (code > CodePointSet::kLast) return wrong("an escape beyond the last character");
      ++at_;
    }
    if (code >= 0xD800 && code < 0xE000) return wrong("half a character (a surrogate)");
    return code;
  }

  GrammarBuilder& b_;
  std::string_view source_;
  std::size_t at_ = 0;
  std::map<std::string, Entry, std::less<>> rules_;
};

}  // namespace

Result<Rule> add_gbnf(GrammarBuilder& builder, std::string_view source) {
  return GbnfParser(builder, source).run();
}

Result<std::shared_ptr<const Grammar>> compile_gbnf(std::string_view source) {
  GrammarBuilder builder;
  HEARTH_TRY(const Rule root, add_gbnf(builder, source));
  return builder.build(root);
}

}  // namespace hearth::text
