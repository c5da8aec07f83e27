// checkpoint_test.cc - looking up keys and tensors, and what the errors say.
#include "formats/checkpoint.h"

#include <gtest/gtest.h>

namespace hearth::formats {
namespace {

Checkpoint sample() {
  Checkpoint c;
  c.path = "/models/a.gguf";
  c.format = "gguf";
  c.architecture = "llama";
  c.metadata = {{"llama.block_count", std::int64_t{30}},
                {"llama.rope.freq_base", 1e5},
                {"llama.flag", true},
                {"llama.heads", std::vector<std::int64_t>{1, 2, 3}},
                {"general.file_type", std::int64_t{7}}};
  return c;
}

TEST(Checkpoint, keys_are_found_as_given_and_below_the_architecture) {
  const Checkpoint c = sample();
  EXPECT_EQ(*c.meta_int("block_count"), 30);
  EXPECT_EQ(*c.meta_int("llama.block_count"), 30);
  EXPECT_EQ(*c.meta_int("general.file_type"), 7);
  EXPECT_EQ(c.find_meta("nothing"), nullptr);
}

TEST(Checkpoint, a_float_may_be_written_as_an_integer_but_not_the_other_way) {
  const Checkpoint c = sample();
  EXPECT_EQ(*c.meta_float("rope.freq_base"), 1e5);
  EXPECT_EQ(*c.meta_float("block_count"), 30.0);
  EXPECT_EQ(c.meta_int("rope.freq_base").error().kind, ErrorKind::corrupt);
}

TEST(Checkpoint, errors_name_file_key_and_type) {
  const Checkpoint c = sample();
  const auto absent = c.meta_int("context_length");
  EXPECT_EQ(absent.error().kind, ErrorKind::not_found);
  EXPECT_EQ(
      absent.error().message,
      "\"/models/a.gguf\" has no metadata key \"context_length\" (nor \"llama.context_length\")");
  EXPECT_EQ(
      c.meta_int("heads").error().message,
      "\"/models/a.gguf\": metadata key \"heads\" is an array of 3 integers, expected an integer");
}

TEST(Checkpoint, a_fallback_stands_for_an_absent_key_only) {
  const Checkpoint c = sample();
  EXPECT_EQ(*c.meta_int_or("absent", 5), 5);
  EXPECT_EQ(*c.meta_int_or("block_count", 5), 30);
  EXPECT_EQ(*c.meta_float_or("absent", 0.5), 0.5);
  EXPECT_EQ(c.meta_int_or("flag", 5).error().kind, ErrorKind::corrupt);
  EXPECT_EQ(c.meta_float_or("flag", 5).error().kind, ErrorKind::corrupt);
}

TEST(Checkpoint, index_finds_tensors_and_refuses_a_name_twice) {
  Checkpoint c;
  c.tensors = {{"a", DType::f32, {{1}, 1}, {}}, {"b", DType::f32, {{1}, 1}, {}}};
  ASSERT_TRUE(c.index());
  EXPECT_EQ(c.find("b"), &c.tensors[1]);
  EXPECT_EQ(c.find("c"), nullptr);
  c.tensors[0].name = "b";
  EXPECT_EQ(c.index().error().message, "tensor name \"b\" appears twice, expected unique names");
}

}  // namespace
}  // namespace hearth::formats
