// lexer.cc - see lexer.h.
#include "text/jinja/lexer.h"

#include <algorithm>

#include "base/str.h"
#include "base/utf8.h"
#include "text/jinja/unicode.h"

namespace hearth::jinja {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool is_name_char(char c) { return is_name_start(c) || is_digit(c); }

// How many digits an escape takes: \xhh, \uhhhh, \Uhhhhhhhh.
std::size_t escape_digits(char c) { return c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0; }

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(source) {}

  Result<std::vector<Token>> run() {
    while (at_ < source_.size()) {
      const std::size_t begin = find_tag();
      if (begin == std::string_view::npos) {
        push(TokenKind::data, at_, std::string(source_.substr(at_)));
        break;
      }
      HEARTH_TRY_VOID(tag(begin));
    }
    push(TokenKind::end, source_.size(), "");
    return std::move(tokens_);
  }

 private:
  Error error(std::size_t offset, std::string_view what) const {
    return template_error(source_, offset, what);
  }
  char peek(std::size_t ahead = 0) const {
    return at_ + ahead < source_.size() ? source_[at_ + ahead] : '\0';
  }
  bool starts(std::string_view what) const { return source_.substr(at_).starts_with(what); }
  void push(TokenKind kind, std::size_t offset, std::string text) {
    tokens_.push_back({kind, offset, std::move(text)});
  }
  void skip_space() { at_ += leading_space(source_.substr(at_)); }

  std::size_t find_tag() const {
    for (std::size_t i = at_; i + 1 < source_.size(); ++i) {
      if (source_[i] != '{') continue;
      if (source_[i + 1] == '{' || source_[i + 1] == '%' || source_[i + 1] == '#') return i;
    }
    return std::string_view::npos;
  }

  // The text from at_ to a tag, as the sign of the tag and lstrip_blocks leave it.
  void data_before(std::size_t begin, char sign, bool is_print) {
    std::string_view text = source_.substr(at_, begin - at_);
    if (sign == '-') {
      text.remove_suffix(trailing_space(text));
    } else if (sign != '+' && !is_print) {
      const std::size_t line = text.rfind('\n') + 1;  // npos + 1 is 0
      const bool at_line_start = line > 0 || line_starting_;
      if (at_line_start && leading_space(text.substr(line)) == text.size() - line) {
        text = text.substr(0, line);
      }
    }
    if (!text.empty()) push(TokenKind::data, at_, std::string(text));
  }

  Result<void> tag(std::size_t begin) {
    const char type = source_[begin + 1];
    const char sign = begin + 2 < source_.size() ? source_[begin + 2] : '\0';
    const bool signed_tag = sign == '-' || sign == '+';
    data_before(begin, signed_tag ? sign : '\0', type == '{');
    at_ = begin + (signed_tag ? 3 : 2);
    if (type == '#') return comment(begin);
    if (type == '%' && raw_begins()) return raw(begin);
    push(type == '{' ? TokenKind::print_begin : TokenKind::block_begin, begin, "");
    return inside(begin, type == '{');
  }

  // Skips the end of a block tag: "%}" and a newline, "-%}" and all space, "+%}". False at others.
  bool block_end(std::string_view close) {
    const bool minus = peek() == '-', plus = peek() == '+';
    if (!source_.substr(at_ + (minus || plus ? 1 : 0)).starts_with(close)) return false;
    at_ += close.size() + (minus || plus ? 1 : 0);
    if (minus) skip_space();
    if (!minus && !plus && peek() == '\n') ++at_;
    line_starting_ = source_[at_ - 1] == '\n';
    return true;
  }

  Result<void> comment(std::size_t begin) {
    for (; at_ < source_.size(); ++at_) {
      if (block_end("#}")) return {};
    }
    return error(begin, "this comment has no end: expected '#}'");
  }

  bool raw_begins() {
    const std::size_t start = at_;
    skip_space();
    if (starts("raw")) {
      at_ += 3;
      skip_space();
      const bool minus = peek() == '-';
      if (source_.substr(at_ + (minus ? 1 : 0)).starts_with("%}")) {
        at_ += minus ? 3 : 2;
        if (minus) skip_space();
        line_starting_ = source_[at_ - 1] == '\n';
        return true;
      }
    }
    at_ = start;
    return false;
  }

