#include "text/pretokenizer.h"

#include <array>
#include <cstdint>

#include "base/unicode.h"
#include "base/utf8.h"
#include "text/normalizer.h"

namespace hearth::text {

namespace {

// What the expressions distinguish, one bit each, so that a set of classes is a mask.
using Classes = std::uint16_t;
constexpr Classes kUpper = 1;     // Lu, Lt
constexpr Classes kLower = 2;     // Ll
constexpr Classes kUncased = 4;   // Lm, Lo
constexpr Classes kMark = 8;      // M
constexpr Classes kNumber = 16;   // N
constexpr Classes kBlank = 32;    // White_Space but the two below
constexpr Classes kNewline = 64;  // \r \n
constexpr Classes kOther = 128;
constexpr Classes kSlash = 256;  // '/', also kOther

constexpr Classes kLetter = kUpper | kLower | kUncased;
constexpr Classes kSpace = kBlank | kNewline;
constexpr Classes kPunctuation = kMark | kOther;        // [^\s\p{L}\p{N}]
constexpr Classes kWordPrefix = kBlank | kPunctuation;  // [^\r\n\p{L}\p{N}]
constexpr Classes kBothCases = kUncased | kMark;

Classes classes_of(char32_t code) {
  if (code == '\r' || code == '\n') return kNewline;
  if (code == '/') return kOther | kSlash;
  if (is_white_space(code)) return kBlank;
  const Category category = category_of(code);
  if (category == Category::lu || category == Category::lt) return kUpper;
  if (category == Category::ll) return kLower;
  if (is_letter(category)) return kUncased;
  if (is_mark(category)) return kMark;
  return is_number(category) ? kNumber : kOther;
}

// The numbers that Unicode 17.0 added.
bool is_later_number(char32_t code) {
  return (code >= 0x11de0 && code <= 0x11de9) || (code >= 0x16ff4 && code <= 0x16ff6);
}

struct Character {
  Classes classes;
  std::uint8_t size;

  bool in(Classes mask) const { return (classes & mask) != 0; }
};

// The classes of a text's end: in no set.
constexpr Character kEnd = {0, 0};

const std::array<Classes, 128>& ascii_classes() {
  static const auto table = [] {
    std::array<Classes, 128> made{};
    for (char32_t code = 0; code < made.size(); ++code) made[code] = classes_of(code);
    return made;
  }();
  return table;
}

class Scanner {
 public:
  Scanner(std::string_view text, bool later_numbers)
      : text_(text), ascii_(ascii_classes()), later_numbers_(later_numbers) {}

  Character at(std::size_t i) const {
    if (i >= text_.size()) return kEnd;
    const auto byte = static_cast<unsigned char>(text_[i]);
    if (byte < 0x80) return {ascii_[byte], 1};
    const Utf8Char c = decode_utf8(text_.substr(i, 4));
    if (!c.valid) return {kOther, 1};
    if (later_numbers_ && is_later_number(c.code)) return {kNumber, c.size};
    return {classes_of(c.code), c.size};
  }

  // The end of the run of characters in mask that begins at i.
  std::size_t skip(std::size_t i, Classes mask) const {
    for (Character c = at(i); c.in(mask); c = at(i)) i += c.size;
    return i;
  }

  // At most n of them.
  std::size_t skip(std::size_t i, Classes mask, int n) const {
    for (Character c = at(i); n > 0 && c.in(mask); c = at(i), --n) i += c.size;
    return i;
  }

  bool is(std::size_t i, char c) const { return i < text_.size() && text_[i] == c; }

  // 's 't 're 've 'm 'll 'd at i: the end, or i when there is none. Folding case, U+017F is an s
  // too.
  std::size_t contraction(std::size_t i, bool fold_case) const {
    if (!is(i, '\'')) return i;
    const auto letter = [&](std::size_t at) {
      const char c = at < text_.size() ? text_[at] : '\0';
      return fold_case && c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    };
    const char first = letter(i + 1);
    const char second = letter(i + 2);
    if (first == 's' || first == 't' || first == 'm' || first == 'd') return i + 2;
    if ((first == 'r' || first == 'v') && second == 'e') return i + 3;
    if (first == 'l' && second == 'l') return i + 3;
    const bool long_s = fold_case && text_.substr(i + 1, 2) == "\xc5\xbf";
    return long_s ? i + 3 : i;
  }

  // \s+(?!\S)|\s+ at i: the last blank before a word is left to that word. `stop` are classes that
  // end a text as the text's own end does.
  std::size_t blanks(std::size_t i, Classes stop = 0) const {
    std::size_t last = i;
    std::size_t end = i;
    for (Character c = at(end); c.in(kSpace); c = at(end)) {
      last = end;
      end += c.size;
    }
    const Character next = at(end);
    const bool at_end = next.classes == 0 || next.in(stop);
    return at_end || last == i ? end : last;
  }

  // \s*[\r\n]+|\s+(?!\S)|\s+ at i.
  std::size_t lines_or_blanks(std::size_t i) const {
    std::size_t after_newline = i;
    std::size_t end = i;
    for (Character c = at(end); c.in(kSpace); c = at(end)) {
      end += c.size;
      if (c.in(kNewline)) after_newline = end;
    }
    return after_newline > i ? after_newline : blanks(i);
  }

