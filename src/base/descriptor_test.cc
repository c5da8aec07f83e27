#include "base/descriptor.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/str.h"

namespace hearth {
namespace {

namespace fs = std::filesystem;

class NewFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = fs::temp_directory_path() / cat("hearth_new_file_", test->name(), "_", ::getpid());
    fs::create_directories(folder_);
    path_ = folder_ / "out";
  }
  void TearDown() override { fs::remove_all(folder_); }

  static std::span<const std::byte> bytes(std::string_view text) {
    return std::as_bytes(std::span(text.data(), text.size()));
  }
  std::string content() const {
    std::ifstream file(path_);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  fs::path folder_;
  std::string path_;
};

TEST_F(NewFileTest, appears_only_when_it_is_whole) {
  auto file = NewFile::create(path_);
  ASSERT_TRUE(file) << file.error().message;
  ASSERT_TRUE(file->write(bytes("one ")));
  ASSERT_TRUE(file->write(bytes("two")));
  EXPECT_EQ(file->size(), 7u);
  EXPECT_FALSE(fs::exists(path_));
  ASSERT_TRUE(file->commit());
  EXPECT_EQ(content(), "one two");
  EXPECT_FALSE(fs::exists(path_ + ".part"));
}

TEST_F(NewFileTest, given_up_it_leaves_nothing) {
  {
    auto file = NewFile::create(path_);
    ASSERT_TRUE(file->write(bytes("half")));
    const NewFile moved = *std::move(file);
    EXPECT_TRUE(fs::exists(path_ + ".part"));
  }
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(NewFileTest, never_replaces_what_is_there) {
  std::ofstream(path_) << "mine";
  const auto file = NewFile::create(path_);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().kind, ErrorKind::conflict);
  EXPECT_EQ(content(), "mine");
  fs::rename(path_, path_ + ".part");
  const auto again = NewFile::create(path_);
  ASSERT_FALSE(again);
  EXPECT_NE(again.error().message.find("another program is writing it"), std::string::npos);
  EXPECT_TRUE(fs::exists(path_ + ".part"));
}

TEST_F(NewFileTest, names_a_folder_that_is_not_there) {
  const auto file = NewFile::create(folder_ / "absent" / "out");
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().kind, ErrorKind::not_found);
}

TEST(CheckRoom, says_how_much_is_free) {
  EXPECT_TRUE(check_room(fs::temp_directory_path(), 1));
  const auto refused = check_room(fs::temp_directory_path(), std::uint64_t{1} << 62);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::too_large);
}

}  // namespace
}  // namespace hearth
