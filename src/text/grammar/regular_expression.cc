#include "text/grammar/regular_expression.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "base/str.h"
#include "base/utf8.h"

namespace hearth::text {

namespace {

using Expr = GrammarBuilder::Expr;

constexpr int kMaxDepth = 64;
constexpr std::uint32_t kMaxRepeat = 10'000;

const CodePointSet& digits() {
  static const CodePointSet set = {{'0', '9'}};
  return set;
}
const CodePointSet& word() {
  static const CodePointSet set = {{'0', '9'}, {'a', 'z'}, {'A', 'Z'}, {'_', '_'}};
  return set;
}
const CodePointSet& space() {
  static const CodePointSet set = {
      {'\t', '\r'},     {' ', ' '},       {0xA0, 0xA0},     {0x1680, 0x1680}, {0x2000, 0x200A},
      {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000}, {0xFEFF, 0xFEFF}};
  return set;
}
const CodePointSet& line_ends() {
  static const CodePointSet set = {{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}};
  return set;
}

std::optional<std::uint32_t> hex_value(char c) {
  if (c >= '0' && c <= '9') return static_cast<std::uint32_t>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<std::uint32_t>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<std::uint32_t>(c - 'A' + 10);
  return std::nullopt;
}

class PatternParser {
 public:
  PatternParser(GrammarBuilder& builder, JsonGrammar& json, std::string_view pattern)
      : b_(builder), json_(json), pattern_(pattern) {}

  Result<Expr> run() {
    std::vector<Expr> ways;
    do {
      const bool from_start = take('^');
      HEARTH_TRY(const Expr body, sequence(0));
      const bool to_end = take('$');
      const Expr any = b_.repeat(json_.character(CodePointSet::all()), 0, b_.kUnbounded);
      ways.push_back(b_.sequence({from_start ? b_.empty() : any, body, to_end ? b_.empty() : any}));
    } while (take('|'));
    if (!at_end()) return wrong(peek() == ')' ? "a ) that closes nothing" : "an anchor inside");
    return b_.choice(std::move(ways));
  }

