#include "cli/last_lines.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <limits>

#include "base/str.h"

namespace hearth::cli {
namespace {

namespace fs = std::filesystem;
constexpr std::uint64_t kAll = std::numeric_limits<std::uint64_t>::max();

class LastLines : public testing::Test {
 protected:
  LastLines() : path_(fs::temp_directory_path() / cat("hearth-last-lines-", ::getpid())) {}
  ~LastLines() override { fs::remove(path_); }

  std::string of(const std::string& text, std::int64_t n, std::uint64_t bytes = kAll) {
    std::ofstream(path_, std::ios::binary) << text;
    return last_lines(path_.string(), n, bytes).value_or("no file");
  }

  fs::path path_;
};

TEST_F(LastLines, AreWhole) {
  EXPECT_EQ(last_lines(path_.string(), 1, kAll), std::nullopt);
  EXPECT_EQ(of("", 5), "");
  EXPECT_EQ(of("a\nb\nc\n", 2), "b\nc\n");
  EXPECT_EQ(of("a\nb\nc", 2), "b\nc");
  EXPECT_EQ(of("a\nb\nc\n", 3), "a\nb\nc\n");
  EXPECT_EQ(of("a\nb\nc\n", 4), "a\nb\nc\n");
  EXPECT_EQ(of("\n\nc\n", 1), "c\n");
  EXPECT_EQ(of("\n\n\n", 2), "\n\n");
  EXPECT_EQ(of("aaa\nbbb\nccc\n", 9, 10), "bbb\nccc\n");
  EXPECT_EQ(of("aaaaaaaaaaaa", 9, 10), "aaaaaaaaaa");
}

TEST_F(LastLines, MayBeLongerThanWhatIsReadFirst) {
  const std::string line = std::string(99'999, 'x') + "\n";
  EXPECT_EQ(of("first\n" + line + line + line, 2), line + line);
  EXPECT_EQ(of("first\n" + line + line, 9), "first\n" + line + line);
  EXPECT_EQ(of("first\n" + line + line, 9, 150'000), line);
}

}  // namespace
}  // namespace hearth::cli
