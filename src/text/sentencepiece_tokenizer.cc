#include "text/sentencepiece_tokenizer.h"

#include <utility>

#include "base/utf8.h"

namespace hearth::text {

class SentencePieceTokenizer::Words final : public WordEncoder {
 public:
  explicit Words(const SentencePieceTokenizer& tokenizer) : tokenizer_(tokenizer) {}

  Result<void> add_word(std::string_view word, Output& out) override {
    if (tokenizer_.spec().ignore_merges) {
      if (const std::optional<TokenId> id = tokenizer_.find_plain(word)) {
        out.ids.push_back(*id);
        return {};
      }
    }
    const std::size_t first = out.ids.size();
    bool after_unknown = false;
    for (std::size_t i = 0; i < word.size();) {
      const std::size_t size = decode_utf8(word.substr(i, 4)).size;
      HEARTH_TRY(after_unknown, add_character(word.substr(i, size), i, after_unknown, out));
      i += size;
    }
    const std::span<TokenId> symbols = std::span(out.ids).subspan(first);
    out.ids.resize(first + tokenizer_.merges_.merge(symbols, scratch_));
    return {};
  }

 private:
  // Whether the character was unknown.
  Result<bool> add_character(std::string_view character, std::size_t begin, bool after_unknown,
                             Output& out) {
    if (const std::optional<TokenId> id = tokenizer_.find_plain(character)) {
      out.ids.push_back(*id);
      return false;
    }
    const TokenizerSpec& spec = tokenizer_.spec();
    if (spec.byte_fallback && tokenizer_.byte_tokens_.spell(character, out.ids)) return false;
    HEARTH_TRY_VOID(out.note_unspellable(character, begin));
    if (tokenizer_.replacement_ && !(after_unknown && spec.fuse_unknown)) {
      out.ids.push_back(*tokenizer_.replacement_);
    }
    return true;
  }

  const SentencePieceTokenizer& tokenizer_;
  BytePairMerges::Scratch scratch_;
};

Result<std::shared_ptr<const Tokenizer>> SentencePieceTokenizer::build(TokenizerSpec spec) {
  const std::shared_ptr<SentencePieceTokenizer> made(new SentencePieceTokenizer(std::move(spec)));
  HEARTH_TRY_VOID(made->build_shared());
  HEARTH_TRY(made->merges_, BytePairMerges::build(made->spec_, made->texts_));
  made->byte_tokens_ = ByteTokens(made->spec_);
  made->texts_of_pieces_ = PieceTexts(made->spec_);
  made->longest_token_bytes_ = made->texts_of_pieces_.longest();
  return std::shared_ptr<const Tokenizer>(made);
}

std::unique_ptr<SpanTokenizer::WordEncoder> SentencePieceTokenizer::new_word_encoder() const {
  return std::make_unique<Words>(*this);
}

std::optional<TokenId> SentencePieceTokenizer::find_plain(std::string_view text) const {
  const std::optional<TokenId> id = find(text);
  return id && is_plain(*id) ? id : std::nullopt;
}

std::string_view SentencePieceTokenizer::token_bytes(TokenId id, bool keep_control) const {
  return is_visible(id, keep_control) ? texts_of_pieces_.of(id) : std::string_view();
}

std::string_view SentencePieceTokenizer::first_token_bytes(TokenId id, bool keep_control) const {
  return is_visible(id, keep_control) ? texts_of_pieces_.of_first(id) : std::string_view();
}

}  // namespace hearth::text
