#include "text/grammar/grammar_vocabulary.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace hearth::text {

namespace {

constexpr std::size_t kMaxTokenBytes = 4096;  // longer ones are never allowed

bool is_ordinary(TokenKind kind) {
  return kind == TokenKind::normal || kind == TokenKind::user_defined || kind == TokenKind::byte;
}

struct Spelling {
  std::string_view bytes;
  TokenId id;
};

}  // namespace

GrammarVocabulary::GrammarVocabulary(std::shared_ptr<const Tokenizer> tokenizer)
    : tokenizer_(std::move(tokenizer)) {
  std::vector<Spelling> spellings;
  for (std::size_t i = 0; i < tokenizer_->n_vocab(); ++i) {
    const auto id = static_cast<TokenId>(i);
    if (!is_ordinary(tokenizer_->spec().kinds[i]) || tokenizer_->is_end_of_generation(id)) continue;
    const std::string_view bytes = tokenizer_->token_bytes(id, false);
    if (!bytes.empty() && bytes.size() <= kMaxTokenBytes) spellings.push_back({bytes, id});
  }
  std::sort(spellings.begin(), spellings.end(), [](const Spelling& a, const Spelling& b) {
    return a.bytes != b.bytes ? a.bytes < b.bytes : a.id < b.id;
  });

  std::vector<std::uint32_t> path;  // the nodes of the last spelling's bytes
  const auto close = [&](std::size_t depth) {
    while (path.size() > depth) {
      nodes_[path.back()].end = static_cast<std::uint32_t>(nodes_.size());
      path.pop_back();
    }
  };
  std::string_view last;
  for (const Spelling& spelling : spellings) {
    const std::string_view bytes = spelling.bytes;
    const auto [differs, unused] =
        std::mismatch(bytes.begin(), bytes.end(), last.begin(), last.end());
    close(static_cast<std::size_t>(differs - bytes.begin()));
    for (std::size_t i = path.size(); i < bytes.size(); ++i) {
      path.push_back(static_cast<std::uint32_t>(nodes_.size()));
      nodes_.push_back({0, static_cast<std::uint32_t>(tokens_.size()),
                        static_cast<std::uint16_t>(i), static_cast<std::uint8_t>(bytes[i])});
    }
    tokens_.push_back(spelling.id);
    longest_ = std::max(longest_, bytes.size());
    last = bytes;
  }
  close(0);
  nodes_.push_back({0, static_cast<std::uint32_t>(tokens_.size()), 0, 0});
}

std::optional<TokenId> GrammarVocabulary::control_token(std::string_view text) const {
  const auto id = tokenizer_->find(text);
  if (!id || tokenizer_->spec().kinds[static_cast<std::size_t>(*id)] != TokenKind::control) {
    return std::nullopt;
  }
  return id;
}

std::span<const TokenId> GrammarVocabulary::end_of_generation() const {
  return tokenizer_->spec().end_of_generation;
}

}  // namespace hearth::text
