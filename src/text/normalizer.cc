#include "text/normalizer.h"

#include <utility>

#include "base/grapheme.h"
#include "base/str.h"
#include "base/unicode.h"
#include "base/utf8.h"

namespace hearth::text {

namespace {

using Kind = NormalizerStep::Kind;

// ---- what the classes were in earlier versions --------------------------------------------------
//
// Categories are 16.0's (unicode.h). A few characters changed theirs since 8.0 or 9.0.

bool is_nonspacing_mark_of_8(char32_t code) {
  if (code == 0x1885 || code == 0x1886 || code == 0xa9bd || code == 0x111c9) return false;
  if (code == 0x1734 || code == 0x1171e) return true;
  return category_of(code) == Category::mn && age_of(code) == Age::unicode_8;
}

bool is_mark_of_9(char32_t code) {
  if (code == 0x1cf2 || code == 0x1cf3) return true;
  return is_mark(category_of(code)) && age_of(code) != Age::later;
}

bool is_control_of_8(char32_t code) {
  const Category c = category_of(code);
  return (c == Category::cc || c == Category::cf || c == Category::co) &&
         age_of(code) == Age::unicode_8;
}

bool is_cjk(char32_t code) {
  static constexpr char32_t kRanges[][2] = {
      {0x3400, 0x4dbf},   {0x4e00, 0x9fff},   {0xf900, 0xfaff},   {0x20000, 0x2a6df},
      {0x2a700, 0x2b81f}, {0x2b920, 0x2ceaf}, {0x2f800, 0x2fa1f},
  };
  for (const auto& [first, last] : kRanges) {
    if (code >= first && code <= last) return true;
  }
  return false;
}

// ---- steps --------------------------------------------------------------------------------------

// Calls on_character(character, its bytes) for each; what is not valid UTF-8 is one of U+FFFD.
template <class OnCharacter>
void for_each_character(std::string_view text, const OnCharacter& on_character) {
  while (!text.empty()) {
    const Utf8Char c = decode_utf8(text.substr(0, 4));
    on_character(c, text.substr(0, c.size));
    text.remove_prefix(c.size);
  }
}

// Without the characters that is_dropped names.
template <class IsDropped>
std::string filtered(std::string_view text, const IsDropped& is_dropped) {
  std::string out;
  out.reserve(text.size());
  for_each_character(text, [&](Utf8Char c, std::string_view bytes) {
    if (!c.valid || !is_dropped(c.code)) out += bytes;
  });
  return out;
}

std::string bert_cleaned(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for_each_character(text, [&](Utf8Char c, std::string_view bytes) {
    const bool blank = c.code == '\t' || c.code == '\n' || c.code == '\r';
    const bool dropped = c.code == 0 || c.code == 0xfffd || is_control_of_8(c.code);
    if (!c.valid) {
      out += bytes;
    } else if (blank || (!dropped && is_white_space(c.code))) {
      out += ' ';
    } else if (!dropped) {
      out += bytes;
    }
  });
  return out;
}

std::string with_space_around_cjk(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for_each_character(text, [&](Utf8Char c, std::string_view bytes) {
    const std::string_view space = is_cjk(c.code) ? " " : "";
    out += space;
    out += bytes;
    out += space;
  });
  return out;
}

// pattern is not empty. A run of at least `shortest` of it becomes one content.
std::string replaced(std::string_view text, std::string_view pattern, std::string_view content,
                     std::size_t shortest, bool whole_runs) {
  std::string out;
  out.reserve(text.size());
  while (true) {
    const std::size_t at = text.find(pattern);
    out += text.substr(0, at);
    if (at == text.npos) return out;
    text.remove_prefix(at);
    std::size_t n = 0;
    do {
      text.remove_prefix(pattern.size());
      ++n;
    } while (whole_runs && text.starts_with(pattern));
    out += n >= shortest ? content : pattern;
  }
}

std::string_view without_start(std::string_view text, std::string_view pattern) {
  if (!pattern.empty()) {
    while (text.starts_with(pattern)) text.remove_prefix(pattern.size());
    return text;
  }
  while (!text.empty()) {
    const Utf8Char c = decode_utf8(text.substr(0, 4));
    if (!c.valid || !is_white_space(c.code)) break;
    text.remove_prefix(c.size);
  }
  return text;
}

std::string_view without_end(std::string_view text, std::string_view pattern) {
  if (!pattern.empty()) {
    while (text.ends_with(pattern)) text.remove_suffix(pattern.size());
    return text;
  }
  std::size_t end = 0;
  std::size_t at = 0;
  for_each_character(text, [&](Utf8Char c, std::string_view) {
    at += c.size;
    if (!c.valid || !is_white_space(c.code)) end = at;
  });
  return text.substr(0, end);
}

std::string words_begun_with(std::string_view content, std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 4);
  bool in_word = false;
  std::size_t at = 0;
  for_each_character(text, [&](Utf8Char c, std::string_view bytes) {
    const bool blank = c.valid && is_white_space(c.code);
    if (!blank && !in_word && !text.substr(at).starts_with(content)) out += content;
    if (!blank) out += bytes;
    in_word = !blank;
    at += c.size;
  });
  return out;
}

std::string mapped_longest(const Charsmap& map, std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Charsmap::Match match = map.longest(text);
    const std::size_t size = match.size > 0 ? match.size : decode_utf8(text.substr(0, 4)).size;
    out += match.size > 0 ? match.replacement : text.substr(0, size);
    text.remove_prefix(size);
  }
  return out;
}

