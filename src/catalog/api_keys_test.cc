#include "catalog/api_keys.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

namespace hearth::catalog {
namespace {

namespace fs = std::filesystem;

class ApiKeys : public testing::Test {
 protected:
  ApiKeys() {
    std::string pattern = (fs::temp_directory_path() / "hearth_keys_XXXXXX").string();
    home_ = ::mkdtemp(pattern.data());
    ::setenv("HEARTH_HOME", home_.c_str(), 1);
  }
  ~ApiKeys() override { fs::remove_all(home_); }

  std::string text() const {
    std::ifstream in(home_ / "keys.json");
    return {std::istreambuf_iterator<char>(in), {}};
  }

  fs::path home_;
};

TEST_F(ApiKeys, a_key_is_kept_as_a_hash_that_its_user_alone_can_read) {
  const auto secret = add_api_key("laptop");
  ASSERT_TRUE(secret) << secret.error().message;
  EXPECT_EQ(secret->size(), 7u + 64u);
  EXPECT_EQ(text().find(secret->substr(7)), std::string::npos);
  EXPECT_EQ(fs::status(home_ / "keys.json").permissions(),
            fs::perms::owner_read | fs::perms::owner_write);
  const auto keys = list_api_keys();
  ASSERT_TRUE(keys && keys->size() == 1);
  EXPECT_TRUE(is_key(keys->front(), *secret));
  EXPECT_FALSE(is_key(keys->front(), secret->substr(1)));
  EXPECT_FALSE(is_key(keys->front(), keys->front().sha256));
  EXPECT_FALSE(is_key(keys->front(), ""));
}

TEST_F(ApiKeys, what_is_compared_has_one_length_whatever_the_key) {
  const std::string secret(1000, 's');
  const auto longer = hashed_key("a", secret), shorter = hashed_key("a", "s"),
             again = hashed_key("a", "s");
  ASSERT_TRUE(longer && shorter && again);
  EXPECT_EQ(longer->sha256.size(), 64u);
  EXPECT_EQ(shorter->sha256.size(), 64u);
  EXPECT_NE(shorter->sha256, again->sha256) << "each has a salt of its own";
  EXPECT_TRUE(is_key(*longer, secret));
  EXPECT_TRUE(is_key(*shorter, "s"));
  for (const std::string& wrong : {secret.substr(1), secret + "s", secret + '\0', std::string()}) {
    EXPECT_FALSE(is_key(*longer, wrong));
  }
  ApiKey cut = *shorter;
  cut.sha256.resize(8);
  EXPECT_FALSE(is_key(cut, "s")) << "a hash is compared whole or not at all";
}

TEST_F(ApiKeys, no_two_are_alike_and_each_can_be_removed) {
  const auto one = add_api_key("one"), two = add_api_key("two");
  ASSERT_TRUE(one && two);
  EXPECT_NE(*one, *two);
  EXPECT_NE((*list_api_keys())[0].salt, (*list_api_keys())[1].salt);
  EXPECT_EQ(add_api_key("one").error().kind, ErrorKind::conflict);
  EXPECT_EQ(add_api_key("../x").error().kind, ErrorKind::invalid);
  ASSERT_TRUE(remove_api_key("one"));
  ASSERT_EQ(list_api_keys()->size(), 1u);
  EXPECT_TRUE(is_key(list_api_keys()->front(), *two));
  EXPECT_EQ(remove_api_key("one").error().kind, ErrorKind::not_found);
}

TEST_F(ApiKeys, a_file_that_is_not_understood_is_an_error_rather_than_no_keys) {
  for (const char* json : {"", "[]", R"({"keys":[{"name":"x"}]})",
                           R"({"keys":[{"name":"x","salt":"","sha256":"","created_at":1}]})"}) {
    std::ofstream(home_ / "keys.json") << json;
    EXPECT_EQ(list_api_keys().error().kind, ErrorKind::invalid) << json;
  }
}

TEST_F(ApiKeys, what_cannot_be_looked_for_is_an_error_rather_than_no_keys) {
  ASSERT_TRUE(list_api_keys());
  EXPECT_TRUE(list_api_keys()->empty());
  fs::create_symlink(home_ / "unmounted/keys.json", home_ / "keys.json");
  EXPECT_EQ(list_api_keys().error().kind, ErrorKind::io);
  fs::remove(home_ / "keys.json");
  fs::create_symlink("keys.json", home_ / "keys.json");
  EXPECT_EQ(list_api_keys().error().kind, ErrorKind::io);
  EXPECT_EQ(add_api_key("laptop").error().kind, ErrorKind::io);
  for (const char* target : {"loop", "unmounted"}) {  // a folder that cannot be searched, or found
    fs::create_symlink(target, home_ / "loop");
    ::setenv("HEARTH_HOME", (home_ / "loop/inner").c_str(), 1);
    EXPECT_EQ(list_api_keys().error().kind, ErrorKind::io) << target;
    fs::remove(home_ / "loop");
  }
}

}  // namespace
}  // namespace hearth::catalog
