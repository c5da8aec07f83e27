#include "base/unicode.h"

#include <algorithm>
#include <cstddef>
#include <vector>

#include "base/check.h"
#include "base/unicode_tables.h"
#include "base/utf8.h"

namespace hearth {

namespace {

constexpr char32_t kLastCode = 0x10ffff;
constexpr char32_t kBlock = 256;
constexpr std::uint8_t kAge = 32;  // a table's entry is category + kAge * age

// Hangul syllables (the standard's chapter 3.12): S = kSBase + (l * kVCount + v) * kTCount + t.
constexpr char32_t kSBase = 0xac00, kLBase = 0x1100, kVBase = 0x1161, kTBase = 0x11a7;
constexpr char32_t kLCount = 19, kVCount = 21, kTCount = 28;
constexpr char32_t kSCount = kLCount * kVCount * kTCount;

struct Mark {
  char32_t code;
  std::uint8_t combining;
  std::size_t place = 0;  // in its run, while the run is sorted
};

void decompose_hangul(char32_t code, std::vector<Mark>& out) {
  const char32_t s = code - kSBase;
  out.push_back({kLBase + s / (kVCount * kTCount), 0});
  out.push_back({kVBase + s / kTCount % kVCount, 0});
  if (s % kTCount != 0) out.push_back({kTBase + s % kTCount, 0});
}

// The entry of a table that is sorted by code, or null.
template <class Entry>
const Entry* find_entry(const Entry* begin, std::size_t n, char32_t code) {
  const Entry* end = begin + n;
  const Entry* it = std::lower_bound(begin, end, code,
                                     [](const Entry& entry, char32_t c) { return entry.code < c; });
  return it != end && it->code == code ? it : nullptr;
}

const unicode_tables::Decomposition* find_decomposition(char32_t code) {
  return find_entry(unicode_tables::kDecompositions, unicode_tables::kDecompositionCount, code);
}

// Appends the full canonical decomposition. Only the first part of a mapping is ever decomposable
// again, so a short stack of second parts replaces recursion (the deepest chain has three).
void decompose(char32_t code, std::vector<Mark>& out) {
  if (code - kSBase < kSCount) return decompose_hangul(code, out);
  char32_t seconds[8];
  std::size_t n = 0;
  while (const auto* entry = find_decomposition(code)) {
    if (entry->second != 0) {
      CHECK(n < std::size(seconds), "no canonical decomposition is eight steps deep");
      seconds[n++] = entry->second;
    }
    code = entry->first;
  }
  out.push_back({code, combining_class(code)});
  while (n > 0) out.push_back({seconds[--n], combining_class(seconds[n])});
}

// Appends the full compatibility decomposition.
void decompose_compatibly(char32_t code, std::vector<Mark>& out) {
  const auto* entry =
      find_entry(unicode_tables::kCompatibilities, unicode_tables::kCompatibilityCount, code);
  if (entry == nullptr) return decompose(code, out);
  for (std::size_t i = 0; i < entry->size; ++i) {
    const char32_t part = unicode_tables::kCompatibilityParts[entry->begin + i];
    out.push_back({part, combining_class(part)});
  }
}

// The composite of two characters, 0 when there is none.
char32_t compose(char32_t first, char32_t second) {
  if (first - kLBase < kLCount && second - kVBase < kVCount) {
    return kSBase + ((first - kLBase) * kVCount + (second - kVBase)) * kTCount;
  }
  const bool is_lv = first - kSBase < kSCount && (first - kSBase) % kTCount == 0;
  if (is_lv && second - kTBase - 1 < kTCount - 1) return first + (second - kTBase);
  const auto* begin = unicode_tables::kCompositions;
  const auto* end = begin + unicode_tables::kCompositionCount;
  const auto* it = std::lower_bound(begin, end, second, [first](const auto& entry, char32_t c) {
    return entry.first != first ? entry.first < first : entry.second < c;
  });
  return it != end && it->first == first && it->second == second ? it->code : 0;
}

// Canonical order: each run of marks sorted by combining class, equals in their order. (Sorted by
// class and place because libstdc++'s stable_sort is deprecated in clang's eyes.)
void reorder(std::vector<Mark>& marks) {
  const auto is_starter = [](const Mark& m) { return m.combining == 0; };
  auto it = marks.begin();
  while (it != marks.end()) {
    const auto run = std::find_if_not(it, marks.end(), is_starter);
    const auto end = std::find_if(run, marks.end(), is_starter);
    for (auto mark = run; mark != end; ++mark) mark->place = static_cast<std::size_t>(mark - run);
    std::sort(run, end, [](const Mark& a, const Mark& b) {
      return a.combining != b.combining ? a.combining < b.combining : a.place < b.place;
    });
    it = end;
  }
}

// The canonical composition algorithm (the standard's D117): a character joins the last starter
// unless something between the two blocks it (a starter, or a mark of no lower class).
void compose_all(std::vector<Mark>& marks) {
  std::size_t n = 0;  // marks[0, n) is the answer so far
  std::size_t starter = marks.size();
  for (const Mark mark : marks) {
    const bool adjacent = starter + 1 == n;
    const bool blocked = !adjacent && (n == 0 || marks[n - 1].combining >= mark.combining);
    if (starter < n && !blocked) {
      if (const char32_t composite = compose(marks[starter].code, mark.code); composite != 0) {
        marks[starter].code = composite;
        continue;
      }
    }
    if (mark.combining == 0) starter = n;
    marks[n++] = mark;
  }
  marks.resize(n);
}

// Where text is in its form already and only a character that follows may change that: nothing
// below U+0300 composes with what stands before it; all of it is NFC; ASCII is every form.
char32_t inert_end(NormalForm form) { return form == NormalForm::nfc ? 0x300 : 0x80; }

// Length of the prefix of text that stays whatever comes later: inert characters that no character
// from U+0300 on (lead bytes from 0xCC on) follows.
std::size_t settled_prefix(std::string_view text, char32_t end_of_inert) {
  constexpr unsigned char kLeadOf0300 = 0xcc;
  std::size_t i = 0;
  while (i < text.size()) {
    const Utf8Char c = decode_utf8(text.substr(i, 4));
    if (!c.valid || c.code >= end_of_inert) break;
    const std::size_t next = i + c.size;
    if (next < text.size() && static_cast<unsigned char>(text[next]) >= kLeadOf0300) break;
    i = next;
  }
  return i;
}

// Brings characters into a form, piece by piece.
class FormWriter {
 public:
  FormWriter(NormalForm form, std::string& out) : form_(form), out_(out) {}