  Result<void> raw(std::size_t begin) {
    const std::size_t body = at_;
    for (std::size_t end = body; (end = source_.find("{%", end)) != std::string_view::npos; ++end) {
      at_ = end + 2;
      const char sign = peek();
      if (sign == '-' || sign == '+') ++at_;
      skip_space();
      if (!starts("endraw")) continue;
      at_ += 6;
      skip_space();
      const std::size_t close = at_;
      at_ = body;
      data_before(end, sign, false);
      at_ = close;
      if (block_end("%}")) return {};
      return error(close, "expected '%}' after 'endraw'");
    }
    return error(begin, "this raw block has no end: expected '{% endraw %}'");
  }

  bool print_end() {
    const bool minus = peek() == '-';
    if (!source_.substr(at_ + (minus ? 1 : 0)).starts_with("}}")) return false;
    at_ += minus ? 3 : 2;
    if (minus) skip_space();
    line_starting_ = source_[at_ - 1] == '\n';
    return true;
  }

  // The tokens of one {{ … }} or {% … %}. Inside brackets "}}" closes two dicts, not the tag.
  Result<void> inside(std::size_t begin, bool is_print) {
    std::string open;
    while (true) {
      skip_space();
      const std::size_t start = at_;
      if (at_ >= source_.size()) {
        return error(begin, is_print ? "this '{{' has no end: expected '}}'"
                                     : "this '{%' has no end: expected '%}'");
      }
      if (open.empty() && (is_print ? print_end() : block_end("%}"))) {
        push(is_print ? TokenKind::print_end : TokenKind::block_end, start, "");
        return {};
      }
      HEARTH_TRY_VOID(token(&open));
    }
  }

  Result<void> token(std::string* open) {
    const std::size_t start = at_;
    if (is_digit(peek())) return number();
    if (is_name_start(peek())) {
      while (at_ < source_.size() && is_name_char(source_[at_]) &&
             leading_space(source_.substr(at_)) == 0) {
        ++at_;
      }
      push(TokenKind::name, start, std::string(source_.substr(start, at_ - start)));
      return {};
    }
    if (peek() == '\'' || peek() == '"') return string();
    return op(open);
  }

  std::size_t digits(std::size_t from) const {
    std::size_t i = from;
    while (i < source_.size() &&
           (is_digit(source_[i]) || (i > from && source_[i] == '_' && i + 1 < source_.size() &&
                                     is_digit(source_[i + 1])))) {
      ++i;
    }
    return i;
  }

  // The end of a fraction or an exponent that follows the digits at `whole`; `whole` when none
  // does.
  std::size_t float_end(std::size_t whole) const {
    const auto at = [&](std::size_t i) { return i < source_.size() ? source_[i] : '\0'; };
    std::size_t end = whole;
    if (at(end) == '.' && is_digit(at(end + 1))) end = digits(end + 1);
    if ((at(end) | 0x20) == 'e') {
      const std::size_t power = end + (at(end + 1) == '+' || at(end + 1) == '-' ? 2 : 1);
      if (is_digit(at(power))) end = digits(power);
    }
    return end;
  }

  Result<void> number() {
    const std::size_t start = at_;
    const char base = static_cast<char>(peek(1) | 0x20);
    TokenKind kind = TokenKind::integer;
    if (peek() == '0' && (base == 'x' || base == 'o' || base == 'b')) {
      at_ += 2;
      while (hex_value(peek()) >= 0 || peek() == '_') ++at_;
    } else {
      at_ = digits(start);
      // After a dot a number is an index: "x.0.1" is not the float 0.1.
      const bool after_dot = start > 0 && source_[start - 1] == '.';
      const std::size_t end = after_dot ? at_ : float_end(at_);
      if (end != at_) kind = TokenKind::floating;
      at_ = end;
    }
    push(kind, start, std::string(source_.substr(start, at_ - start)));
    return {};
  }

