#include "engine/memory.h"

#include <gtest/gtest.h>

namespace hearth::engine {
namespace {

TEST(Memory, this_machine_has_some_and_less_than_a_petabyte) {
  EXPECT_GT(available_memory(), std::uint64_t{1} << 20);
  EXPECT_LT(available_memory(), std::uint64_t{1} << 50);
}

TEST(Memory, pages_of_files_are_no_memory_that_a_group_lacks) {
  EXPECT_EQ(left_by_group(100, 30, 0), 70u);
  EXPECT_EQ(left_by_group(100, 95, 80), 85u);
  EXPECT_EQ(left_by_group(100, 20, 30), 100u);  // the two numbers were read one after the other
  EXPECT_EQ(left_by_group(100, 140, 30), 0u);
}

}  // namespace
}  // namespace hearth::engine
