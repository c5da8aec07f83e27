#include "formats/end_of_generation.h"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

namespace hearth::formats {

namespace {

using text::TokenId;
using text::TokenizerSpec;
using text::TokenKind;

constexpr std::string_view kEndTexts[] = {"<|im_end|>",    "<|eot_id|>",    "<|end|>",
                                          "<|endoftext|>", "<end_of_turn>", "<|return|>",
                                          "<|call|>",      "</s>",          "<|end_of_text|>"};

bool has_control(const TokenizerSpec& spec, std::string_view token_text) {
  for (std::size_t i = 0; i < spec.tokens.size(); ++i) {
    if (spec.kinds[i] == TokenKind::control && spec.tokens[i] == token_text) return true;
  }
  return false;
}

}  // namespace

void set_end_of_generation(TokenizerSpec& spec, std::vector<TokenId> named) {
  for (std::size_t i = 0; i < spec.tokens.size(); ++i) {
    if (spec.kinds[i] != TokenKind::control) continue;
    if (std::find(std::begin(kEndTexts), std::end(kEndTexts), spec.tokens[i]) !=
        std::end(kEndTexts)) {
      named.push_back(static_cast<TokenId>(i));
    }
  }
  std::sort(named.begin(), named.end());
  named.erase(std::unique(named.begin(), named.end()), named.end());
  if (has_control(spec, "<|return|>") && has_control(spec, "<|call|>")) {
    std::erase_if(
        named, [&](TokenId id) { return spec.tokens[static_cast<std::size_t>(id)] == "<|end|>"; });
  }
  spec.end_of_generation = std::move(named);
}

}  // namespace hearth::formats