 private:
  bool at_end() const { return at_ >= pattern_.size(); }
  char peek() const { return at_end() ? '\0' : pattern_[at_]; }
  bool take(char c) {
    if (at_end() || pattern_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool take(std::string_view text) {
    if (!pattern_.substr(at_).starts_with(text)) return false;
    at_ += text.size();
    return true;
  }
  char32_t take_character() {
    const Utf8Char c = decode_utf8(pattern_.substr(at_));
    at_ += c.size;
    return c.code;
  }

  Error fault(ErrorKind kind, std::string_view what) const {
    return {kind, cat("the pattern ", quote(pattern_), ": ", what, " at byte ", at_)};
  }
  Error wrong(std::string_view what) const { return fault(ErrorKind::invalid, what); }
  Error refuse(std::string_view what) const {
    return fault(ErrorKind::unsupported, cat(what, ", which cannot be enforced,"));
  }

  Result<Expr> alternatives(int depth) {
    std::vector<Expr> ways;
    do {
      HEARTH_TRY(const Expr way, sequence(depth));
      ways.push_back(way);
    } while (take('|'));
    return b_.choice(std::move(ways));
  }

  // Up to what ends an alternative.
  Result<Expr> sequence(int depth) {
    std::vector<Expr> parts;
    while (!at_end() && peek() != '|' && peek() != ')') {
      if (peek() == '$' || peek() == '^') {
        if (depth == 0) break;
        return refuse("an anchor inside a group");
      }
      HEARTH_TRY(const Expr part, atom(depth));
      HEARTH_TRY(const Expr repeated, repetition(part));
      parts.push_back(repeated);
    }
    return b_.sequence(std::move(parts));
  }

  Result<Expr> atom(int depth) {
    if (take('(')) return group(depth + 1);
    if (take('.')) return json_.character(line_ends().inverted());
    if (take('[')) {
      HEARTH_TRY(const CodePointSet set, character_class());
      return json_.character(set);
    }
    if (peek() == '*' || peek() == '+' || peek() == '?') return wrong("a repetition of nothing");
    if (peek() == '{') return wrong("a { that repeats nothing (write \\{ for the character)");
    if (take('\\')) {
      HEARTH_TRY(const CodePointSet set, escape(false));
      return json_.character(set);
    }
    const char32_t c = take_character();
    return json_.character({{c, c}});
  }

  Result<Expr> group(int depth) {
    if (depth > kMaxDepth) return refuse(cat("more than ", kMaxDepth, " groups in each other"));
    if (take('?')) {
      if (take('<') && peek() != '=' && peek() != '!') {
        const std::size_t end = pattern_.find('>', at_);
        if (end == pattern_.npos) return wrong("a group's name that does not end");
        at_ = end + 1;
      } else if (!take(':')) {
        return refuse("a group that looks around");
      }
    }
    HEARTH_TRY(const Expr inside, alternatives(depth));
    if (!take(')')) return wrong("a group that does not end");
    return inside;
  }

  Result<Expr> repetition(Expr what) {
    std::uint32_t least = 1, most = 1;
    if (take('*')) {
      least = 0, most = b_.kUnbounded;
    } else if (take('+')) {
      most = b_.kUnbounded;
    } else if (take('?')) {
      least = 0;
    } else if (take('{')) {
      HEARTH_TRY(least, count());
      most = least;
      if (take(',')) {
        most = b_.kUnbounded;
        if (peek() != '}') {
          HEARTH_TRY(most, count());
        }
      }
      if (!take('}')) return wrong("a repetition that does not end in }");
      if (most < least) return wrong("a repetition whose bounds descend");
    } else {
      return what;
    }
    take('?');  // which of several matches is found first is no matter here
    if (peek() == '*' || peek() == '+' || peek() == '?')
      return wrong("a repetition of a repetition");
    return b_.repeat(what, least, most);
  }

  Result<std::uint32_t> count() {
    std::uint32_t n = 0;
    const std::size_t from = at_;
    while (peek() >= '0' && peek() <= '9') {
      n = n * 10 + static_cast<std::uint32_t>(peek() - '0');
      if (n > kMaxRepeat) return refuse(cat("a repetition of more than ", kMaxRepeat));
      ++at_;
    }
    if (at_ == from) return wrong("a repetition without a number");
    return n;
  }

  // Behind a backslash.
  Result<CodePointSet> escape(bool in_class) {
    if (at_end()) return wrong("a \\ at the end");
    const char c = pattern_[at_];
    if (c >= '1' && c <= '9') return refuse("a reference to a group");
    if (!in_class && (c == 'b' || c == 'B')) return refuse("the border of a word");
    if (c == 'p' || c == 'P') return refuse("a property of Unicode");
    if (c == 'k') return refuse("a reference to a group");
    const char32_t code = take_character();
    switch (code) {
      case 'd':
        return digits();
      case 'D':
        return digits().inverted();
      case 'w':
        return word();
      case 'W':
        return word().inverted();
      case 's':
        return space();
      case 'S':
        return space().inverted();
      case 'n':
        return one('\n');
      case 'r':
        return one('\r');
      case 't':
        return one('\t');
      case 'f':
        return one('\f');
      case 'v':
        return one('\v');
      case 'b':
        return one('\b');
      case '0':
        return one(0);
      case 'x':
        return hex(2);
      case 'u':
        return peek() == '{' ? braced() : unicode();
      default:
        break;
    }
    const bool is_letter = (code >= 'a' && code <= 'z') || (code >= 'A' && code <= 'Z');
    if (is_letter)
      return wrong(cat("an escape \\", static_cast<char>(code), " that has no meaning"));
    return one(code);
  }

  static CodePointSet one(char32_t code) { return {{code, code}}; }

  Result<char32_t> hex_code(std::size_t n_digits) {
    char32_t code = 0;
    for (std::size_t i = 0; i < n_digits; ++i) {
      const auto value = hex_value(peek());
      if (at_end() || !value) return wrong("an escape with too few hexadecimal digits");
      code = code * 16 + *value;
      ++at_;
    }
    return code;
  }

  Result<CodePointSet> hex(std::size_t n_digits) {
    HEARTH_TRY(const char32_t code, hex_code(n_digits));
    return one(code);
  }

  Result<CodePointSet> unicode() {
    HEARTH_TRY(char32_t code, hex_code(4));
    if (code >= 0xD800 && code < 0xDC00 && take("\\u")) {
      HEARTH_TRY(const char32_t low, hex_code(4));
      if (low < 0xDC00 || low > 0xDFFF) return wrong("half a character");
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    if (code >= 0xD800 && code < 0xE000) return wrong("half a character");
    return one(code);
  }

  Result<CodePointSet> braced() {
    const std::size_t end = pattern_.find('}', at_);
    if (end == pattern_.npos || end - at_ < 2 || end - at_ > 7) {
      return wrong("a \\u{…} that is no character");
    }
    ++at_;
    HEARTH_TRY(const char32_t code, hex_code(end - at_));
    ++at_;
    if (code > CodePointSet::kLast || (code >= 0xD800 && code < 0xE000)) {
      return wrong("a \\u{…} that is no character");
    }
    return one(code);
  }

  Result<CodePointSet> character_class() {
    const bool inverted = take('^');
    CodePointSet set;
    while (!take(']')) {
      if (at_end()) return wrong("a class that does not end in ]");
      HEARTH_TRY(const CodePointSet first, class_atom());
      const bool is_range = peek() == '-' && at_ + 1 < pattern_.size() && pattern_[at_ + 1] != ']';
      if (!is_range) {
        set.add(first);
        continue;
      }
      ++at_;
      HEARTH_TRY(const CodePointSet last, class_atom());
      const auto low = single(first), high = single(last);
      if (!low || !high) return wrong("a range whose end is a class");
      if (*low > *high) return wrong("a range that descends");
      set.add(*low, *high);
    }
    return inverted ? set.inverted() : set;
  }

  Result<CodePointSet> class_atom() {
    if (take('\\')) return escape(true);
    return one(take_character());
  }

  static std::optional<char32_t> single(const CodePointSet& set) {
    const auto& ranges = set.ranges();
    const bool is_one = ranges.size() == 1 && ranges[0].low == ranges[0].high;
    return is_one ? std::optional(ranges[0].low) : std::nullopt;
  }

  GrammarBuilder& b_;
  JsonGrammar& json_;
  std::string_view pattern_;
  std::size_t at_ = 0;
};

}  // namespace

Result<Expr> matching_pattern(GrammarBuilder& builder, JsonGrammar& json,
                              std::string_view pattern) {
  return PatternParser(builder, json, pattern).run();
}

}  // namespace hearth::text
