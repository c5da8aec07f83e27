#include "text/unigram_tokenizer.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/str.h"
#include "base/utf8.h"

namespace hearth::text {

namespace {

constexpr TokenId kUnknown = -1;
constexpr double kUnknownPenalty = 10;

// The best way to cut the word up to some byte.
struct Cut {
  double score = 0;
  std::uint32_t begin = 0;  // of its last token
  TokenId id = kUnknown;    // of it
  bool reached = false;
};

}  // namespace

class UnigramTokenizer::Words final : public WordEncoder {
 public:
  explicit Words(const UnigramTokenizer& tokenizer) : tokenizer_(tokenizer) {}

  Result<void> add_word(std::string_view word, Output& out) override {
    cut(word);
    ends_.clear();
    for (std::size_t end = word.size(); end > 0; end = cuts_[end].begin) {
      ends_.push_back(static_cast<std::uint32_t>(end));
    }
    for (std::size_t i = ends_.size(); i-- > 0;) {
      if (const TokenId id = cuts_[ends_[i]].id; id != kUnknown) {
        out.ids.push_back(id);
        continue;
      }
      const std::size_t begin = cuts_[ends_[i]].begin;
      const bool fuses = tokenizer_.spec().fuse_unknown;
      while (fuses && i > 0 && cuts_[ends_[i - 1]].id == kUnknown) --i;
      HEARTH_TRY_VOID(add_unknown(word.substr(begin, ends_[i] - begin), begin, out));
    }
    return {};
  }

 private:
  void cut(std::string_view word) {
    cuts_.assign(word.size() + 1, {});
    for (std::size_t begin = 0; begin < word.size();) {
      const std::size_t size = decode_utf8(word.substr(begin, 4)).size;
      const double before = cuts_[begin].score;
      bool has_character = false;
      tokenizer_.pieces_.for_each_prefix(word.substr(begin), [&](std::size_t n, TokenId id) {
        offer(begin, begin + n, id,
              before + tokenizer_.spec().scores[static_cast<std::size_t>(id)]);
        has_character = has_character || n == size;
      });
      if (!has_character) offer(begin, begin + size, kUnknown, before + tokenizer_.unknown_score_);
      begin += size;
    }
  }

  void offer(std::size_t begin, std::size_t end, TokenId id, double score) {
    Cut& best = cuts_[end];
    if (best.reached && score <= best.score) return;
    best = {score, static_cast<std::uint32_t>(begin), id, true};
  }

  Result<void> add_unknown(std::string_view text, std::size_t begin, Output& out) {
    if (tokenizer_.spec().byte_fallback && tokenizer_.byte_tokens_.spell(text, out.ids)) return {};
    HEARTH_TRY_VOID(out.note_unspellable(text, begin));
    if (tokenizer_.replacement_) out.ids.push_back(*tokenizer_.replacement_);
    return {};
  }

  const UnigramTokenizer& tokenizer_;
  std::vector<Cut> cuts_;  // [bytes of the word + 1]
  std::vector<std::uint32_t> ends_;
};

Result<std::shared_ptr<const Tokenizer>> UnigramTokenizer::build(TokenizerSpec spec) {
  const std::shared_ptr<UnigramTokenizer> made(new UnigramTokenizer(std::move(spec)));
  HEARTH_TRY_VOID(made->build_shared());
  HEARTH_TRY_VOID(made->index_pieces());
  made->byte_tokens_ = ByteTokens(made->spec_);
  made->texts_of_pieces_ = PieceTexts(made->spec_);
  made->longest_token_bytes_ = made->texts_of_pieces_.longest();
  return std::shared_ptr<const Tokenizer>(made);
}

Result<void> UnigramTokenizer::index_pieces() {
  if (spec_.scores.empty()) {
    return Error{ErrorKind::corrupt, "tokenizer: a unigram vocabulary without scores"};
  }
  std::vector<std::pair<std::string_view, TokenId>> pieces;
  double least = 0;
  for (std::size_t i = 0; i < spec_.tokens.size(); ++i) {
    const auto id = static_cast<TokenId>(i);
    const double score = spec_.scores[i];
    if (!std::isfinite(score)) {
      return Error{ErrorKind::corrupt, cat("tokenizer: the score of token ", i, " is no number")};
    }
    if (!is_plain(id)) continue;
    least = pieces.empty() ? score : std::min(least, score);
    pieces.emplace_back(text_of(id), id);
  }
  unknown_score_ = least - kUnknownPenalty;
  HEARTH_TRY(pieces_, TokenTrie::build(std::move(pieces)));
  return {};
}

std::unique_ptr<SpanTokenizer::WordEncoder> UnigramTokenizer::new_word_encoder() const {
  return std::make_unique<Words>(*this);
}

std::string_view UnigramTokenizer::token_bytes(TokenId id, bool keep_control) const {
  return is_visible(id, keep_control) ? texts_of_pieces_.of(id) : std::string_view();
}

std::string_view UnigramTokenizer::first_token_bytes(TokenId id, bool keep_control) const {
  return is_visible(id, keep_control) ? texts_of_pieces_.of_first(id) : std::string_view();
}

}  // namespace hearth::text
