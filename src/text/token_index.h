// token_index.h - from a text to the id of the token that has it.
//
// An open-addressing table of ids; the texts stay with the caller (KeyOf: id -> std::string_view),
// so a vocabulary is kept once. Never more than half full.
#pragma once

#include <bit>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace hearth::text {

// Multiply and fold, 8 bytes at a time. Not meant to resist an attacker: the keys are the model's
// own.
std::uint64_t hash_text(std::string_view text);

class TokenIndex {
 public:
  explicit TokenIndex(std::size_t max_tokens = 0)
      : slots_(std::bit_ceil(2 * max_tokens + 2), Slot{0, kNone}) {}

  // Adds key -> id; when the key is there already, changes nothing and returns its id.
  template <class KeyOf>
  std::optional<TokenId> insert(std::string_view key, TokenId id, const KeyOf& key_of) {
    const std::uint64_t hash = hash_text(key);
    Slot& slot = slots_[find_slot(key, hash, key_of)];
    if (slot.id != kNone) return slot.id;
    slot = {static_cast<std::uint32_t>(hash >> 32), id};
    return std::nullopt;
  }

  template <class KeyOf>
  std::optional<TokenId> find(std::string_view key, const KeyOf& key_of) const {
    const Slot& slot = slots_[find_slot(key, hash_text(key), key_of)];
    if (slot.id == kNone) return std::nullopt;
    return slot.id;
  }

 private:
  static constexpr TokenId kNone = -1;
  struct Slot {
    std::uint32_t tag;  // upper half of the hash: most strangers are told apart without their text
    TokenId id;
  };

  template <class KeyOf>
  std::size_t find_slot(std::string_view key, std::uint64_t hash, const KeyOf& key_of) const {
    const auto tag = static_cast<std::uint32_t>(hash >> 32);
    const std::size_t mask = slots_.size() - 1;
    std::size_t i = hash & mask;
    while (slots_[i].id != kNone && (slots_[i].tag != tag || key_of(slots_[i].id) != key)) {
      i = (i + 1) & mask;
    }
    return i;
  }

  std::vector<Slot> slots_;
};

}  // namespace hearth::text
