// proc_value.h - what the kernel tells of this machine and this process.
#pragma once

#include <string>
#include <string_view>

namespace hearth::cli {

// The value of the first line of a file of /proc that begins with `key`; "" when there is none.
std::string proc_value(const char* path, std::string_view key);

}  // namespace hearth::cli
