// settings_test.cc - keys, types, files.
#include "catalog/settings.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "catalog/catalog.h"

namespace hearth::catalog {
namespace {

namespace fs = std::filesystem;

class Settings : public testing::Test {
 protected:
  Settings() {
    fs::create_directories(folder_);
    const char* home = std::getenv("HEARTH_HOME");
    before_ = home == nullptr ? "" : home;
    ::setenv("HEARTH_HOME", folder_.c_str(), 1);
  }
  ~Settings() override {
    fs::remove_all(folder_);
    if (before_.empty()) {
      ::unsetenv("HEARTH_HOME");
    } else {
      ::setenv("HEARTH_HOME", before_.c_str(), 1);
    }
  }
  static std::string value(std::string_view key) {
    const auto got = get_setting(key);
    return got ? to_text(*got) : got.error().message;
  }
  std::string folder_ = testing::TempDir() + "settings_" + std::to_string(::getpid());
  std::string before_;
};

TEST_F(Settings, defaults_values_and_back) {
  EXPECT_EQ(value("service.port"), "5273");
  EXPECT_EQ(value("compute.onnx.enable_gpu"), "false");
  ASSERT_TRUE(set_setting("compute.onnx.enable_gpu", "true"));
  ASSERT_TRUE(set_setting("port", "1234"));
  EXPECT_EQ(value("compute.onnx.enable_gpu"), "true");
  EXPECT_EQ(value("service.port"), "1234");
  EXPECT_TRUE(*is_set("service.port"));
  ASSERT_TRUE(reset_setting("service.port"));
  EXPECT_EQ(value("service.port"), "5273");
  EXPECT_FALSE(*is_set("service.port"));
  EXPECT_EQ(value("compute.onnx.enable_gpu"), "true");
  ASSERT_TRUE(reset_setting(""));
  EXPECT_EQ(value("compute.onnx.enable_gpu"), "false");
}

TEST_F(Settings, wrong_keys_and_values_are_refused) {
  EXPECT_NE(value("service.prot").find("did you mean service.port?"), std::string::npos);
  for (const auto& [key, text] : {std::pair("service.port", "70000"),
                                  {"service.port", "x"},
                                  {"compute.onnx.enable_gpu", "maybe"},
                                  {"service.log_level", "loud"},
                                  {"service.allowed_hosts", "hearth.lan:5273"},
                                  {"service.allowed_hosts", "http://hearth.lan"},
                                  {"service.allowed_origins", "*"},
                                  {"service.allowed_origins", "https://example.org/"},
                                  {"service.host", "example.org"},
                                  {"cache.directory", "models"}}) {
    const auto set = set_setting(key, text);
    ASSERT_FALSE(set) << key;
    EXPECT_NE(set.error().message.find(text), std::string::npos) << set.error().message;
  }
}

TEST_F(Settings, what_the_service_takes_is_taken) {
  for (const auto& [key, text] : {std::pair("service.host", "0.0.0.0"),
                                  {"service.host", "::"},
                                  {"service.host", "fe80::1%eth0"},
                                  {"service.host", "Localhost"},
                                  {"service.allowed_hosts", ""},
                                  {"service.allowed_origins", ""},
                                  {"service.allowed_origins", "https://a.lan, http://b.lan:3000"},
                                  {"service.log_level", "warn"},
                                  {"cache.directory", ""}}) {
    ASSERT_TRUE(set_setting(key, text)) << key;
    EXPECT_EQ(value(key), text);
  }
}

TEST_F(Settings, of_several_changes_all_are_kept_or_none) {
  const SettingChange good[] = {{"service.port", "6001"}, {"service.log_level", "debug"}};
  ASSERT_TRUE(set_settings(good));
  EXPECT_EQ(value("service.port"), "6001");
  EXPECT_EQ(value("service.log_level"), "debug");
  for (const SettingChange& bad :
       {SettingChange{"service.log_level", "loud"}, {"service.lock_level", "info"}}) {
    const SettingChange changes[] = {{"service.port", "6002"}, bad};
    EXPECT_FALSE(set_settings(changes)) << bad.key;
    EXPECT_EQ(value("service.port"), "6001") << bad.key;
  }
}

TEST_F(Settings, a_list_is_what_commas_separate) {
  EXPECT_TRUE(get_list_setting("service.allowed_hosts")->empty());
  ASSERT_TRUE(set_setting("service.allowed_hosts", " hearth.lan,, host.docker.internal ,"));
  EXPECT_EQ(*get_list_setting("service.allowed_hosts"),
            (std::vector<std::string>{"hearth.lan", "host.docker.internal"}));
  const auto bad = set_setting("service.allowed_hosts", "a.lan, b.lan:80");
  ASSERT_FALSE(bad);
  EXPECT_NE(bad.error().message.find("not \"b.lan:80\""), std::string::npos) << bad.error().message;
}

TEST_F(Settings, a_broken_file_is_told_and_not_overwritten) {
  std::ofstream(settings_path()) << "{broken";
  EXPECT_NE(value("service.port").find("config.json"), std::string::npos);
  EXPECT_FALSE(set_setting("service.port", "1"));
  std::ofstream(settings_path()) << R"({"service.port": "high"})";
  EXPECT_NE(value("service.port").find("another type"), std::string::npos);
  ASSERT_TRUE(set_setting("service.port", "1"));
  EXPECT_EQ(value("service.port"), "1");
}

TEST_F(Settings, the_cache_is_where_it_says) {
  EXPECT_EQ(cache_folder(), folder_ + "/models");
  ASSERT_TRUE(set_setting("cache.directory", folder_ + "/elsewhere"));
  EXPECT_EQ(cache_folder(), folder_ + "/elsewhere");
  EXPECT_EQ(hearth_folder(), folder_);
}

}  // namespace
}  // namespace hearth::catalog
