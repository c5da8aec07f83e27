// lexer.h - template source to tokens, whitespace control included.
//
// The rules are Jinja's with trim_blocks and lstrip_blocks on, as Hugging Face sets them: a newline
// right after a block or comment tag goes; spaces before such a tag that stands first on its line
// go;
// "-" strips all whitespace on its side, "+" switches both rules off there. CR and CRLF become LF,
// and the last newline of the source is dropped.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hearth::jinja {

inline constexpr std::size_t kMaxTemplateBytes = std::size_t{1} << 20;

enum class TokenKind : std::uint8_t {
  data,
  print_begin,
  print_end,
  block_begin,
  block_end,
  name,
  string,
  integer,
  floating,
  op,
  end,
};

struct Token {
  TokenKind kind;
  std::size_t offset;  // in the normalised source
  std::string text;    // data, names, numbers, operators as written; strings decoded
};

// The source with LF line ends and without its last newline.
std::string normalise_newlines(std::string_view source);
// `source` must be normalised. The last token is `end`.
Result<std::vector<Token>> tokenize(std::string_view source);

// "line 3, column 7", counted from 1, columns in characters.
std::string position_text(std::string_view source, std::size_t offset);
// An error of the template at that place.
Error template_error(std::string_view source, std::size_t offset, std::string_view what);

}  // namespace hearth::jinja
