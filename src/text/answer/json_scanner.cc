#include "text/answer/json_scanner.h"

namespace hearth::text {

namespace {

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

}  // namespace

JsonScanner::Result JsonScanner::push(char c) {
  if (done_ || !step(c)) return Result::broken;
  return done_ ? Result::complete : Result::more;
}

bool JsonScanner::step(char c) {
  switch (state_) {
    case State::value:
      return is_space(c) || begin_value(c);
    case State::first_item:
      return is_space(c) || (c == ']' ? close(c) : begin_value(c));
    case State::first_key:
      if (c == '}') return close(c);
      [[fallthrough]];
    case State::key:
      if (c == '"') {
        state_ = State::string;
        is_key_ = true;
      }
      return is_space(c) || c == '"';
    case State::colon:
      if (c == ':') state_ = State::value;
      return is_space(c) || c == ':';
    case State::separator:
      return is_space(c) || separate(c);
    case State::string:
    case State::escape:
    case State::hex:
      return in_string(c);
    case State::literal:
      if (literal_.front() != c) return false;
      literal_.remove_prefix(1);
      if (literal_.empty()) state_ = State::separator;
      return true;
    default:
      return in_number(c);
  }
}

// Only an object or an array stands alone.
bool JsonScanner::begin_value(char c) {
  if (c == '{' || c == '[') return open(c == '{');
  if (depth_ == 0) return false;
  if (c == '"') {
    state_ = State::string;
    is_key_ = false;
    return true;
  }
  if (c == 't' || c == 'f' || c == 'n') {
    state_ = State::literal;
    literal_ = c == 't' ? "rue" : c == 'f' ? "alse" : "ull";
    return true;
  }
  state_ = c == '-' ? State::minus : c == '0' ? State::zero : State::integer;
  return c == '-' || is_digit(c);
}

bool JsonScanner::open(bool is_object) {
  if (depth_ == kMaxDepth) return false;
  const std::uint64_t bit = std::uint64_t{1} << depth_++;
  objects_ = is_object ? objects_ | bit : objects_ & ~bit;
  state_ = is_object ? State::first_key : State::first_item;
  return true;
}

bool JsonScanner::close(char c) {
  if (c != (innermost_is_object() ? '}' : ']')) return false;
  done_ = --depth_ == 0;
  state_ = State::separator;
  return true;
}

bool JsonScanner::separate(char c) {
  if (c != ',') return close(c);
  state_ = innermost_is_object() ? State::key : State::value;
  return true;
}

bool JsonScanner::in_string(char c) {
  if (state_ == State::escape) {
    state_ = c == 'u' ? State::hex : State::string;
    n_left_ = 4;
    return std::string_view("\"\\/bfnrtu").find(c) != std::string_view::npos;
  }
  if (state_ == State::hex) {
    if (--n_left_ == 0) state_ = State::string;
    return is_hex(c);
  }
  if (c == '\\') state_ = State::escape;
  if (c == '"') state_ = is_key_ ? State::colon : State::separator;
  return static_cast<unsigned char>(c) >= 0x20;
}

// A number ends with the first byte that cannot be its own.
bool JsonScanner::in_number(char c) {
  const State was = state_;
  const bool whole = was == State::zero || was == State::integer;
  const bool may_end = whole || was == State::fraction || was == State::exponent_digits;
  if (is_digit(c) && was != State::zero) {
    if (was == State::minus) state_ = c == '0' ? State::zero : State::integer;
    if (was == State::point) state_ = State::fraction;
    if (was == State::exponent || was == State::exponent_sign) state_ = State::exponent_digits;
    return true;
  }
  if (c == '.' && whole) {
    state_ = State::point;
    return true;
  }
  if ((c == 'e' || c == 'E') && (whole || was == State::fraction)) {
    state_ = State::exponent;
    return true;
  }
  if ((c == '+' || c == '-') && was == State::exponent) {
    state_ = State::exponent_sign;
    return true;
  }
  if (!may_end) return false;
  state_ = State::separator;
  return is_space(c) || separate(c);
}

bool is_json_object(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \n\r\t");
  const std::size_t last = text.find_last_not_of(" \n\r\t");
  if (first == text.npos || text[first] != '{') return false;
  JsonScanner scanner;
  for (std::size_t i = first; i < last; ++i) {
    if (scanner.push(text[i]) != JsonScanner::Result::more) return false;
  }
  return scanner.push(text[last]) == JsonScanner::Result::complete;
}

}  // namespace hearth::text
