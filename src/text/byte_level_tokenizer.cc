#include "text/byte_level_tokenizer.h"

#include <utility>

#include "base/utf8.h"
#include "text/byte_spelling.h"

namespace hearth::text {

class ByteLevelTokenizer::Words final : public WordEncoder {
 public:
  explicit Words(const ByteLevelTokenizer& tokenizer) : tokenizer_(tokenizer) {}

  Result<void> add_word(std::string_view word, Output& out) override {
    if (const std::optional<TokenId> id = tokenizer_.find_word(word)) {
      out.ids.push_back(*id);
      return {};
    }
    const std::size_t first = out.ids.size();
    for (std::size_t i = 0; i < word.size(); ++i) {
      const TokenId id = tokenizer_.byte_tokens_[static_cast<std::uint8_t>(word[i])];
      if (id >= 0) {
        out.ids.push_back(id);
        continue;
      }
      HEARTH_TRY_VOID(out.note_unspellable(word.substr(i, 1), i));
      if (tokenizer_.replacement_) out.ids.push_back(*tokenizer_.replacement_);
    }
    const std::span<TokenId> symbols = std::span(out.ids).subspan(first);
    out.ids.resize(first + tokenizer_.merges_.merge(symbols, scratch_));
    return {};
  }

 private:
  const ByteLevelTokenizer& tokenizer_;
  BytePairMerges::Scratch scratch_;
};

Result<std::shared_ptr<const Tokenizer>> ByteLevelTokenizer::build(TokenizerSpec spec) {
  const std::shared_ptr<ByteLevelTokenizer> made(new ByteLevelTokenizer(std::move(spec)));
  HEARTH_TRY_VOID(made->build_shared());
  HEARTH_TRY(made->merges_, BytePairMerges::build(made->spec_, made->texts_));
  made->find_byte_tokens();
  made->set_bytes();
  made->index_words();
  return std::shared_ptr<const Tokenizer>(made);
}

std::unique_ptr<SpanTokenizer::WordEncoder> ByteLevelTokenizer::new_word_encoder() const {
  return std::make_unique<Words>(*this);
}

void ByteLevelTokenizer::find_byte_tokens() {
  for (std::size_t byte = 0; byte < byte_tokens_.size(); ++byte) {
    std::string spelling;
    append_utf8(spelling, spelling_of(static_cast<std::uint8_t>(byte)));
    const std::optional<TokenId> id = find(spelling);
    byte_tokens_[byte] = id && !is_control(kind_of(*id)) ? *id : -1;
  }
}

void ByteLevelTokenizer::set_bytes() {
  for (std::size_t i = 0; i < spec_.tokens.size(); ++i) {
    const TokenKind kind = spec_.kinds[i];
    const bool is_spelled =
        kind == TokenKind::normal || kind == TokenKind::unused || kind == TokenKind::byte;
    // A text with a character that spells no byte stands for itself.
    const auto bytes = is_spelled ? bytes_of_spelling(spec_.tokens[i]) : std::nullopt;
    bytes_.add(bytes ? *bytes : spec_.tokens[i]);
  }
  longest_token_bytes_ = bytes_.longest();
}

void ByteLevelTokenizer::index_words() {
  if (!spec_.ignore_merges) return;
  words_ = TokenIndex(spec_.tokens.size());
  const auto key_of = [&](TokenId id) { return bytes_.of(id); };
  for (std::size_t i = 0; i < spec_.tokens.size(); ++i) {
    if (spec_.kinds[i] != TokenKind::normal || !bytes_of_spelling(spec_.tokens[i])) continue;
    words_.insert(bytes_.of(static_cast<TokenId>(i)), static_cast<TokenId>(i), key_of);
  }
}

std::optional<TokenId> ByteLevelTokenizer::find_word(std::string_view word) const {
  if (!spec_.ignore_merges) return std::nullopt;
  return words_.find(word, [&](TokenId id) { return bytes_.of(id); });
}

std::string_view ByteLevelTokenizer::token_bytes(TokenId id, bool keep_control) const {
  return is_visible(id, keep_control) ? bytes_.of(id) : std::string_view();
}

}  // namespace hearth::text