// A short grapheme any beginning of which is in the map is replaced as a whole by what its shortest
// such beginning maps to, whatever follows in it; otherwise each of its characters stands for
// itself. That loses marks, but so were the models trained that come with such a tokenizer.json.
std::string mapped_by_graphemes(const Charsmap& map, std::string_view text) {
  constexpr std::size_t kShort = 6;  // bytes
  std::string out;
  out.reserve(text.size());
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = grapheme_end(text, begin);
    const std::string_view grapheme = text.substr(begin, end - begin);
    begin = end;
    const Charsmap::Match match =
        grapheme.size() < kShort ? map.shortest(grapheme) : Charsmap::Match{};
    if (match.size > 0) {
      out += match.replacement;
      continue;
    }
    for_each_character(grapheme, [&](Utf8Char, std::string_view bytes) {
      const Charsmap::Match of_one = map.shortest(bytes);
      out += of_one.size > 0 ? of_one.replacement : bytes;
    });
  }
  return out;
}

std::string with_prefix(std::string_view prefix, std::string_view text) {
  return text.empty() ? std::string() : cat(prefix, text);
}

std::string applied(const NormalizerStep& step, const Charsmap* map, std::string_view text,
                    bool starts) {
  switch (step.kind) {
    case Kind::nfc:
      return to_normal_form(text, NormalForm::nfc);
    case Kind::nfd:
      return to_normal_form(text, NormalForm::nfd);
    case Kind::nfkc:
      return to_normal_form(text, NormalForm::nfkc);
    case Kind::nfkd:
      return to_normal_form(text, NormalForm::nfkd);
    case Kind::lower_case:
      return to_lower_case(text);
    case Kind::strip_accents:
      return filtered(text, is_mark_of_9);
    case Kind::strip_start:
      return std::string(without_start(text, step.pattern));
    case Kind::strip_end:
      return std::string(without_end(text, step.pattern));
    case Kind::replace:
      return replaced(text, step.pattern, step.content, 1, false);
    case Kind::replace_runs:
      return replaced(text, step.pattern, step.content, 2, true);
    case Kind::prepend:
      return with_prefix(step.content, text);
    case Kind::prefix:
      return with_prefix(text.starts_with(step.content) ? "" : step.content, text);
    case Kind::first_prefix:
      return with_prefix(!starts || text.starts_with(step.content) ? "" : step.content, text);
    case Kind::words:
      return words_begun_with(step.content, text);
    case Kind::bert_clean:
      return bert_cleaned(text);
    case Kind::bert_space_cjk:
      return with_space_around_cjk(text);
    case Kind::bert_strip_accents:
      return filtered(text, is_nonspacing_mark_of_8);
    case Kind::charsmap:
      return mapped_longest(*map, text);
    case Kind::charsmap_graphemes:
      return mapped_by_graphemes(*map, text);
  }
  return std::string(text);
}

bool needs_pattern(Kind kind) { return kind == Kind::replace || kind == Kind::replace_runs; }
bool has_charsmap(Kind kind) { return kind == Kind::charsmap || kind == Kind::charsmap_graphemes; }

}  // namespace

Result<Normalizer> Normalizer::build(std::vector<NormalizerStep> steps) {
  Normalizer made;
  made.charsmaps_.resize(steps.size());
  for (std::size_t i = 0; i < steps.size(); ++i) {
    NormalizerStep& step = steps[i];
    if (has_charsmap(step.kind)) {
      HEARTH_TRY(made.charsmaps_[i], Charsmap::parse(step.content));
      step.content.clear();
    }
    if (needs_pattern(step.kind) && step.pattern.empty()) {
      return Error{ErrorKind::corrupt, "tokenizer: a normaliser replaces a text without a byte"};
    }
    if (step.content.size() > kMaxStepText) {
      return Error{ErrorKind::unsupported,
                   cat("tokenizer: a normaliser puts in ", quote(step.content), " of ",
                       step.content.size(), " bytes; at most ", kMaxStepText, " are supported")};
    }
  }
  made.steps_ = std::move(steps);
  return made;
}

Result<std::string> Normalizer::apply(std::string_view text, bool starts) const {
  std::string out(text);
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    out = applied(steps_[i], charsmaps_[i] ? &*charsmaps_[i] : nullptr, out, starts);
    if (out.size() > kMaxGrowth * text.size() + kMaxStepText * steps_.size()) {
      return Error{
          ErrorKind::unsupported,
          cat("tokenizer: the normaliser makes ", human_bytes(out.size()), " of a text of ",
              human_bytes(text.size()), "; at most ", kMaxGrowth, " times as much is supported")};
    }
  }
  return out;
}

bool is_bert_punctuation(char32_t code) {
  if (code < 0x80) {
    const bool alphanumeric = (code >= '0' && code <= '9') || (code >= 'A' && code <= 'Z') ||
                              (code >= 'a' && code <= 'z');
    return code > ' ' && code < 0x7f && !alphanumeric;
  }
  if (code == 0x166d || code == 0x111c9) return true;
  return is_punctuation(category_of(code)) && age_of(code) == Age::unicode_8;
}

}  // namespace hearth::text
