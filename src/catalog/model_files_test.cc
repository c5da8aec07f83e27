// model_files_test.cc - what the name of a file tells.
#include "catalog/model_files.h"

#include <gtest/gtest.h>

#include <chrono>

#include "base/str.h"

namespace hearth::catalog {
namespace {

TEST(ModelFiles, the_name_of_a_part_tells_how_many_there_are) {
  EXPECT_EQ(n_parts_of_name("Phi-00002-of-00003.gguf"), 3);
  EXPECT_EQ(n_parts_of_name("dir/Phi-00001-of-09999.GGUF"), 9999);
  EXPECT_EQ(stem_of_name("Phi-00002-of-00003.gguf"), "Phi");
  EXPECT_TRUE(is_later_part("Phi-00002-of-00003.gguf"));
  EXPECT_FALSE(is_later_part("Phi-00001-of-00003.gguf"));
  for (const char* name :
       {"Phi.gguf", "-00001-of-00002.gguf", "x-00000-of-00002.gguf", "x-00003-of-00002.gguf",
        "x-00001-of-10000.gguf", "x-00001-of-99999.gguf", "x-0001-of-00002.gguf",
        "x-00001-of-00002", "x-+0001-of-00002.gguf", "x-00001-of--0002.gguf",
        "x-00001_of-00002.gguf"}) {
    EXPECT_EQ(n_parts_of_name(name), 1) << name;
    EXPECT_FALSE(is_later_part(name)) << name;
  }
}

TEST(ModelFiles, a_name_is_judged_without_the_names_of_all_parts) {
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 10'000; ++i)
    EXPECT_EQ(n_parts_of_name(cat("x", i, "-00001-of-09999.gguf")), 9999);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
}

}  // namespace
}  // namespace hearth::catalog
