// sha256.h - SHA-256 (FIPS 180-4) of a stream of bytes, by OpenSSL, which uses the CPU's own
// instructions for it: a model of gigabytes is hashed about as fast as it is read.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

struct evp_md_ctx_st;

namespace hearth::catalog {

// Two lower-case hexadecimal digits for each byte.
std::string hex_of(std::span<const unsigned char> bytes);

class Sha256 {
 public:
  Sha256();
  void update(std::span<const std::byte> bytes);
  std::string finish();  // 64 lower-case hexadecimal digits; call once

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

// What git, and so a hub, names a file of these bytes: the SHA-1 of "blob SIZE", a zero byte and
// them, 40 hexadecimal digits. A hub gives nothing better for its small files.
std::string git_blob_id(std::span<const std::byte> bytes);

}  // namespace hearth::catalog
