#include "cli/redacted.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace hearth::cli {
namespace {

TEST(Redacted, GivenSecretsGoWhereverTheyStand) {
  EXPECT_EQ(redacted("key=abc, abc again", {"abc"}), "key=[redacted], [redacted] again");
  EXPECT_EQ(redacted("nothing here", {""}), "nothing here");
}

TEST(Redacted, WhatLooksLikeATokenGoes) {
  EXPECT_EQ(redacted("Authorization: Bearer a1B2-c3.d4 end", {}),
            "Authorization: Bearer [redacted] end");
  EXPECT_EQ(redacted("hf_abcdefgh\nsk-proj-123456\n", {}), "hf_[redacted]\nsk-[redacted]\n");
  EXPECT_EQ(redacted("disk-io risk-y hf_x", {}), "disk-io risk-y hf_x");
}

TEST(Redacted, UrlsLoseTheirUserAndTheirQuery) {
  EXPECT_EQ(redacted("from https://u:p@host/f.gguf?token=1&b=2 to x@y", {}),
            "from https://[redacted]@host/f.gguf?[redacted] to x@y");
  EXPECT_EQ(redacted("http://127.0.0.1:5273/v1", {}), "http://127.0.0.1:5273/v1");
  EXPECT_EQ(redacted("\"http://a?b\" http://", {}), "\"http://a?[redacted]\" http://");
}

TEST(Redacted, KeysOfTheServiceGoAndNamesOfFilesStay) {
  const std::string digits(64, 'a');
  EXPECT_EQ(redacted("key hearth-" + digits + ".", {}), "key hearth-[redacted].");
  EXPECT_EQ(redacted("hearth-hearth-" + digits, {}), "hearth-hearth-[redacted]");
  const std::string files = "hearth-logs-20260101.zip hearth-" + std::string(40, 'a') + ".gguf";
  EXPECT_EQ(redacted(files, {}), files);
}

TEST(Redacted, WhatOverlapsGoesWhole) {
  EXPECT_EQ(redacted("Bearer abcdef ghi jkl", {"def ghi", "abc"}), "Bearer [redacted] jkl");
  EXPECT_EQ(redacted("http://proxy/?to=http://u:p@host/x", {}), "http://proxy/?[redacted]");
  EXPECT_EQ(redacted("http://proxy/http://u:p@host/x", {}),
            "http://proxy/http://[redacted]@host/x");
}

TEST(Redacted, ALongLogTakesNoTime) {
  constexpr std::size_t kBytes = 8'000'000;
  const auto begin = std::chrono::steady_clock::now();
  for (const std::string_view piece :
       {"GET http://127.0.0.1:5273/v1/models from u\n", "Bearer abcdefgh\n", "http://a?b=c ", "://",
        "hf_", "hearth-abcdef"}) {
    std::string text;
    while (text.size() < kBytes) text += piece;
    EXPECT_FALSE(redacted(text, {"a secret"}).empty());
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
}

}  // namespace
}  // namespace hearth::cli
