// zip.h - the bytes of a zip file.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace hearth::cli {

struct ZipEntry {
  std::string name;  // ASCII, '/' between folders
  std::string content;
};

// Errors: io, which only a lack of memory brings about.
Result<std::string> zip(const std::vector<ZipEntry>& entries);

}  // namespace hearth::cli
