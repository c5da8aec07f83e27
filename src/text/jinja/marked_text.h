// marked_text.h - UTF-8 text that knows of each byte whether the template wrote it.
//
// A trusted byte came from the template or the model's own settings; an untrusted one from a
// message, a tool or another variable. The marks are kept as runs {end, trusted}: ends ascend, the
// last one is the size, neighbours differ; empty text has no runs.
//
// Every operation copies marks with the bytes; a byte made out of another (an escape, another case)
// takes the mark of its origin. Nothing here turns an untrusted byte into a trusted one.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace hearth::jinja {

class MarkedText {
 public:
  struct Run {
    std::size_t end;
    bool trusted;
  };

  MarkedText() = default;
  MarkedText(std::string text, bool trusted);

  const std::string& str() const { return text_; }
  std::string_view view() const { return text_; }
  std::size_t size() const { return text_.size(); }
  bool empty() const { return text_.empty(); }
  const std::vector<Run>& runs() const { return runs_; }
  bool trusted_at(std::size_t byte) const { return runs_[run_of(byte)].trusted; }
  // False when any byte is untrusted.
  bool all_trusted() const { return runs_.empty() || (runs_.size() == 1 && runs_[0].trusted); }

  void append(std::string_view text, bool trusted);
  void append(char c, bool trusted) { append(std::string_view(&c, 1), trusted); }
  void append(const MarkedText& other) { append(other, 0, other.size()); }
  // Bytes [from, from + n), which must exist.
  void append(const MarkedText& other, std::size_t from, std::size_t n);
  MarkedText substr(std::size_t from, std::size_t n) const;
  void reserve(std::size_t n) { text_.reserve(n); }

  // Bytes of memory held besides the object itself.
  std::size_t weight() const { return text_.size() + runs_.size() * sizeof(Run); }

 private:
  std::size_t run_of(std::size_t byte) const;
  std::string text_;
  std::vector<Run> runs_;
};

}  // namespace hearth::jinja
