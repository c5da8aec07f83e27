// open_checkpoint_test.cc - real files, and all the things that are not a model.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "formats/checkpoint.h"
#include "formats/gguf/gguf_writer_for_tests.h"

namespace hearth::formats {
namespace {

namespace fs = std::filesystem;

class OpenCheckpoint : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = fs::temp_directory_path() /
              ("hearth_" + std::string(test->name()) + "_" + std::to_string(::getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string write(const std::string& content) const {
    const std::string path = folder_ / "model.gguf";
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }
  std::string error_for(const std::string& content) const {
    const std::string path = write(content);
    const auto c = open_checkpoint(path);
    EXPECT_FALSE(c);
    if (c) return "";
    EXPECT_NE(c.error().message.find("model.gguf"), std::string::npos) << "names the file";
    return c.error().message;
  }

  fs::path folder_;
};

#define EXPECT_SAYS(message, part) EXPECT_NE((message).find(part), std::string::npos) << (message)

TEST_F(OpenCheckpoint, reads_a_gguf_and_keeps_its_bytes_alive) {
  const std::string path = folder_ / "tiny.gguf";
  ASSERT_TRUE(tiny_llama().save(path));
  const auto c = open_checkpoint(path);
  ASSERT_TRUE(c) << c.error().message;
  fs::remove(path);
  EXPECT_EQ((*c)->path, path);
  ASSERT_TRUE((*c)->storage);
  std::vector<float> before(32), after(32);
  const Tensor& t = *(*c)->find("token_embd.weight");
  dequantize_row(t, 7, before);
  (*c)->release(t);
  dequantize_row(t, 7, after);
  EXPECT_EQ(before, after) << "released pages come back from the file";
}

TEST_F(OpenCheckpoint, says_what_a_file_that_is_no_model_seems_to_be) {
  EXPECT_SAYS(error_for(""), "the file is empty");
  EXPECT_SAYS(error_for("version https://git-lfs.github.com/spec/v1\noid sha256:0"),
              "Git LFS pointer");
  EXPECT_SAYS(error_for("<!DOCTYPE html><html>"), "a web page (HTML)");
  EXPECT_SAYS(error_for("\n <HTML>"), "a web page (HTML)");
  EXPECT_SAYS(error_for("PK\x03\x04zipzip"), "a zip archive");
  EXPECT_SAYS(error_for("\x1f\x8b\x08\x08"), "a gzip archive");
  EXPECT_SAYS(error_for(std::string("\x40\0\0\0\0\0\0\0{\"a\":", 13)), "a safetensors file");
  EXPECT_SAYS(error_for("\x08\x07\x12\x07pytorch"), "an ONNX model");
  EXPECT_SAYS(error_for("tjgg\x03"), "a GGML file from before GGUF");
  EXPECT_SAYS(error_for("GGU"), "begins with \"GGU\", expected \"GGUF\"");
  EXPECT_SAYS(error_for("\x1b[2Jhello world"), "begins with \"\\x1b[2Jhell\", expected \"GGUF\"");
  EXPECT_SAYS(error_for("GGUF"), "the file is cut short at byte 4: the version needs 4 bytes");
}

TEST_F(OpenCheckpoint, a_folder_is_told_apart) {
  const auto c = open_checkpoint(folder_);
  ASSERT_FALSE(c);
  EXPECT_EQ(c.error().kind, ErrorKind::unsupported);
  EXPECT_SAYS(c.error().message, "this is a folder without a config.json");
}

TEST_F(OpenCheckpoint, a_missing_file_is_not_found) {
  const auto c = open_checkpoint(folder_ / "absent.gguf");
  ASSERT_FALSE(c);
  EXPECT_EQ(c.error().kind, ErrorKind::not_found);
  EXPECT_SAYS(c.error().message, "absent.gguf");
}

TEST_F(OpenCheckpoint, a_device_is_refused_at_once) {
  const auto c = open_checkpoint("/dev/zero");
  ASSERT_FALSE(c);
  EXPECT_EQ(c.error().kind, ErrorKind::invalid);
}

}  // namespace
}  // namespace hearth::formats
