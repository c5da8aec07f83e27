#include "text/byte_level_tokenizer.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/str.h"
#include "base/unicode.h"
#include "text/byte_spelling.h"
#include "text/pretokenizer.h"

namespace hearth::text {

namespace {

std::size_t index_of(TokenId id) { return static_cast<std::size_t>(id); }

// Several spans as one text; a single one is not copied.
class JoinedText {
 public:
  explicit JoinedText(std::span<const TextSpan> spans) {
    std::size_t size = 0;
    for (const TextSpan& span : spans) {
      if (span.trusted && !span.text.empty()) add_trusted({size, size + span.text.size()});
      size += span.text.size();
    }
    if (spans.size() == 1) {
      text_ = spans[0].text;
      return;
    }
    joined_.reserve(size);
    for (const TextSpan& span : spans) joined_ += span.text;
    text_ = joined_;
  }
  JoinedText(const JoinedText&) = delete;
  JoinedText& operator=(const JoinedText&) = delete;

  std::string_view text() const { return text_; }
  std::span<const TextRange> trusted() const { return trusted_; }

 private:
  void add_trusted(TextRange range) {
    if (!trusted_.empty() && trusted_.back().end == range.begin) {
      trusted_.back().end = range.end;
    } else {
      trusted_.push_back(range);
    }
  }

  std::string joined_;
  std::string_view text_;
  std::vector<TextRange> trusted_;
};

Result<void> check_id(const char* name, TokenId id, std::size_t n_tokens) {
  if (id >= 0 && index_of(id) < n_tokens) return {};
  return Error{ErrorKind::corrupt, cat("tokenizer: ", name, " token ", id,
                                       " is not in the vocabulary of ", n_tokens, " tokens")};
}

Result<void> check_spec(const TokenizerSpec& spec) {
  const std::size_t n = spec.tokens.size();
  if (n == 0) return Error{ErrorKind::corrupt, "tokenizer: the vocabulary is empty"};
  if (n > static_cast<std::size_t>(std::numeric_limits<TokenId>::max())) {
    return Error{ErrorKind::corrupt, cat("tokenizer: ", n, " tokens do not fit 31-bit ids")};
  }
  if (spec.kinds.size() != n) {
    return Error{ErrorKind::corrupt, cat("tokenizer: ", n, " tokens, but the kinds of ",
                                         spec.kinds.size(), "; expected one each")};
  }
  const std::pair<const char*, std::optional<TokenId>> named[] = {
      {"beginning-of-text", spec.bos},
      {"end-of-text", spec.eos},
      {"padding", spec.pad},
      {"unknown", spec.unknown},
  };
  for (const auto& [name, id] : named) {
    if (id) HEARTH_TRY_VOID(check_id(name, *id, n));
  }
  for (const TokenId id : spec.end_of_generation) {
    HEARTH_TRY_VOID(check_id("end-of-generation", id, n));
  }
  return {};
}

}  // namespace

class ByteLevelTokenizer::Encoder {
 public:
  Encoder(const ByteLevelTokenizer& tokenizer, bool exact, std::size_t text_size)
      : tokenizer_(tokenizer), exact_(exact) {
    out_.ids.reserve(text_size / 3 + 8);
  }

  void add_token(TokenId id) { out_.ids.push_back(id); }

  // text: what lies between two added tokens; offset: where it begins in the whole.
  Result<void> add_text(std::string_view text, std::size_t offset) {
    std::string normalised;
    if (tokenizer_.spec().nfc) text = normalised = to_nfc(text);
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = word_end(tokenizer_.spec().pretokenizer, text, begin);
      HEARTH_TRY_VOID(add_word(text.substr(begin, end - begin), offset + begin));
      begin = end;
    }
    return {};
  }

  Encoding take() { return std::move(out_); }

 private:
  Result<void> add_word(std::string_view word, std::size_t offset) {
    if (const std::optional<TokenId> id = tokenizer_.find_word(word)) {
      add_token(*id);
      return {};
    }
    const std::size_t first = out_.ids.size();
    for (std::size_t i = 0; i < word.size(); ++i) {
      const auto byte = static_cast<std::uint8_t>(word[i]);
      if (const TokenId id = tokenizer_.merges_.byte_token(byte); id >= 0) {
        add_token(id);
      } else {
        HEARTH_TRY_VOID(add_unspellable(byte, offset + i));
      }
    }
    const std::span<TokenId> symbols = std::span(out_.ids).subspan(first);
    out_.ids.resize(first + tokenizer_.merges_.merge(symbols, scratch_));
    return {};
  }

  Result<void> add_unspellable(std::uint8_t byte, std::size_t offset) {
    if (exact_) {
      static constexpr char kHex[] = "0123456789abcdef";
      const char hex[] = {'0', 'x', kHex[byte >> 4], kHex[byte & 15]};
      return Error{ErrorKind::invalid,
                   cat("tokenizer: byte ", std::string_view(hex, sizeof hex), " at offset ", offset,
                       tokenizer_.spec().nfc ? " (after normalisation)" : "",
                       " of the text has no token in this vocabulary; remove it, or encode without "
                       "exactness")};
    }
    ++out_.n_unspellable_bytes;
    if (tokenizer_.replacement_) add_token(*tokenizer_.replacement_);
    return {};
  }

