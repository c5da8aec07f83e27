#include "text/grammar/code_point_set.h"

#include <algorithm>
#include <string>

#include "base/utf8.h"

namespace hearth::text {

namespace {

constexpr char32_t kFirstSurrogate = 0xD800, kLastSurrogate = 0xDFFF;

// Splits a range until all its characters differ in such bytes only as run through their whole
// range, or in the last one that differs at all.
void split(char32_t low, char32_t high, std::vector<Utf8Sequence>& out) {
  for (const char32_t last : {U'\x7F', U'\u07FF', U'\uFFFF'}) {
    if (low <= last && last < high) {
      split(low, last, out);
      return split(last + 1, high, out);
    }
  }
  for (int i = 1; i < 4; ++i) {
    const char32_t mask = (char32_t{1} << (6 * i)) - 1;
    if (high <= 0x7F || (low & ~mask) == (high & ~mask)) continue;
    if ((low & mask) != 0) {
      split(low, low | mask, out);
      return split((low | mask) + 1, high, out);
    }
    if ((high & mask) != mask) {
      split(low, (high & ~mask) - 1, out);
      return split(high & ~mask, high, out);
    }
  }
  std::string first, last;
  append_utf8(first, low);
  append_utf8(last, high);
  Utf8Sequence sequence;
  sequence.size = static_cast<std::uint8_t>(first.size());
  for (std::size_t i = 0; i < first.size(); ++i) {
    sequence.bytes[i] = {static_cast<std::uint8_t>(first[i]), static_cast<std::uint8_t>(last[i])};
  }
  out.push_back(sequence);
}

}  // namespace

CodePointSet::CodePointSet(std::initializer_list<Range> ranges) {
  for (const Range& range : ranges) add(range.low, range.high);
}

void CodePointSet::add(char32_t low, char32_t high) {
  const auto touches = [&](const Range& r) { return r.high + 1 >= low && high + 1 >= r.low; };
  const auto begin = std::find_if(ranges_.begin(), ranges_.end(),
                                  [&](const Range& r) { return r.high + 1 >= low; });
  auto end = begin;
  Range merged{low, high};
  while (end != ranges_.end() && touches(*end)) {
    merged = {std::min(merged.low, end->low), std::max(merged.high, end->high)};
    ++end;
  }
  ranges_.insert(ranges_.erase(begin, end), merged);
}

void CodePointSet::add(const CodePointSet& other) {
  for (const Range& range : other.ranges_) add(range.low, range.high);
}

CodePointSet CodePointSet::inverted() const {
  CodePointSet out;
  char32_t next = 0;
  for (const Range& range : ranges_) {
    if (range.low > next) out.ranges_.push_back({next, range.low - 1});
    next = range.high + 1;
  }
  if (next <= kLast) out.ranges_.push_back({next, kLast});
  return out;
}

CodePointSet CodePointSet::without(const CodePointSet& other) const {
  CodePointSet outside = inverted();
  outside.add(other);
  return outside.inverted();
}

bool CodePointSet::contains(char32_t code) const {
  return std::any_of(ranges_.begin(), ranges_.end(),
                     [&](const Range& r) { return r.low <= code && code <= r.high; });
}

std::vector<Utf8Sequence> utf8_sequences(char32_t low, char32_t high) {
  std::vector<Utf8Sequence> out;
  if (low < kFirstSurrogate) split(low, std::min<char32_t>(high, kFirstSurrogate - 1), out);
  if (high > kLastSurrogate) split(std::max<char32_t>(low, kLastSurrogate + 1), high, out);
  return out;
}

}  // namespace hearth::text
