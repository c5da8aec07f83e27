#include "text/token_index.h"

#include <cstring>

namespace hearth::text {

namespace {

std::uint64_t mix(std::uint64_t hash, std::uint64_t word) {
  const std::uint64_t product = (hash ^ word) * 0x9fb21c651e98df25u;
  return product ^ product >> 29;
}

}  // namespace

std::uint64_t hash_text(std::string_view text) {
  std::uint64_t hash = text.size() * 0x9e3779b97f4a7c15u;
  while (text.size() >= sizeof hash) {
    std::uint64_t word;
    std::memcpy(&word, text.data(), sizeof word);
    hash = mix(hash, word);
    text.remove_prefix(sizeof word);
  }
  std::uint64_t rest = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    rest |= static_cast<std::uint64_t>(static_cast<unsigned char>(text[i])) << (8 * i);
  }
  hash = mix(hash, rest);
  return hash ^ hash >> 32;
}

}  // namespace hearth::text