  void add(char32_t code) {
    if (form_ == NormalForm::nfkc || form_ == NormalForm::nfkd) {
      decompose_compatibly(code, marks_);
    } else {
      decompose(code, marks_);
    }
  }

  void flush() {
    reorder(marks_);
    if (form_ == NormalForm::nfc || form_ == NormalForm::nfkc) compose_all(marks_);
    for (const Mark& m : marks_) append_utf8(out_, m.code);
    marks_.clear();
  }

 private:
  NormalForm form_;
  std::string& out_;
  std::vector<Mark> marks_;
};

}  // namespace

static std::uint8_t category_and_age(char32_t code) {
  const std::size_t block = unicode_tables::kCategoryIndex[code / kBlock];
  return unicode_tables::kCategoryBlocks[block * kBlock + code % kBlock];
}

Category category_of(char32_t code) {
  if (code > kLastCode) return Category::cn;
  return static_cast<Category>(category_and_age(code) % kAge);
}

Age age_of(char32_t code) {
  return code > kLastCode ? Age::later : static_cast<Age>(category_and_age(code) / kAge);
}

std::uint8_t combining_class(char32_t code) {
  if (code > kLastCode) return 0;
  const std::size_t block = unicode_tables::kCombiningIndex[code / kBlock];
  return unicode_tables::kCombiningBlocks[block * kBlock + code % kBlock];
}

bool is_white_space(char32_t code) {
  if (code < 0x80) return code == ' ' || (code >= 9 && code <= 13);
  return code == 0x85 || is_separator(category_of(code));
}

bool is_word_character(char32_t code) {
  const Category c = category_of(code);
  if (is_letter(c) || is_mark(c)) return true;
  if (c == Category::nd || c == Category::nl || c == Category::pc) return true;
  if (code == 0x200c || code == 0x200d) return true;
  // The symbols that are Alphabetic: circled and squared Latin letters.
  return (code >= 0x24b6 && code <= 0x24e9) || (code >= 0x1f130 && code <= 0x1f149) ||
         (code >= 0x1f150 && code <= 0x1f169) || (code >= 0x1f170 && code <= 0x1f189);
}

std::string to_normal_form(std::string_view text, NormalForm form) {
  std::string out;
  out.reserve(text.size());
  FormWriter writer(form, out);
  const char32_t end_of_inert = inert_end(form);
  while (!text.empty()) {
    if (const std::size_t n = settled_prefix(text, end_of_inert); n > 0) {
      writer.flush();
      out.append(text.substr(0, n));
      text.remove_prefix(n);
      continue;
    }
    const Utf8Char c = decode_utf8(text.substr(0, 4));
    if (!c.valid || c.code < end_of_inert) writer.flush();
    if (c.valid) {
      writer.add(c.code);
    } else {
      out.append(text.substr(0, c.size));
    }
    text.remove_prefix(c.size);
  }
  writer.flush();
  return out;
}

std::string to_lower_case(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Utf8Char c = decode_utf8(text.substr(0, 4));
    const auto* entry = c.code < 0x80 ? nullptr
                                      : find_entry(unicode_tables::kLowerCases,
                                                   unicode_tables::kLowerCaseCount, c.code);
    if (c.code == 0x130) {
      out += "i\u0307";  // the one character whose lower case is two
    } else if (c.code >= 'A' && c.code <= 'Z') {
      out.push_back(static_cast<char>(c.code - 'A' + 'a'));
    } else if (entry != nullptr) {
      append_utf8(out, entry->lower);
    } else {
      out.append(text.substr(0, c.size));
    }
    text.remove_prefix(c.size);
  }
  return out;
}

}  // namespace hearth
