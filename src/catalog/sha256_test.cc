// sha256_test.cc - the expected digests are the examples NIST publishes for SHA-256 (FIPS 180-4).
#include "catalog/sha256.h"

#include <gtest/gtest.h>

#include <string_view>

namespace hearth::catalog {
namespace {

std::span<const std::byte> as_bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

TEST(Sha256, nothing_has_the_published_digest) {
  EXPECT_EQ(Sha256().finish(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Sha256, one_block_and_two_blocks_have_the_published_digests) {
  Sha256 one;
  one.update(as_bytes("abc"));
  EXPECT_EQ(one.finish(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  Sha256 two;
  two.update(as_bytes("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"));
  EXPECT_EQ(two.finish(), "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(Sha256, a_million_letters_in_uneven_pieces_have_the_published_digest) {
  const std::string text(1'000'000, 'a');
  Sha256 hash;
  for (std::size_t at = 0, size = 1; at < text.size(); at += size, size = size * 3 % 997 + 1) {
    hash.update(as_bytes(std::string_view(text).substr(at, size)));
  }
  EXPECT_EQ(hash.finish(), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

}  // namespace
}  // namespace hearth::catalog
