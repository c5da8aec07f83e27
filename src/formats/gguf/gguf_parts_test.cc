#include "formats/gguf/gguf_parts.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "base/str.h"
#include "formats/gguf/gguf_writer_for_tests.h"

namespace hearth::formats {
namespace {

namespace fs = std::filesystem;

class GgufParts : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = fs::temp_directory_path() / cat("hearth_parts_", test->name(), "_", ::getpid());
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  static GgufWriter part(std::uint16_t no, std::uint16_t n, std::int32_t n_tensors) {
    GgufWriter w;
    if (no == 0) w.text("general.architecture", "llama").text("general.name", "in parts");
    w.entry("split.no", 2, GgufWriter::le(no)).entry("split.count", 2, GgufWriter::le(n));
    w.entry("split.tensors.count", 5, GgufWriter::le(n_tensors));
    w.tensor(cat("t", no), {2}, std::vector<float>{static_cast<float>(no), 1});
    return w;
  }
  std::string save(const GgufWriter& w, const std::string& name) const {
    EXPECT_TRUE(w.save(folder_ / name));
    return folder_ / name;
  }
  std::string save_three() const {
    save(part(1, 3, 3), "m-00002-of-00003.gguf");
    save(part(2, 3, 3), "m-00003-of-00003.gguf");
    return save(part(0, 3, 3), "m-00001-of-00003.gguf");
  }
  static std::string fault(const std::string& path) {
    const auto c = open_checkpoint(path);
    EXPECT_FALSE(c);
    return c ? "" : c.error().message;
  }

  fs::path folder_;
};

#define EXPECT_SAYS(message, part) EXPECT_NE((message).find(part), std::string::npos) << (message)

TEST_F(GgufParts, any_part_opens_the_whole_model) {
  save_three();
  for (const char* name :
       {"m-00001-of-00003.gguf", "m-00002-of-00003.gguf", "m-00003-of-00003.gguf"}) {
    const auto c = open_checkpoint(folder_ / name);
    ASSERT_TRUE(c) << c.error().message;
    EXPECT_EQ((*c)->name, "in parts");
    ASSERT_EQ((*c)->tensors.size(), 3u);
    for (int i = 0; i < 3; ++i) {
      std::vector<float> row(2);
      const Tensor* t = (*c)->find(cat("t", i));
      ASSERT_NE(t, nullptr);
      (*c)->release(*t);
      dequantize_row(*t, 0, row);
      EXPECT_EQ(row[0], static_cast<float>(i));
    }
  }
}

TEST_F(GgufParts, a_part_that_is_missing_is_named) {
  const std::string first = save_three();
  fs::remove(folder_ / "m-00002-of-00003.gguf");
  EXPECT_SAYS(fault(first), "m-00002-of-00003.gguf");
}

TEST_F(GgufParts, a_part_under_another_name_cannot_find_the_others) {
  const std::string path = save(part(0, 3, 3), "model.gguf");
  EXPECT_SAYS(fault(path), "split.count is 3: this file is one part of a model in 3 files");
  EXPECT_SAYS(fault(save(part(0, 3, 3), "m-00001-of-00002.gguf")), "-00001-of-00003.gguf");
}

TEST_F(GgufParts, parts_that_do_not_belong_together_are_refused) {
  const std::string first = save_three();
  save(part(2, 3, 3), "m-00002-of-00003.gguf");
  EXPECT_SAYS(fault(first), "part 2 says that it is number 2 (from 0) of 3, expected number 1");
  save(part(1, 4, 3), "m-00002-of-00003.gguf");
  EXPECT_SAYS(fault(first), "of 4, expected number 1 of 3");
  save(part(1, 3, 3).tensor("t0", {1}, std::vector<float>{1}), "m-00002-of-00003.gguf");
  EXPECT_SAYS(fault(first), "split.tensors.count is 3, but the parts have 4 tensors");
}

TEST_F(GgufParts, numbers_of_parts_out_of_range_are_refused) {
  GgufWriter w = part(0, 1, 1);
  EXPECT_TRUE(open_checkpoint(save(w, "one.gguf")));
  GgufWriter many;
  many.text("general.architecture", "llama").u32("split.count", 10000);
  EXPECT_SAYS(fault(save(many, "many.gguf")), "split.count is 10000, expected 1 to 9999");
  GgufWriter orphan;
  orphan.u32("split.no", 1).tensor("a", {1}, std::vector<float>{1});
  EXPECT_SAYS(fault(save(orphan, "orphan.gguf")), "split.no is 1 without split.count");
}

}  // namespace
}  // namespace hearth::formats
