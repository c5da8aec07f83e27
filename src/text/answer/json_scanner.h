// json_scanner.h - is this still the beginning of one JSON object or array? A byte at a time, so
// that a stream is read once and the first byte that cannot be JSON is found at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace hearth::text {

class JsonScanner {
 public:
  // Deeper nesting counts as broken.
  static constexpr std::size_t kMaxDepth = 64;

  enum class Result : std::uint8_t {
    more,      // a beginning so far
    complete,  // the object or array ends with this byte
    broken,    // no JSON begins like this; the scanner must be reset
  };
  // Strict JSON (RFC 8259), white space before it included; UTF-8 is not checked.
  Result push(char c);
  void reset() { *this = JsonScanner(); }

  std::size_t depth() const { return depth_; }  // brackets that are open
  // The byte that was pushed last is the end of a member's name, or a space behind it.
  bool is_behind_key() const { return state_ == State::colon; }

 private:
  enum class State : std::uint8_t {
    value,       // expected: any value
    first_item,  // a value or ]
    first_key,   // a name or }
    key,         // a name
    colon,
    separator,  // after a value: , or the closing bracket
    string,
    escape,
    hex,  // n_left_ digits of \uXXXX
    literal,
    minus,
    zero,
    integer,
    point,
    fraction,
    exponent,
    exponent_sign,
    exponent_digits,
  };
  bool begin_value(char c);
  bool open(bool is_object);
  bool close(char c);
  bool in_string(char c);
  bool in_number(char c);
  bool separate(char c);
  bool step(char c);

  bool innermost_is_object() const { return (objects_ >> (depth_ - 1) & 1) != 0; }

  State state_ = State::value;
  bool is_key_ = false;  // of the string that is read
  bool done_ = false;
  std::uint8_t n_left_ = 0;
  std::string_view literal_;   // what is left of true, false, null
  std::uint64_t objects_ = 0;  // a bit for each open bracket: is it an object's?
  std::size_t depth_ = 0;
};

// The whole text is one JSON object.
bool is_json_object(std::string_view text);

}  // namespace hearth::text
