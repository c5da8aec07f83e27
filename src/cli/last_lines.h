// last_lines.h - the end of a log, which may be long.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace hearth::cli {

// The last whole lines of a file: at most so many, in at most so many bytes (a line that is longer
// than these is cut). nullopt: it cannot be read.
std::optional<std::string> last_lines(const std::string& path, std::int64_t most_lines,
                                      std::uint64_t most_bytes);

}  // namespace hearth::cli
