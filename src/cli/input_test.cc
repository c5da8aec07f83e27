// input_test.cc - files, ids and JSON as a user may give them.
#include "cli/input.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

namespace hearth::cli {
namespace {

using Ids = std::vector<text::TokenId>;

class InputFile : public testing::Test {
 protected:
  InputFile() {
    std::string pattern = (std::filesystem::temp_directory_path() / "hearth_input_XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~InputFile() override { std::filesystem::remove_all(folder_); }
  std::string with(const std::string& text) const {
    const auto path = folder_ / "file";
    std::ofstream(path, std::ios::binary) << text;
    return path.string();
  }
  std::filesystem::path folder_;
};

TEST(ReadIds, takes_ids_between_any_blanks) {
  EXPECT_EQ(*read_ids("1 2 3"), (Ids{1, 2, 3}));
  EXPECT_EQ(*read_ids(" 10\t20\n\n2147483647 "), (Ids{10, 20, 2147483647}));
  EXPECT_EQ(*read_ids(""), Ids{});
}

TEST(ReadIds, takes_a_json_list) {
  EXPECT_EQ(*read_ids("[1, 2,3]\n"), (Ids{1, 2, 3}));
  EXPECT_EQ(*read_ids("[]"), Ids{});
}

TEST(ReadIds, names_the_word_that_is_no_id) {
  for (const std::string word : {"-1", "x", "1;2", "2147483648", "1.5", "99999999999999999999"}) {
    const auto ids = read_ids("7 " + word);
    ASSERT_FALSE(ids) << word;
    EXPECT_EQ(ids.error().kind, ErrorKind::invalid);
    EXPECT_NE(ids.error().message.find('"' + word + '"'), std::string::npos) << ids.error().message;
  }
}

TEST(ReadIds, refuses_commas_and_brackets_out_of_place) {
  for (const char* text : {"1,2", "[1, 2", "1, 2]", "[", "[[1]]"}) {
    EXPECT_FALSE(read_ids(text)) << text;
  }
}

TEST_F(InputFile, is_read_whole_whatever_its_bytes) {
  std::string bytes(300'000, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 7 % 256);
  EXPECT_EQ(*read_input(with(bytes)), bytes);
  EXPECT_EQ(*read_input(with("")), "");
}

TEST_F(InputFile, that_is_absent_or_a_folder_is_an_error_with_its_path) {
  const auto absent = read_input((folder_ / "absent").string());
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().kind, ErrorKind::not_found);
  EXPECT_NE(absent.error().message.find("absent"), std::string::npos);
  EXPECT_EQ(read_input(folder_.string()).error().kind, ErrorKind::io);
}

TEST_F(InputFile, that_is_not_json_is_refused_with_the_byte) {
  EXPECT_EQ((*read_json(with("{\"b\": 1, \"a\": 2}"))).begin().key(), "b");
  const auto broken = read_json(with("[1, 2"));
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().kind, ErrorKind::invalid);
  EXPECT_NE(broken.error().message.find("byte 6"), std::string::npos) << broken.error().message;
}

TEST(CheckUtf8, names_the_first_wrong_byte) {
  EXPECT_TRUE(check_utf8("--prompt", "caf\xc3\xa9"));
  const auto wrong = check_utf8("--prompt", "caf\xe9 au lait");
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().message.find("--prompt is not UTF-8: byte 3"), std::string::npos)
      << wrong.error().message;
}

}  // namespace
}  // namespace hearth::cli
