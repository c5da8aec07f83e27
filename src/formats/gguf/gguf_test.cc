// gguf_test.cc - what a good file means, and a table of bad ones with what the error must say.
#include "formats/gguf/gguf.h"

#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "base/str.h"
#include "formats/gguf/gguf_writer_for_tests.h"

namespace hearth::formats {
namespace {

const std::vector<float> kSix = {1, 2, 3, 4, 5, 6};
constexpr std::uint32_t kF32 = 0, kQ8 = 8;
constexpr std::uint64_t kHuge = std::uint64_t{1} << 60;

GgufWriter small() {
  GgufWriter w;
  w.text("general.architecture", "llama").text("general.name", "small").u32("llama.block_count", 2);
  w.tensor("a", {2, 3}, kSix).tensor("b", {6}, kSix);
  return w;
}

GgufWriter only_architecture() {
  GgufWriter w;
  w.text("general.architecture", "llama");
  return w;
}

TEST(Gguf, tensors_are_outermost_first_and_view_the_files_own_bytes) {
  const auto file = small().bytes();
  const auto c = parse_gguf(file);
  ASSERT_TRUE(c) << c.error().message;
  EXPECT_EQ(c->format, "gguf");
  EXPECT_EQ(c->architecture, "llama");
  EXPECT_EQ(c->name, "small");
  EXPECT_EQ(c->file_bytes, file.size());
  ASSERT_EQ(c->tensors.size(), 2u);
  EXPECT_EQ(c->tensors[0].name, "a");
  EXPECT_EQ(c->tensors[0].shape, (Shape{{2, 3}, 2}));
  ASSERT_NE(c->find("b"), nullptr);
  EXPECT_EQ(c->find("b")->bytes.data() + 24, file.data() + file.size());
  std::vector<float> row(3);
  dequantize_row(c->tensors[0], 1, row);
  EXPECT_EQ(row, (std::vector<float>{4, 5, 6}));
}

TEST(Gguf, version_2_has_the_same_layout) {
  GgufWriter w = small();
  w.version = 2;
  EXPECT_TRUE(parse_gguf(w.bytes()));
}

TEST(Gguf, a_file_may_hold_metadata_alone) {
  const auto c = parse_gguf(only_architecture().bytes());
  ASSERT_TRUE(c) << c.error().message;
  EXPECT_TRUE(c->tensors.empty());
  EXPECT_FALSE(c->tokenizer);
  EXPECT_EQ(c->tokenizer_problem, "");
}

TEST(Gguf, general_alignment_moves_the_data) {
  for (const std::uint32_t alignment : {1u, 8u, 64u, 4096u}) {
    GgufWriter w;
    w.alignment = alignment;
    w.text("general.architecture", "x").u32("general.alignment", alignment);
    w.tensor("a", {6}, kSix).tensor("b", {6}, kSix);
    const auto file = w.bytes();
    const auto c = parse_gguf(file);
    ASSERT_TRUE(c) << c.error().message;
    for (const Tensor& t : c->tensors) {
      EXPECT_EQ((t.bytes.data() - file.data()) % alignment, 0) << alignment;
      float first = 0;
      std::memcpy(&first, t.bytes.data(), sizeof first);
      EXPECT_EQ(first, 1.0f);
    }
  }
}

TEST(Gguf, each_value_type_arrives) {
  using W = GgufWriter;
  GgufWriter w = only_architecture();
  w.entry("i8", 1, W::le(std::int8_t{-3})).entry("u16", 2, W::le(std::uint16_t{65535}));
  w.entry("i16", 3, W::le(std::int16_t{-300})).entry("i64", 11, W::le(std::int64_t{-1} << 62));
  w.u8("u8", 255).u32("u32", 4294967295u).i32("i32", -1).u64("u64", 9223372036854775807u);
  w.f32("f32", 0.5f).f64("f64", 0.1).boolean("yes", true).boolean("no", false).text("s", "\xff\0x");
  w.i32s("ints", std::vector<std::int32_t>{-1, 2}).f32s("floats", std::vector<float>{1.5f});
  w.texts("texts", std::vector<std::string>{"", "b"}).array("bools", 7, 2, std::string("\1\0", 2));
  w.array("none", 8, 0, "").array("doubles", 12, 1, W::le(2.5));
  const auto c = parse_gguf(w.bytes());
  ASSERT_TRUE(c) << c.error().message;
  const auto& m = c->metadata;
  EXPECT_EQ(m.at("i8"), MetaValue(std::int64_t{-3}));
  EXPECT_EQ(m.at("u16"), MetaValue(std::int64_t{65535}));
  EXPECT_EQ(m.at("i16"), MetaValue(std::int64_t{-300}));
  EXPECT_EQ(m.at("i64"), MetaValue(std::int64_t{-1} << 62));
  EXPECT_EQ(m.at("u8"), MetaValue(std::int64_t{255}));
  EXPECT_EQ(m.at("u32"), MetaValue(std::int64_t{4294967295}));
  EXPECT_EQ(m.at("i32"), MetaValue(std::int64_t{-1}));
  EXPECT_EQ(m.at("u64"), MetaValue(std::int64_t{9223372036854775807}));
  EXPECT_EQ(m.at("f32"), MetaValue(0.5));
  EXPECT_EQ(m.at("f64"), MetaValue(0.1));
  EXPECT_EQ(m.at("yes"), MetaValue(true));
  EXPECT_EQ(m.at("no"), MetaValue(false));
  EXPECT_EQ(m.at("s"), MetaValue(std::string("\xff")));
  EXPECT_EQ(m.at("ints"), MetaValue(std::vector<std::int64_t>{-1, 2}));
  EXPECT_EQ(m.at("floats"), MetaValue(std::vector<double>{1.5}));
  EXPECT_EQ(m.at("doubles"), MetaValue(std::vector<double>{2.5}));
  EXPECT_EQ(m.at("texts"), MetaValue(std::vector<std::string>{"", "b"}));
  EXPECT_EQ(m.at("bools"), MetaValue(std::vector<bool>{true, false}));
  EXPECT_EQ(m.at("none"), MetaValue(std::vector<std::string>{}));
}

TEST(Gguf, bytes_between_tensors_are_padding) {
  GgufWriter w = only_architecture();
  w.record("far", {6}, kF32, 256).record("near", {6}, kF32, 0).raw_data(std::string(280, 'x'));
  const auto c = parse_gguf(w.bytes());
  ASSERT_TRUE(c) << c.error().message;
  EXPECT_EQ(c->find("far")->bytes.data() - c->find("near")->bytes.data(), 256);
}

struct Bad {
  const char* name;
  ErrorKind kind;
  const char* message;  // must be part of the error
  std::function<GgufWriter()> make;
};

std::ostream& operator<<(std::ostream& out, const Bad& bad) { return out << bad.name; }

template <class Change>
std::function<GgufWriter()> with(Change change) {
  return [change] {
    GgufWriter w = only_architecture();
    change(w);
    return w;
  };
}

constexpr auto kCorrupt = ErrorKind::corrupt;
constexpr auto kUnsupported = ErrorKind::unsupported;
using W = GgufWriter;

const Bad kBad[] = {
    {"other_magic", kCorrupt, "begins with \"GGML\", expected \"GGUF\"",
     with([](W& w) { w.magic = "GGML"; })},
    {"version_0", kUnsupported, "GGUF version 0, expected version 2 or 3",
     with([](W& w) { w.version = 0; })},
    {"version_1", kUnsupported, "GGUF version 1 (2023, 32-bit counts), expected version 2 or 3",
     with([](W& w) { w.version = 1; })},
    {"version_4", kUnsupported, "GGUF version 4, expected version 2 or 3",
     with([](W& w) { w.version = 4; })},
    {"big_endian", kUnsupported, "big-endian GGUF (version 3",
     with([](W& w) { w.version = 0x03000000; })},
    {"too_many_tensors", kCorrupt, "promises 1152921504606846976 tensors",
     with([](W& w) { w.extra_tensors = kHuge; })},
    {"one_tensor_too_many", kCorrupt,
     "promises 1 tensors with records of at least 33 bytes each, but only 0 bytes are left",
     with([](W& w) { w.extra_tensors = 1; })},
    {"too_much_metadata", kCorrupt, "promises 18446744073709551615 metadata entries",
     with([](W& w) { w.extra_metadata = -2; })},
    {"one_entry_too_many", kCorrupt, "cut short", with([](W& w) { w.extra_metadata = 1; })},
    {"no_architecture", kCorrupt, "\"general.architecture\" is missing",
     [] { return GgufWriter().text("general.name", "x"); }},
    {"empty_architecture", kCorrupt, "\"general.architecture\" is empty",
     [] { return GgufWriter().text("general.architecture", ""); }},
    {"architecture_is_a_number", kCorrupt,
     "\"general.architecture\" is an integer, expected a string",
     [] { return GgufWriter().u32("general.architecture", 1); }},
    {"name_is_an_array", kCorrupt, "\"general.name\" is an array of 1 strings, expected a string",
     with([](W& w) { w.texts("general.name", std::vector<std::string>{"x"}); })},
    {"template_is_a_bool", kCorrupt, "\"tokenizer.chat_template\" is a boolean, expected a string",
     with([](W& w) { w.boolean("tokenizer.chat_template", true); })},
    {"duplicate_key", kCorrupt, "metadata key \"k\" appears twice",
     with([](W& w) { w.u32("k", 1).u32("k", 1); })},
    {"empty_key", kCorrupt, "a metadata key of 0 bytes", with([](W& w) { w.u32("", 1); })},
    {"long_key", kCorrupt, "a metadata key of 65536 bytes",
     with([](W& w) { w.u32(std::string(65536, 'k'), 1); })},
    {"endless_key", kCorrupt, "a metadata key needs 1152921504606846976 bytes, 6 are left",
     with([](W& w) { w.raw_entry(W::le(kHuge) + "abcdef"); })},
    {"value_type_13", kCorrupt, "\"k\" has value type 13, expected 0 to 12",
     with([](W& w) { w.entry("k", 13, "xxxx"); })},
    {"bool_2", kCorrupt, "\"k\" is a bool of byte 2, expected 0 or 1",
     with([](W& w) { w.entry("k", 7, "\2"); })},
    {"bool_in_array", kCorrupt, "\"k\" is a bool of byte 255",
     with([](W& w) { w.array("k", 7, 2, "\1\xff"); })},
    {"u64_beyond_int64", kCorrupt, "\"k\" is 9223372036854775808, expected at most",
     with([](W& w) { w.u64("k", std::uint64_t{1} << 63); })},
    {"u64_in_array", kCorrupt, "\"k\" is 18446744073709551615, expected at most",
     with([](W& w) { w.array("k", 10, 1, W::le(~std::uint64_t{0})); })},
    {"endless_string", kCorrupt,
     "the value of metadata key \"k\" needs 18446744073709551615 bytes, 3 are left",
     with([](W& w) { w.entry("k", 8, W::le(~std::uint64_t{0}) + "abc"); })},
    {"nested_array", kUnsupported, "\"k\" is an array of arrays, expected a flat array",
     with([](W& w) { w.array("k", 9, 1, W::le(4u) + W::le(std::uint64_t{0})); })},
    {"array_of_type_77", kCorrupt, "\"k\" is an array of type 77",
     with([](W& w) { w.array("k", 77, 1, "xxxx"); })},
    {"endless_array", kCorrupt,
     "\"k\" is an array of 1152921504606846976 x u8 of at least 1 bytes each, but only 4 bytes are "
     "left",
     with([](W& w) { w.array("k", 0, kHuge, "xxxx"); })},
    {"array_one_too_long", kCorrupt, "\"k\" is an array of 2 x f64",
     with([](W& w) { w.array("k", 12, 2, std::string(15, 'x')); })},
    {"endless_array_of_strings", kCorrupt, "\"k\" is an array of 1152921504606846976 x string",
     with([](W& w) { w.array("k", 8, kHuge, "xxxx"); })},
    {"string_in_array_cut", kCorrupt, "the value of metadata key \"k\" needs 9 bytes, 1 are left",
     with([](W& w) { w.array("k", 8, 1, W::le(std::uint64_t{9}) + "x"); })},
    {"alignment_0", kCorrupt, "general.alignment is 0, expected a power of two",
     with([](W& w) { w.u32("general.alignment", 0); })},
    {"alignment_24", kCorrupt, "general.alignment is 24, expected a power of two",
     with([](W& w) { w.u32("general.alignment", 24); })},
    {"alignment_negative", kCorrupt, "general.alignment is -32, expected a power of two",
     with([](W& w) { w.i32("general.alignment", -32); })},
    {"alignment_is_a_string", kCorrupt, "\"general.alignment\" is a string, expected an integer",
     with([](W& w) { w.text("general.alignment", "32"); })},
    {"alignment_2_to_62", kCorrupt, "tensor \"t\" [6] of f32 needs 24 bytes",
     with([](W& w) { w.u64("general.alignment", std::uint64_t{1} << 62).tensor("t", {6}, kSix); })},
    {"empty_tensor_name", kCorrupt, "a tensor name of 0 bytes",
     with([](W& w) { w.tensor("", {6}, kSix); })},
    {"long_tensor_name", kCorrupt, "a tensor name of 65 bytes",
     with([](W& w) { w.tensor(std::string(65, 'n'), {6}, kSix); })},
    {"duplicate_tensor_name", kCorrupt, "tensor name \"t\" appears twice",
     with([](W& w) { w.tensor("t", {6}, kSix).tensor("t", {6}, kSix); })},
    {"no_dimensions", kCorrupt, "\"t\" has 0 dimensions, expected 1 to 4",
     with([](W& w) { w.raw_record(W::str("t") + std::string(40, '\0')); })},
    {"five_dimensions", kCorrupt, "\"t\" has 5 dimensions, expected 1 to 4",
     with([](W& w) { w.record("t", {1, 1, 1, 1, 1}, kF32, 0); })},
    {"endless_dimensions", kCorrupt, "\"t\" has 4294967295 dimensions",
     with([](W& w) { w.raw_record(W::str("t") + W::le(~0u) + std::string(32, '\1')); })},
    {"dimension_0", kCorrupt, "\"t\": dimension 1 is 0, expected 1 to",
     with([](W& w) { w.record("t", {32, 0}, kF32, 0); })},
    {"dimension_2_to_63", kCorrupt, "\"t\": dimension 0 is 9223372036854775808, expected 1 to",
     with([](W& w) { w.record("t", {std::uint64_t{1} << 63}, kF32, 0); })},
    {"product_of_dimensions_overflows", kCorrupt, "which makes more than 2^63 values",
     with([](W& w) { w.record("t", {1u << 31, 1u << 31, 4}, kF32, 0); })},
    {"product_wraps_to_small", kCorrupt, "which makes more than 2^63 values", with([](W& w) {
       w.record("t", {(std::uint64_t{1} << 32) + 1, (std::uint64_t{1} << 32) + 1}, kF32, 0)
           .raw_data("xxxx");
     })},
    {"bytes_overflow", kCorrupt, "would have more than 2^64 bytes",
     with([](W& w) { w.record("t", {std::uint64_t{1} << 62}, kF32, 0); })},
    {"part_of_a_block", kCorrupt,
     "\"t\" [2, 33] has rows of 33 values, expected a multiple of 32, the block of q8_0",
     with([](W& w) { w.record("t", {33, 2}, kQ8, 0); })},
    {"undefined_type", kCorrupt, "\"t\" has type 99, which GGUF does not define",
     with([](W& w) { w.record("t", {32}, 99, 0); })},
    {"removed_type", kCorrupt, "\"t\" has type 4, which GGUF does not define",
     with([](W& w) { w.record("t", {32}, 4, 0); })},
    {"type_without_a_kernel", kUnsupported,
     "\"t\" has type q8_k (15), which Hearth does not compute with; it reads f32, f16,",
     with([](W& w) { w.record("t", {256}, 15, 0); })},
    {"offset_beyond_the_file", kCorrupt, "\"t\" [6] of f32 needs 24 bytes at offset 64",
     with([](W& w) { w.record("t", {6}, kF32, 64).raw_data(std::string(64, 'x')); })},
    {"offset_wraps", kCorrupt, "at offset 18446744073709551584", with([](W& w) {
       w.record("t", {6}, kF32, ~std::uint64_t{31}).raw_data(std::string(64, 'x'));
     })},
    {"end_wraps", kCorrupt, "needs 18446744073709551612 bytes", with([](W& w) {
       w.record("t", {(std::uint64_t{1} << 62) - 1}, kF32, 64).raw_data(std::string(64, 'x'));
     })},
    {"offset_not_aligned", kCorrupt, "\"t\" has offset 4, expected a multiple of the alignment 32",
     with([](W& w) { w.record("t", {6}, kF32, 4).raw_data(std::string(64, 'x')); })},
    {"no_data_at_all", kCorrupt, "it is cut short or damaged",
     with([](W& w) { w.record("t", {6}, kF32, 0); })},
    {"overlapping_tensors", kCorrupt, "\"b\" at offset 32 overlaps tensor \"a\" (bytes 0 to 64)",
     with([](W& w) {
       w.record("b", {8}, kF32, 32).record("a", {16}, kF32, 0).raw_data(std::string(64, 'x'));
     })},
    {"the_same_tensor_twice", kCorrupt, "overlaps tensor", with([](W& w) {
       w.record("a", {8}, kF32, 0).record("b", {8}, kF32, 0).raw_data(std::string(32, 'x'));
     })},
    {"control_characters_are_escaped", kCorrupt, "tensor \"\\x1b[2J\\n\" has 5 dimensions",
     with([](W& w) { w.record("\x1b[2J\n", {1, 1, 1, 1, 1}, kF32, 0); })},
};

class BadGguf : public ::testing::TestWithParam<Bad> {};

TEST_P(BadGguf, ends_in_an_error_that_says_what_is_wrong) {
  const auto file = GetParam().make().bytes();
  const auto c = parse_gguf(file);
  ASSERT_FALSE(c);
  EXPECT_EQ(c.error().kind, GetParam().kind) << c.error().message;
  EXPECT_NE(c.error().message.find(GetParam().message), std::string::npos) << c.error().message;
}

INSTANTIATE_TEST_SUITE_P(Gguf, BadGguf, ::testing::ValuesIn(kBad),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(Gguf, a_file_cut_at_any_byte_is_an_error) {
  TinyLlama shape;
  shape.n_layers = 1;
  for (const auto& file : {small().bytes(), tiny_llama(shape).bytes()}) {
    ASSERT_TRUE(parse_gguf(file));
    // A step of 1 through everything but the inside of large tensors' data.
    for (std::size_t size = 0; size < file.size(); size += size < 16384 ? 1 : 257) {
      const std::vector<std::byte> cut(file.begin(),
                                       file.begin() + static_cast<std::ptrdiff_t>(size));
      const auto c = parse_gguf(cut);
      ASSERT_FALSE(c) << size << " of " << file.size() << " bytes were accepted";
      ASSERT_EQ(c.error().kind, kCorrupt) << c.error().message;
    }
  }
}

// Uses everything a parsed file promises.
void walk(const Checkpoint& c) {
  std::vector<float> row;
  for (const Tensor& t : c.tensors) {
    row.resize(static_cast<std::size_t>(t.shape.cols()));
    dequantize_row(t, t.shape.rows() - 1, row);
    ASSERT_EQ(c.find(t.name), &t);
  }
}

TEST(Gguf, ten_thousand_changed_bytes_never_crash_it) {
  GgufWriter w = small();
  add_tiny_tokenizer(w);
  const auto good = w.bytes();
  std::mt19937 random(3);
  int n_accepted = 0;
  for (int i = 0; i < 10000; ++i) {
    auto file = good;
    // The records and the data are short beside the vocabulary: half of the changes go there.
    const std::size_t tail = std::min<std::size_t>(good.size(), 300);
    const std::size_t at = i % 2 == 0 ? random() % good.size() : good.size() - 1 - random() % tail;
    file[at] = static_cast<std::byte>(random());
    const auto c = parse_gguf(file);
    if (c) {
      ++n_accepted;
      walk(*c);
    } else {
      ASSERT_GT(c.error().message.size(), 20u);
    }
  }
  EXPECT_GT(n_accepted, 100) << "changes in the data and in texts leave a valid file";
  EXPECT_LT(n_accepted, 9900);
}

TEST(Gguf, tiny_llama_is_a_whole_model) {
  const auto file = tiny_llama().bytes();
  const auto c = parse_gguf(file);
  ASSERT_TRUE(c) << c.error().message;
  EXPECT_EQ(c->tensors.size(), 2u + 2 * 9);
  ASSERT_TRUE(c->tokenizer);
  EXPECT_EQ(c->tokenizer->tokens.size(), 261u);
  EXPECT_EQ(c->tokenizer->tokens[3 + ' '], "Ġ");
  EXPECT_EQ(c->tokenizer->tokens[3 + 'a'], "a");
  EXPECT_FALSE(c->chat_template.empty());
  walk(*c);
  const auto tokenizer = text::Tokenizer::build(*c->tokenizer);
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  const auto encoding = (*tokenizer)->encode("he thé<|im_end|>", true);
  ASSERT_TRUE(encoding) << encoding.error().message;
  EXPECT_EQ(encoding->ids, (std::vector<text::TokenId>{259, 260, 3 + 'h', 3 + 0xc3, 3 + 0xa9, 2}));
}

}  // namespace
}  // namespace hearth::formats
