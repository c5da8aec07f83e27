#include "base/mapped_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

namespace hearth {
namespace {

class MappedFileTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "mapped_file_test.XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& name, const std::string& content) const {
    const std::string path = folder_ + "/" + name;
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }

  std::string folder_;
};

TEST_F(MappedFileTest, holds_the_bytes_of_the_file) {
  const std::string content("a\0b\xff", 4);
  const auto file = MappedFile::open(write("f", content));
  ASSERT_TRUE(file.has_value());
  ASSERT_EQ((*file)->bytes().size(), content.size());
  EXPECT_EQ(std::memcmp((*file)->bytes().data(), content.data(), content.size()), 0);
}

TEST_F(MappedFileTest, an_empty_file_has_no_bytes) {
  const auto file = MappedFile::open(write("empty", ""));
  ASSERT_TRUE(file.has_value());
  EXPECT_TRUE((*file)->bytes().empty());
}

TEST_F(MappedFileTest, a_missing_file_is_not_found_and_named) {
  const auto file = MappedFile::open(folder_ + "/nothing");
  ASSERT_FALSE(file.has_value());
  EXPECT_EQ(file.error().kind, ErrorKind::not_found);
  EXPECT_NE(file.error().message.find("nothing"), std::string::npos) << file.error().message;
  EXPECT_EQ(MappedFile::open(write("f", "x") + "/below").error().kind, ErrorKind::not_found);
}

TEST_F(MappedFileTest, a_folder_and_a_pipe_are_refused_at_once) {
  EXPECT_EQ(MappedFile::open(folder_).error().kind, ErrorKind::invalid);
  const std::string pipe = folder_ + "/pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(MappedFile::open(pipe).error().kind, ErrorKind::invalid);
}

TEST_F(MappedFileTest, a_path_with_a_nul_byte_is_refused) {
  const std::string path = write("f", "x") + std::string("\0.gguf", 6);
  EXPECT_EQ(MappedFile::open(path).error().kind, ErrorKind::invalid);
}

TEST_F(MappedFileTest, released_pages_are_read_again) {
  const std::string content(100'000, 'z');
  const auto file = MappedFile::open(write("big", content));
  ASSERT_TRUE(file.has_value());
  (*file)->release_pages(5000, 90'000);
  (*file)->release_pages(0, SIZE_MAX);
  (*file)->release_pages(SIZE_MAX, SIZE_MAX);
  EXPECT_EQ(std::memcmp((*file)->bytes().data(), content.data(), content.size()), 0);
}

TEST_F(MappedFileTest, outlives_a_replacement_of_the_file) {
  const std::string path = write("f", "old");
  const auto file = MappedFile::open(path);
  ASSERT_TRUE(file.has_value());
  std::filesystem::rename(write("new", "NEW"), path);
  EXPECT_EQ(std::memcmp((*file)->bytes().data(), "old", 3), 0);
}

}  // namespace
}  // namespace hearth
