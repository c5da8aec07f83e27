// sha256.cc - a thin owner of an OpenSSL digest.
#include "catalog/sha256.h"

#include <openssl/evp.h>

#include <array>

#include "base/check.h"
#include "base/str.h"

namespace hearth::catalog {

std::string hex_of(std::span<const unsigned char> bytes) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string hex;
  hex.reserve(2 * bytes.size());
  for (const unsigned char byte : bytes) hex += {kHex[byte >> 4], kHex[byte & 15]};
  return hex;
}

void Sha256::Free::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  CHECK(context_ != nullptr && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1,
        "every OpenSSL has SHA-256");
}

void Sha256::update(std::span<const std::byte> bytes) {
  CHECK(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1,
        "hashing bytes in memory cannot fail before finish()");
}

std::string Sha256::finish() {
  std::array<unsigned char, 32> digest{};
  unsigned size = 0;
  CHECK(EVP_DigestFinal_ex(context_.get(), digest.data(), &size) == 1 && size == digest.size(),
        "finish() is called once");
  return hex_of(digest);
}

std::string git_blob_id(std::span<const std::byte> bytes) {
  std::string header = cat("blob ", bytes.size());
  header += '\0';
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        EVP_MD_CTX_free);
  std::array<unsigned char, 20> digest{};
  unsigned size = 0;
  CHECK(context != nullptr && EVP_DigestInit_ex(context.get(), EVP_sha1(), nullptr) == 1 &&
            EVP_DigestUpdate(context.get(), header.data(), header.size()) == 1 &&
            EVP_DigestUpdate(context.get(), bytes.data(), bytes.size()) == 1 &&
            EVP_DigestFinal_ex(context.get(), digest.data(), &size) == 1 && size == digest.size(),
        "every OpenSSL has SHA-1");
  return hex_of(digest);
}

}  // namespace hearth::catalog
