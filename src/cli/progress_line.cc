#include "cli/progress_line.h"

#include <unistd.h>

#include <utility>

#include "base/str.h"
#include "cli/output.h"

namespace hearth::cli {

ProgressLine::ProgressLine(std::string what)
    : what_(one_line(what)), terminal_(::isatty(STDERR_FILENO) == 1) {}

ProgressLine::~ProgressLine() {
  if (terminal_ && percent_ >= 0) note("\r\x1b[K");
}

void ProgressLine::update(std::uint64_t done, std::uint64_t total) {
  const int step = terminal_ ? 1 : 10;
  const int percent = total == 0 ? 100 : static_cast<int>(done * 100 / total) / step * step;
  if (percent == percent_) return;
  percent_ = percent;
  const std::string text = cat(what_, " ", percent, " % of ", human_bytes(total));
  note(terminal_ ? cat("\r", text, "\x1b[K") : text + "\n");
}

}  // namespace hearth::cli
