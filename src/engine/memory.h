// memory.h - how much memory a model may take on this machine.
#pragma once

#include <cstdint>

namespace hearth::engine {

// Bytes this process could still use without swapping: the kernel's estimate (MemAvailable), or
// what the control group leaves, whichever is less.
std::uint64_t available_memory();

// Whether the kernel gives huge pages to those who ask for them.
bool has_huge_pages();

}  // namespace hearth::engine
