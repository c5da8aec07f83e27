// describe_test.cc - what a person and a script see of a checkpoint.
#include "formats/describe.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "formats/describe_json.h"
#include "formats/gguf/gguf.h"
#include "formats/gguf/gguf_writer_for_tests.h"

namespace hearth::formats {
namespace {

struct Sample {
  std::vector<std::byte> file;
  Checkpoint checkpoint;
};

Sample sample() {
  GgufWriter w;
  w.text("general.architecture", "llama").text("general.name", "A \x1b[31mred\x1b[0m name");
  w.f32("llama.eps", 0.5f).i32s("llama.list", std::vector<std::int32_t>{1, 2, 3, 4, 5, 6});
  w.text("bad.utf8", "\xff");
  const std::vector<float> values(64, 1.0f);
  w.tensor("big.weight", {2, 32}, values).tensor("v", {4}, std::span(values).first(4));
  w.tensor("q", {1, 32}, DType::q8_0, std::as_bytes(std::span(values)).first(34));
  Sample s{w.bytes(), {}};
  auto c = parse_gguf(s.file);
  EXPECT_TRUE(c) << c.error().message;
  if (c) s.checkpoint = *std::move(c);
  return s;
}

bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

TEST(Describe, prints_head_metadata_tensors_and_totals) {
  const Sample s = sample();
  const std::string out = describe(s.checkpoint, false);
  EXPECT_TRUE(has_line(out, "format         gguf")) << out;
  EXPECT_TRUE(has_line(out, "architecture   llama")) << out;
  EXPECT_TRUE(has_line(out, "parameters     100")) << out;
  EXPECT_TRUE(has_line(out, "tokenizer      none")) << out;
  EXPECT_TRUE(has_line(out, "  llama.eps             0.5")) << out;
  EXPECT_TRUE(has_line(out, "  big.weight  f32   [2, 32]  256")) << out;
  EXPECT_TRUE(has_line(out, "  q           q8_0  [1, 32]  34")) << out;
  EXPECT_TRUE(has_line(out, "  f32   2  272 (272 B)")) << out;
  EXPECT_TRUE(has_line(out, "  q8_0  1  34 (34 B)")) << out;
}

TEST(Describe, arrays_are_shortened_unless_all_is_asked_for) {
  const Sample s = sample();
  EXPECT_NE(describe(s.checkpoint, false).find("[1, 2, 3, 4, … 6 in all]"), std::string::npos);
  EXPECT_NE(describe(s.checkpoint, true).find("[1, 2, 3, 4, 5, 6]"), std::string::npos);
}

TEST(Describe, a_file_cannot_send_escape_sequences_to_the_terminal) {
  const Sample s = sample();
  for (const bool all : {false, true}) {
    const std::string out = describe(s.checkpoint, all);
    EXPECT_EQ(out.find('\x1b'), std::string::npos);
    EXPECT_NE(out.find("A \\x1b[31mred"), std::string::npos) << out;
  }
}

TEST(DescribeJson, has_every_fact_and_only_valid_utf8) {
  const Sample s = sample();
  const nlohmann::ordered_json out = describe_json(s.checkpoint);
  const std::string text = out.dump();
  EXPECT_EQ(out["parameters"], 100);
  EXPECT_EQ(out["metadata"]["llama.list"], nlohmann::json({1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(out["metadata"]["bad.utf8"], "\xef\xbf\xbd");
  EXPECT_EQ(out["tensors"][0]["shape"], nlohmann::json({2, 32}));
  EXPECT_EQ(out["types"]["q8_0"]["bytes"], 34);
  EXPECT_TRUE(out["tokenizer"].is_null());
  EXPECT_EQ(nlohmann::ordered_json::parse(text), out);
}

}  // namespace
}  // namespace hearth::formats
