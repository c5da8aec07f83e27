// memory.h - how much memory a model may take on this machine.
#pragma once

#include <cstdint>

namespace hearth::engine {

// Bytes this process could still use without swapping: the kernel's estimate (MemAvailable), or
// what the control group leaves, whichever is less.
std::uint64_t available_memory();

// What a control group that holds `used` of `limit` bytes leaves, when `file_bytes` of those are
// pages of files, which the kernel drops when memory is wanted.
std::uint64_t left_by_group(std::uint64_t limit, std::uint64_t used, std::uint64_t file_bytes);

// Whether the kernel gives huge pages to those who ask for them.
bool has_huge_pages();

}  // namespace hearth::engine
