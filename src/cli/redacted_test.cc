#include "cli/redacted.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace hearth::cli
