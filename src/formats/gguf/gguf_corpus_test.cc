// gguf_corpus_test.cc - the seeds of the fuzz target (tools/make_gguf_corpus) with and without
// libFuzzer: ok_*.gguf must parse, bad_*.gguf must fail with the text of the .txt file beside it.
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include "formats/gguf/gguf.h"

namespace hearth::formats {
namespace {

namespace fs = std::filesystem;
const fs::path kCorpus = HEARTH_SOURCE_DIR "/fuzz/corpus/gguf";

std::string read_text(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::byte> read_bytes(const fs::path& path) {
  const std::string text = read_text(path);
  std::vector<std::byte> out(text.size());
  if (!text.empty()) std::memcpy(out.data(), text.data(), text.size());
  return out;
}

std::vector<fs::path> seeds(const std::string& prefix) {
  std::vector<fs::path> out;
  for (const auto& entry : fs::directory_iterator(kCorpus)) {
    const fs::path& path = entry.path();
    if (path.extension() == ".gguf" && path.filename().string().starts_with(prefix)) {
      out.push_back(path);
    }
  }
  return out;
}

TEST(GgufCorpus, every_ok_file_parses) {
  const auto files = seeds("ok_");
  EXPECT_GE(files.size(), 5u);
  for (const fs::path& path : files) {
    const auto bytes = read_bytes(path);
    const auto c = parse_gguf(bytes);
    EXPECT_TRUE(c) << path << ": " << c.error().message;
  }
}

TEST(GgufCorpus, every_bad_file_fails_with_its_message) {
  const auto files = seeds("bad_");
  EXPECT_GE(files.size(), 40u);
  for (const fs::path& path : files) {
    fs::path expected_path = path;
    std::string expected = read_text(expected_path.replace_extension(".txt"));
    if (expected.ends_with('\n')) expected.pop_back();
    ASSERT_FALSE(expected.empty()) << path << " has no message beside it";
    const auto bytes = read_bytes(path);
    const auto c = parse_gguf(bytes);
    ASSERT_FALSE(c) << path << " was accepted";
    EXPECT_NE(c.error().message.find(expected), std::string::npos)
        << path << ": " << c.error().message << "\nexpected: " << expected;
  }
}

TEST(GgufCorpus, every_seed_is_small_and_has_a_verdict_in_its_name) {
  for (const auto& entry : fs::directory_iterator(kCorpus)) {
    const std::string name = entry.path().filename().string();
    EXPECT_LT(entry.file_size(), 4096u) << name;
    EXPECT_TRUE(name.starts_with("ok_") || name.starts_with("bad_")) << name;
  }
}

}  // namespace
}  // namespace hearth::formats
