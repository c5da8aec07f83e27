#include "formats/gguf/gguf_writer.h"

#include <gtest/gtest.h>

#include "base/str.h"
#include "formats/gguf/gguf.h"

namespace hearth::formats {
namespace {

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

using Metadata = std::map<std::string, MetaValue, std::less<>>;

TEST(GgufWriter, what_is_written_is_read_back) {
  const Metadata metadata{
      {"general.architecture", std::string("llama")},
      {"a.flag", true},
      {"a.small", std::int64_t{7}},
      {"a.negative", std::int64_t{-7}},
      {"a.large", std::int64_t{1} << 40},
      {"a.number", 0.5},
      {"a.text", std::string("x\n\0y", 4)},
      {"a.flags", std::vector<bool>{true, false}},
      {"a.ints", std::vector<std::int64_t>{1, -2}},
      {"a.large_ints", std::vector<std::int64_t>{1, std::int64_t{1} << 40}},
      {"a.numbers", std::vector<double>{0.25, -1}},
      {"a.texts", std::vector<std::string>{"", "b"}},
  };
  std::vector<GgufTensor> tensors{{"one", DType::f32, {{3}, 1}, 0},
                                  {"two", DType::q8_0, {{2, 3, 32}, 3}, 0}};
  std::uint64_t file_bytes = 0;
  auto head = write_gguf_head(metadata, tensors, &file_bytes);
  ASSERT_TRUE(head) << head.error().message;
  EXPECT_EQ(head->size() % kGgufAlignment, 0u);
  EXPECT_EQ(tensors[0].offset, head->size());
  EXPECT_EQ(tensors[1].offset, head->size() + 32);
  EXPECT_EQ(file_bytes, head->size() + 32 + 224);  // 6 rows of 34 bytes, padded
  head->resize(file_bytes, '\1');
  const auto c = parse_gguf(bytes_of(*head));
  ASSERT_TRUE(c) << c.error().message;
  EXPECT_EQ(c->metadata, metadata);
  ASSERT_EQ(c->tensors.size(), 2u);
  EXPECT_EQ(c->find("two")->shape, (Shape{{2, 3, 32}, 3}));
  EXPECT_EQ(c->find("two")->dtype, DType::q8_0);
  EXPECT_EQ(c->find("two")->bytes.data(), bytes_of(*head).data() + tensors[1].offset);
}

TEST(GgufWriter, what_gguf_cannot_hold_is_refused) {
  std::vector<GgufTensor> long_name{{std::string(65, 'n'), DType::f32, {{1}, 1}, 0}};
  const auto refused = write_gguf_head({}, long_name);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("a name of 65 bytes"), std::string::npos);
  std::vector<GgufTensor> float8{{"t", DType::f8_e4m3, {{1}, 1}, 0}};
  const auto numberless = write_gguf_head({}, float8);
  ASSERT_FALSE(numberless);
  EXPECT_NE(numberless.error().message.find("GGUF has no number for"), std::string::npos);
}

}  // namespace
}  // namespace hearth::formats
