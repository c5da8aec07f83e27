// progress_line.h - how far a long job is: a percentage on the terminal, rewritten in place; a line
// every ten percent where standard error is a file.
#pragma once

#include <cstdint>
#include <string>

namespace hearth::cli {

class ProgressLine {
 public:
  explicit ProgressLine(std::string what);  // "importing model.gguf"
  ~ProgressLine();                          // takes the line away
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void update(std::uint64_t done, std::uint64_t total);  // bytes

 private:
  std::string what_;
  bool terminal_;
  int percent_ = -1;
};

}  // namespace hearth::cli