  const ByteLevelTokenizer& tokenizer_;
  bool exact_;
  Encoding out_;
  BytePairMerges::Scratch scratch_;
};

Result<std::shared_ptr<const Tokenizer>> ByteLevelTokenizer::build(TokenizerSpec spec) {
  HEARTH_TRY_VOID(check_spec(spec));
  const std::shared_ptr<ByteLevelTokenizer> made(new ByteLevelTokenizer(std::move(spec)));
  HEARTH_TRY_VOID(made->index_texts());
  HEARTH_TRY(made->added_, AddedTokens::build(made->spec_));
  HEARTH_TRY(made->merges_, BytePairMerges::build(made->spec_, made->texts_));
  made->set_bytes();
  made->index_words();
  const std::optional<TokenId> unknown = made->spec_.unknown;
  if (unknown && made->spec_.kinds[index_of(*unknown)] != TokenKind::control) {
    made->replacement_ = unknown;
  }
  return std::shared_ptr<const Tokenizer>(made);
}

// Texts without a byte belong to the holes of a vocabulary (unused): they are found by no name.
Result<void> ByteLevelTokenizer::index_texts() {
  texts_ = TokenIndex(spec_.tokens.size());
  const auto text_of = [&](TokenId id) -> std::string_view { return spec_.tokens[index_of(id)]; };
  for (std::size_t i = 0; i < spec_.tokens.size(); ++i) {
    const std::string& text = spec_.tokens[i];
    if (text.empty() && spec_.kinds[i] == TokenKind::unused) continue;
    const auto same = texts_.insert(text, static_cast<TokenId>(i), text_of);
    if (same || text.empty()) {
      return Error{ErrorKind::corrupt,
                   cat("tokenizer: token ", i, " ", quote(text),
                       same ? cat(" has the same text as token ", *same) : " has no text")};
    }
  }
  return {};
}

void ByteLevelTokenizer::set_bytes() {
  begins_.reserve(spec_.tokens.size() + 1);
  for (std::size_t i = 0; i < spec_.tokens.size(); ++i) {
    begins_.push_back(bytes_.size());
    const TokenKind kind = spec_.kinds[i];
    const bool is_spelled =
        kind == TokenKind::normal || kind == TokenKind::unused || kind == TokenKind::byte;
    // A text with a character that spells no byte stands for itself.
    const auto bytes = is_spelled ? bytes_of_spelling(spec_.tokens[i]) : std::nullopt;
    bytes_ += bytes ? *bytes : spec_.tokens[i];
    longest_token_bytes_ = std::max(longest_token_bytes_, bytes_.size() - begins_.back());
  }
  begins_.push_back(bytes_.size());
}

void ByteLevelTokenizer::index_words() {
  if (!spec_.ignore_merges) return;
  words_ = TokenIndex(spec_.tokens.size());
  const auto key_of = [&](TokenId id) { return bytes_of(id); };
  for (std::size_t i = 0; i < spec_.tokens.size(); ++i) {
    if (spec_.kinds[i] != TokenKind::normal || !bytes_of_spelling(spec_.tokens[i])) continue;
    words_.insert(bytes_of(static_cast<TokenId>(i)), static_cast<TokenId>(i), key_of);
  }
}

std::string_view ByteLevelTokenizer::bytes_of(TokenId id) const {
  const std::size_t i = index_of(id);
  return std::string_view(bytes_).substr(begins_[i], begins_[i + 1] - begins_[i]);
}

std::optional<TokenId> ByteLevelTokenizer::find_word(std::string_view word) const {
  if (!spec_.ignore_merges) return std::nullopt;
  return words_.find(word, [&](TokenId id) { return bytes_of(id); });
}

std::optional<TokenId> ByteLevelTokenizer::find(std::string_view token_text) const {
  return texts_.find(token_text,
                     [&](TokenId id) -> std::string_view { return spec_.tokens[index_of(id)]; });
}

std::string_view ByteLevelTokenizer::token_bytes(TokenId id, bool keep_control) const {
  if (id < 0 || index_of(id) >= spec_.tokens.size()) return {};
  if (!keep_control && spec_.kinds[index_of(id)] == TokenKind::control) return {};
  return bytes_of(id);
}

Result<Encoding> ByteLevelTokenizer::encode(std::span<const TextSpan> spans,
                                            const EncodeOptions& options) const {
  const JoinedText joined(spans);
  const std::string_view text = joined.text();
  if (text.size() >= std::numeric_limits<std::uint32_t>::max()) {
    return Error{ErrorKind::too_large, cat("tokenizer: a text of ", human_bytes(text.size()),
                                           "; at most 4.29 GB can be encoded at once")};
  }
  Encoder encoder(*this, options.exact, text.size());
  if (options.add_special && spec_.add_bos && spec_.bos) encoder.add_token(*spec_.bos);
  std::size_t begin = 0;
  for (const AddedTokenMatch& match : added_.find(text, joined.trusted())) {
    HEARTH_TRY_VOID(encoder.add_text(text.substr(begin, match.range.begin - begin), begin));
    encoder.add_token(match.id);
    begin = match.range.end;
  }
  HEARTH_TRY_VOID(encoder.add_text(text.substr(begin), begin));
  if (options.add_special && spec_.add_eos && spec_.eos) encoder.add_token(*spec_.eos);
  return encoder.take();
}

}  // namespace hearth::text