 private:
  std::string_view text_;
  const std::array<Classes, 128>& ascii_;
  bool later_numbers_;
};

// stop: kNumber where numbers were cut out before (smollm), else nothing.
std::size_t gpt2_word(const Scanner& text, std::size_t begin, Classes stop) {
  if (const std::size_t end = text.contraction(begin, false); end > begin) return end;
  const std::size_t start = text.is(begin, ' ') ? begin + 1 : begin;
  const Character first = text.at(start);
  if (first.in(stop)) return text.blanks(begin, stop);
  if (first.in(kLetter)) return text.skip(start, kLetter);
  if (first.in(kNumber)) return text.skip(start, kNumber);
  if (first.in(kPunctuation)) return text.skip(start, kPunctuation);
  return text.blanks(begin, stop);
}

std::size_t smollm_word(const Scanner& text, std::size_t begin) {
  const Character first = text.at(begin);
  return first.in(kNumber) ? begin + first.size : gpt2_word(text, begin, kNumber);
}

// The alternatives that llama3, qwen2 and o200k share, after words and numbers; `tail` is what a
// run of punctuation takes along.
std::size_t punctuation_or_blanks(const Scanner& text, std::size_t begin, Classes punctuation,
                                  Classes tail) {
  const std::size_t start = text.is(begin, ' ') ? begin + 1 : begin;
  if (text.at(start).in(punctuation)) return text.skip(text.skip(start, punctuation), tail);
  return text.lines_or_blanks(begin);
}

// marks_in_words: qwen35, whose words hold marks, so that punctuation does not.
std::size_t llama3_word(const Scanner& text, std::size_t begin, int max_digits,
                        bool marks_in_words = false) {
  if (const std::size_t end = text.contraction(begin, true); end > begin) return end;
  const Character first = text.at(begin);
  if (first.in(kNumber)) return text.skip(begin, kNumber, max_digits);
  const Classes in_word = marks_in_words ? kLetter | kMark : kLetter;
  const std::size_t start = first.in(kWordPrefix) ? begin + first.size : begin;
  if (text.at(start).in(in_word)) return text.skip(start, in_word);
  if (first.in(in_word)) return start;  // a mark is a prefix or, where none follows, a word
  return punctuation_or_blanks(text, begin, marks_in_words ? kOther : kPunctuation, kNewline);
}

// [UB]*[WB]+ at i, or i when it does not match. The first set takes all it can; when no lower-case
// letter follows it gives back as far as the last character that is in both sets, which then ends
// the match (only upper-case letters follow it).
std::size_t capitalised(const Scanner& text, std::size_t i) {
  std::size_t end = i;
  std::size_t after_both = i;
  for (Character c = text.at(end); c.in(kUpper | kBothCases); c = text.at(end)) {
    end += c.size;
    if (c.in(kBothCases)) after_both = end;
  }
  return text.at(end).in(kLower) ? text.skip(end, kLower | kBothCases) : after_both;
}

// contractions: whether a word takes the one after it along.
std::size_t o200k_word(const Scanner& text, std::size_t begin, int max_digits, bool contractions) {
  const auto word = [&](std::size_t end) {
    return contractions ? text.contraction(end, true) : end;
  };
  const Character first = text.at(begin);
  if (first.in(kNumber)) return text.skip(begin, kNumber, max_digits);
  const std::size_t start = first.in(kWordPrefix) ? begin + first.size : begin;
  if (const std::size_t end = capitalised(text, start); end > start) return word(end);
  // A mark is a prefix or a word. As a prefix it found no word of the first kind; as a word it is
  // one, and the first alternative goes before the second.
  if (first.in(kMark)) return word(start);
  // Where the first alternative fails, the second is a run of capitals.
  if (text.at(start).in(kUpper)) return word(text.skip(start, kUpper));
  return punctuation_or_blanks(text, begin, kPunctuation, kNewline | kSlash);
}

std::size_t metaspace_word(std::string_view text, std::size_t begin) {
  const std::size_t next = text.find("▁", begin + 1);
  return next == text.npos ? text.size() : next;
}

enum class BertClass : std::uint8_t { blank, punctuation, other };

BertClass bert_class(const Utf8Char& c) {
  if (!c.valid) return BertClass::other;
  if (is_white_space(c.code)) return BertClass::blank;
  return is_bert_punctuation(c.code) ? BertClass::punctuation : BertClass::other;
}

std::size_t bert_word(std::string_view text, std::size_t begin) {
  const Utf8Char first = decode_utf8(text.substr(begin, 4));
  const BertClass wanted = bert_class(first);
  std::size_t end = begin + first.size;
  if (wanted == BertClass::punctuation) return end;
  while (end < text.size()) {
    const Utf8Char c = decode_utf8(text.substr(end, 4));
    if (bert_class(c) != wanted) break;
    end += c.size;
  }
  return end;
}

}  // namespace

std::size_t word_end(Pretokenizer kind, std::string_view text, std::size_t begin) {
  switch (kind) {
    case Pretokenizer::gpt2:
      return gpt2_word(Scanner(text, false), begin, 0);
    case Pretokenizer::smollm:
      return smollm_word(Scanner(text, true), begin);
    case Pretokenizer::llama3:
      return llama3_word(Scanner(text, false), begin, 3);
    case Pretokenizer::qwen2:
      return llama3_word(Scanner(text, false), begin, 1);
    case Pretokenizer::qwen35:
      return llama3_word(Scanner(text, false), begin, 1, true);
    case Pretokenizer::o200k:
      return o200k_word(Scanner(text, false), begin, 3, true);
    case Pretokenizer::tekken:
      return o200k_word(Scanner(text, false), begin, 1, false);
    case Pretokenizer::none:
      return text.size();
    case Pretokenizer::metaspace:
      return metaspace_word(text, begin);
    case Pretokenizer::bert:
      return bert_word(text, begin);
  }
  return text.size();
}

}  // namespace hearth::text
