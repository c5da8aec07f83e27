// part_file_test.cc - what a record remembers, and what it does not believe.
#include "catalog/part_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace hearth::catalog {
namespace {

namespace fs = std::filesystem;

class PartFileTest : public testing::Test {
 protected:
  PartFileTest() { fs::create_directories(folder_); }
  ~PartFileTest() override { fs::remove_all(folder_); }
  PartFile open(const std::string& identity, std::uint64_t bytes) {
    auto part = PartFile::open(path(), identity, bytes);
    EXPECT_TRUE(part) << (part ? "" : part.error().message);
    return *std::move(part);
  }
  std::string path() const { return (folder_ / "model.gguf").string(); }
  static std::span<const std::byte> bytes(std::string_view text) {
    return std::as_bytes(std::span(text.data(), text.size()));
  }
  const fs::path folder_ =
      fs::path(testing::TempDir()) / ("part_file_" + std::to_string(::getpid()));
};

TEST_F(PartFileTest, goes_on_where_it_was) {
  constexpr std::uint64_t kSize = PartFile::kSegmentBytes + 5;
  {
    PartFile part = open("here", kSize);
    ASSERT_EQ(part.n_segments(), 2u);
    EXPECT_EQ(part.segment_bytes(1), 5u);
    ASSERT_TRUE(part.append(1, bytes("abc")));
    ASSERT_TRUE(part.append(0, bytes("xy")));
  }
  PartFile part = open("here", kSize);
  EXPECT_EQ(part.written(0), 2u);
  EXPECT_EQ(part.written(1), 3u);
  EXPECT_FALSE(part.is_whole(1));
  ASSERT_TRUE(part.append(1, bytes("de")));
  EXPECT_TRUE(part.is_whole(1));
  EXPECT_EQ(part.n_written(), 7u);
  std::ifstream file(path(), std::ios::binary);
  file.seekg(static_cast<std::streamoff>(PartFile::kSegmentBytes));
  std::string tail(5, '\0');
  file.read(tail.data(), 5);
  EXPECT_EQ(tail, "abcde");
}

TEST_F(PartFileTest, another_identity_or_size_begins_anew) {
  ASSERT_TRUE(open("here", 10).append(0, bytes("abc")));
  EXPECT_EQ(open("there", 10).n_written(), 0u);
  ASSERT_TRUE(open("there", 10).append(0, bytes("abc")));
  EXPECT_EQ(open("there", 11).n_written(), 0u);
}

TEST_F(PartFileTest, a_damaged_record_is_not_believed) {
  ASSERT_TRUE(open("here", 10).append(0, bytes("abc")));
  const std::string record = PartFile::record_path(path());
  fs::resize_file(record, fs::file_size(record) - 1);
  EXPECT_EQ(open("here", 10).n_written(), 0u);
  std::fstream file(record, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(-8, std::ios::end);
  file.write("\xff\xff\xff\xff\xff\xff\xff\xff", 8);
  file.close();
  EXPECT_EQ(open("here", 10).n_written(), 0u) << "more than the segment holds";
}

TEST_F(PartFileTest, a_disk_without_room_is_told_before) {
  const auto part = PartFile::open(path(), "here", std::uint64_t{1} << 60);
  ASSERT_FALSE(part);
  EXPECT_EQ(part.error().kind, ErrorKind::too_large);
}

}  // namespace
}  // namespace hearth::catalog
