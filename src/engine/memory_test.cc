#include "engine/memory.h"

#include <gtest/gtest.h>

namespace hearth::engine {
namespace {

TEST(Memory, this_machine_has_some_and_less_than_a_petabyte) {
  EXPECT_GT(available_memory(), std::uint64_t{1} << 20);
  EXPECT_LT(available_memory(), std::uint64_t{1} << 50);
}

}  // namespace
}  // namespace hearth::engine