  Result<void> string() {
    const std::size_t start = at_;
    const char quote = source_[at_++];
    std::string text;
    while (at_ < source_.size() && source_[at_] != quote) {
      if (source_[at_] == '\\') {
        HEARTH_TRY_VOID(escape(&text));
      } else {
        text += source_[at_++];
      }
    }
    if (at_ >= source_.size()) return error(start, cat("this string has no end: expected ", quote));
    ++at_;
    push(TokenKind::string, start, std::move(text));
    return {};
  }

  Result<void> escape(std::string* text) {
    constexpr std::string_view kNames = "ntr\\'\"abfv\n", kMeans = "\n\t\r\\'\"\a\b\f\v";
    const std::size_t start = at_++;
    const char c = peek();
    ++at_;
    if (const std::size_t i = kNames.find(c); i != std::string_view::npos && c != '\0') {
      if (i < kMeans.size()) *text += kMeans[i];
      return {};
    }
    if (const std::size_t n = escape_digits(c)) return hex_escape(start, n, text);
    if (c >= '0' && c <= '7') {
      char32_t code = static_cast<char32_t>(c - '0');
      for (int i = 0; i < 2 && peek() >= '0' && peek() <= '7'; ++i) {
        code = code * 8 + static_cast<char32_t>(source_[at_++] - '0');
      }
      append_utf8(*text, code);
      return {};
    }
    if (c == 'N') return error(start, "named characters (\\N{…}) are not supported in strings");
    --at_;
    *text += '\\';
    return {};
  }

  Result<void> hex_escape(std::size_t start, std::size_t n, std::string* text) {
    char32_t code = 0;
    for (std::size_t i = 0; i < n; ++i, ++at_) {
      const int digit = hex_value(peek());
      if (digit < 0) return error(start, cat("this escape needs ", n, " hexadecimal digits"));
      code = code * 16 + static_cast<char32_t>(digit);
    }
    if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
      return error(start, "this escape is not a Unicode character");
    }
    append_utf8(*text, code);
    return {};
  }

  Result<void> op(std::string* open) {
    constexpr std::string_view kTwo[] = {"//", "**", "==", "!=", ">=", "<="};
    constexpr std::string_view kOne = "+-/*%~[](){}><=.:|,;";
    const std::size_t start = at_;
    std::size_t size = 1;
    for (const std::string_view two : kTwo) {
      if (starts(two)) size = 2;
    }
    const char c = peek();
    if (size == 1 && kOne.find(c) == std::string_view::npos) {
      return error(start,
                   cat("unexpected character ",
                       quote(source_.substr(start, decode_utf8(source_.substr(start)).size))));
    }
    if (c == '(' || c == '[' || c == '{') open->push_back(c == '(' ? ')' : c == '[' ? ']' : '}');
    if (c == ')' || c == ']' || c == '}') {
      if (open->empty()) return error(start, cat("unexpected '", c, "': nothing is open"));
      if (open->back() != c) {
        return error(start, cat("unexpected '", c, "', expected '", open->back(), "'"));
      }
      open->pop_back();
    }
    at_ += size;
    push(TokenKind::op, start, std::string(source_.substr(start, size)));
    return {};
  }

  std::string_view source_;
  std::size_t at_ = 0;
  bool line_starting_ = true;
  std::vector<Token> tokens_;
};

}  // namespace

std::string normalise_newlines(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (std::size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r') {
      out += '\n';
      if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
    } else {
      out += source[i];
    }
  }
  if (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

Result<std::vector<Token>> tokenize(std::string_view source) { return Lexer(source).run(); }

std::string position_text(std::string_view source, std::size_t offset) {
  const std::string_view before = source.substr(0, offset);
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  return cat("line ", line, ", column ", count_chars(before.substr(before.rfind('\n') + 1)) + 1);
}

Error template_error(std::string_view source, std::size_t offset, std::string_view what) {
  return {ErrorKind::invalid, cat("chat template, ", position_text(source, offset), ": ", what)};
}

}  // namespace hearth::jinja
