// check.h - invariants of our own code. Input from outside must never reach a CHECK: that is a bug.
//
//   CHECK(cond, "why it must hold")    in every build, for cold code
//   DCHECK(cond, "why")                only without NDEBUG, for loops
#pragma once

namespace hearth {

// Prints "file:line: what (why)" on standard error and aborts.
[[noreturn]] void check_failed(const char* file, int line, const char* what, const char* why);

}  // namespace hearth

#define CHECK(cond, why) \
  ((cond) ? static_cast<void>(0) : ::hearth::check_failed(__FILE__, __LINE__, #cond, why))

#ifdef NDEBUG
#define DCHECK(cond, why) static_cast<void>(0)
#else
#define DCHECK(cond, why) CHECK(cond, why)
#endif
