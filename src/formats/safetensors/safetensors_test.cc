// safetensors_test.cc - what a good file means, and a table of bad ones with what the error must
// say.
#include "formats/safetensors/safetensors.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "base/str.h"
#include "formats/safetensors/safetensors_for_tests.h"

namespace hearth::formats {
namespace {

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

TEST(Safetensors, tensors_view_the_files_own_bytes) {
  const std::string file = safetensors_file(
      R"({"__metadata__":{"format":"pt"},"b":{"dtype":"U8","shape":[2,0],"data_offsets":[4,4]},)"
      R"("a":{"dtype":"BF16","shape":[1,2],"data_offsets":[0,4]},)"
      R"("c":{"dtype":"F4","shape":[2],"data_offsets":[4,5]}}   )",
      std::string(5, 'x'));
  const auto tensors = parse_safetensors(bytes_of(file));
  ASSERT_TRUE(tensors) << tensors.error().message;
  ASSERT_EQ(tensors->size(), 3u);
  EXPECT_EQ((*tensors)[0].name, "b");
  EXPECT_EQ((*tensors)[0].bytes.size(), 0u);
  EXPECT_EQ((*tensors)[1].dtype, "BF16");
  EXPECT_EQ((*tensors)[1].shape, (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ((*tensors)[1].bytes.data(), bytes_of(file).data() + file.size() - 5);
  EXPECT_EQ((*tensors)[2].bytes.size(), 1u);
}

TEST(Safetensors, a_file_may_hold_no_tensor) {
  const auto tensors = parse_safetensors(bytes_of(safetensors_file("{}", "")));
  ASSERT_TRUE(tensors) << tensors.error().message;
  EXPECT_TRUE(tensors->empty());
}

struct BadFile {
  const char* name;
  std::string file;
  const char* says;
};

std::string with_entry(const std::string& entry, std::size_t n_data = 8) {
  return safetensors_file("{\"a\":" + entry + "}", std::string(n_data, 'x'));
}

std::string deep(std::size_t n) { return std::string(n, '[') + std::string(n, ']'); }

std::vector<BadFile> bad_files() {
  const std::string good = R"({"dtype":"F32","shape":[2],"data_offsets":[0,8]})";
  return {
      {"empty", "", "the file has 0 bytes"},
      {"seven_bytes", "1234567", "the file has 7 bytes"},
      {"header_beyond_the_file", std::string("\x40\0\0\0\0\0\0\0{}", 10),
       "said to have 64 bytes, expected at most 2"},
      {"endless_header", std::string(8, '\xff') + "{}", "18446744073709551615 bytes"},
      {"no_json", safetensors_file("nope", ""), "is not valid JSON"},
      {"a_list", safetensors_file("[]", ""), "is not a JSON object"},
      {"a_number_as_tensor", safetensors_file(R"({"a":1})", ""), "is not a JSON object"},
      {"invalid_utf8", safetensors_file("{\"\xff\":1}", ""), "is not valid JSON"},
      {"too_deep", safetensors_file("{\"a\":" + deep(100000) + "}", ""), "nested deeper than 4"},
      {"twice", safetensors_file("{\"a\":" + good + ",\"a\":" + good + "}", "12345678"), "twice"},
      {"no_dtype", with_entry(R"({"shape":[2],"data_offsets":[0,8]})"), "no text \"dtype\""},
      {"unknown_dtype", with_entry(R"({"dtype":"Q9","shape":[2],"data_offsets":[0,8]})"),
       "type \"Q9\""},
      {"no_shape", with_entry(R"({"dtype":"F32","data_offsets":[0,8]})"), "no list \"shape\""},
      {"negative_dim", with_entry(R"({"dtype":"F32","shape":[-2],"data_offsets":[0,8]})"),
       "a dimension is number"},
      {"float_dim", with_entry(R"({"dtype":"F32","shape":[2.0],"data_offsets":[0,8]})"),
       "a dimension is number"},
      {"huge_dim",
       with_entry(R"({"dtype":"F32","shape":[9223372036854775807],"data_offsets":[0,8]})"),
       "more than 2^64 bits"},
      {"overflowing_dims",
       with_entry(R"({"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,8]})"),
       "more than 2^64 bits"},
      {"half_a_byte", with_entry(R"({"dtype":"F4","shape":[3],"data_offsets":[0,2]})", 2),
       "has 12 bits, expected whole bytes"},
      {"no_offsets", with_entry(R"({"dtype":"F32","shape":[2]})"), "no list \"data_offsets\""},
      {"three_offsets", with_entry(R"({"dtype":"F32","shape":[2],"data_offsets":[0,8,9]})"),
       "no list \"data_offsets\""},
      {"backwards", with_entry(R"({"dtype":"F32","shape":[2],"data_offsets":[8,0]})"),
       "lies at bytes 8 to 0"},
      {"beyond_the_data", with_entry(R"({"dtype":"F32","shape":[2],"data_offsets":[8,16]})"),
       "lies at bytes 8 to 16 of the data, of which there are 8"},
      {"offsets_and_shape_differ",
       with_entry(R"({"dtype":"F32","shape":[1],"data_offsets":[0,8]})"),
       "has 8 bytes, expected the 4"},
      {"a_hole", with_entry(R"({"dtype":"F32","shape":[1],"data_offsets":[4,8]})"),
       "begins at byte 4 of the data, expected 0"},
      {"overlap",
       safetensors_file(
           "{\"a\":" + good + R"(,"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
           std::string(8, 'x')),
       "begins at byte 4 of the data, expected 8"},
      {"rest", with_entry(R"({"dtype":"F32","shape":[1],"data_offsets":[0,4]})"),
       "the data has 8 bytes, expected the 4"},
  };
}

TEST(Safetensors, a_bad_file_is_refused_with_a_sentence_that_names_the_fault) {
  for (const BadFile& bad : bad_files()) {
    const auto tensors = parse_safetensors(bytes_of(bad.file));
    ASSERT_FALSE(tensors) << bad.name;
    EXPECT_EQ(tensors.error().kind, ErrorKind::corrupt) << bad.name;
    EXPECT_NE(tensors.error().message.find(bad.says), std::string::npos)
        << bad.name << ": " << tensors.error().message;
  }
}

TEST(Safetensors, no_mutation_of_a_good_file_leads_outside_it) {
  const std::string good = safetensors_file(
      R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"U8","shape":[3],)"
      R"("data_offsets":[8,11]}})",
      std::string(11, 'x'));
  std::mt19937 random(7);
  int refused = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string file = good;
    for (auto n = 1 + random() % 3; n > 0; --n) {
      file[random() % file.size()] = static_cast<char>(random());
    }
    if (random() % 4 == 0) file.resize(random() % file.size());
    const auto tensors = parse_safetensors(bytes_of(file));
    refused += !tensors;
    if (!tensors) continue;
    for (const StoredTensor& t : *tensors) {
      ASSERT_GE(t.bytes.data(), bytes_of(file).data());
      ASSERT_LE(t.bytes.data() + t.bytes.size(), bytes_of(file).data() + file.size());
    }
  }
  EXPECT_GT(refused, 10000);
}

}  // namespace
}  // namespace hearth::formats
