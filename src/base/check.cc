#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace hearth {

void check_failed(const char* file, int line, const char* what, const char* why) {
  std::fprintf(stderr, "%s:%d: check failed: %s (%s)\n", file, line, what, why);
  std::abort();
}

}  // namespace hearth
