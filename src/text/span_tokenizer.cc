#include "text/span_tokenizer.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/str.h"
#include "text/joined_text.h"
#include "text/pretokenizer.h"

namespace hearth::text {

namespace {

Result<void> check_id(const char* name, TokenId id, std::size_t n_tokens) {
  if (id >= 0 && static_cast<std::size_t>(id) < n_tokens) return {};
  return Error{ErrorKind::corrupt, cat("tokenizer: ", name, " token ", id,
                                       " is not in the vocabulary of ", n_tokens, " tokens")};
}

Result<void> check_size(std::string_view text) {
  if (text.size() < std::numeric_limits<std::uint32_t>::max()) return {};
  return Error{ErrorKind::too_large, cat("tokenizer: a text of ", human_bytes(text.size()),
                                         "; at most 4.29 GB can be encoded at once")};
}

// "0x04", "0xe4 0xb8 0xad"; of long texts the beginning.
std::string hex(std::string_view bytes) {
  static constexpr char kHex[] = "0123456789abcdef";
  constexpr std::size_t kMost = 8;
  std::string out;
  for (const char c : bytes.substr(0, kMost)) {
    const auto byte = static_cast<unsigned char>(c);
    out += cat(out.empty() ? "0x" : " 0x", kHex[byte >> 4], kHex[byte & 15]);
  }
  return bytes.size() > kMost ? out + " …" : out;
}

}  // namespace

void TokenBytes::add(std::string_view bytes) {
  bytes_ += bytes;
  begins_.push_back(bytes_.size());
  longest_ = std::max(longest_, bytes.size());
}

std::string_view TokenBytes::of(TokenId id) const {
  const auto i = static_cast<std::size_t>(id);
  return std::string_view(bytes_).substr(begins_[i], begins_[i + 1] - begins_[i]);
}

Result<void> SpanTokenizer::Output::note_unspellable(std::string_view bytes, std::size_t begin) {
  if (exact_) {
    return Error{
        ErrorKind::invalid,
        cat("tokenizer: ", bytes.size() == 1 ? "byte " : "bytes ", hex(bytes), " at offset ",
            word_begin_ + begin,
            tokenizer_.spec().normalizer.empty() ? "" : " (after normalisation)", " of the text ",
            bytes.size() == 1 ? "has" : "have", " no token in this vocabulary; remove ",
            bytes.size() == 1 ? "it" : "them", ", or encode without exactness")};
  }
  n_unspellable_bytes_ += bytes.size();
  return {};
}

Result<void> SpanTokenizer::build_shared() {
  HEARTH_TRY_VOID(check_spec());
  HEARTH_TRY_VOID(index_texts());
  HEARTH_TRY(added_, AddedTokens::build(spec_));
  HEARTH_TRY(normalizer_, Normalizer::build(spec_.normalizer));
  choose_replacement();
  return {};
}

Result<void> SpanTokenizer::check_spec() const {
  const std::size_t n = spec_.tokens.size();
  if (n == 0) return Error{ErrorKind::corrupt, "tokenizer: the vocabulary is empty"};
  if (n > static_cast<std::size_t>(std::numeric_limits<TokenId>::max())) {
    return Error{ErrorKind::corrupt, cat("tokenizer: ", n, " tokens do not fit 31-bit ids")};
  }
  if (spec_.kinds.size() != n) {
    return Error{ErrorKind::corrupt, cat("tokenizer: ", n, " tokens, but the kinds of ",
                                         spec_.kinds.size(), "; expected one each")};
  }
  if (!spec_.scores.empty() && spec_.scores.size() != n) {
    return Error{ErrorKind::corrupt, cat("tokenizer: ", n, " tokens, but the scores of ",
                                         spec_.scores.size(), "; expected one each")};
  }
  const std::pair<const char*, std::optional<TokenId>> named[] = {
      {"beginning-of-text", spec_.bos},
      {"end-of-text", spec_.eos},
      {"padding", spec_.pad},
      {"unknown", spec_.unknown},
  };
  for (const auto& [name, id] : named) {
    if (id) HEARTH_TRY_VOID(check_id(name, *id, n));
  }
  for (const TokenId id : spec_.end_of_generation) {
    HEARTH_TRY_VOID(check_id("end-of-generation", id, n));
  }
  return {};
}

// Texts without a byte belong to the holes of a vocabulary (unused): they are found by no name.
Result<void> SpanTokenizer::index_texts() {
  texts_ = TokenIndex(spec_.tokens.size());
  const auto key_of = [&](TokenId id) { return text_of(id); };
  for (std::size_t i = 0; i < spec_.tokens.size(); ++i) {
    const std::string& text = spec_.tokens[i];
    if (text.empty() && spec_.kinds[i] == TokenKind::unused) continue;
    const auto same = texts_.insert(text, static_cast<TokenId>(i), key_of);
    if (same || text.empty()) {
      return Error{ErrorKind::corrupt,
                   cat("tokenizer: token ", i, " ", quote(text),
                       same ? cat(" has the same text as token ", *same) : " has no text")};
    }
  }
  return {};
}

// See EncodeOptions::exact for the reasons.
void SpanTokenizer::choose_replacement() {
  const std::optional<TokenId> unknown = spec_.unknown;
  if (!unknown) return;
  const bool byte_level = spec_.model == TokenizerModel::byte_level_bpe;
  if (byte_level && kind_of(*unknown) == TokenKind::control) return;
  const bool steers =
      unknown == spec_.bos || unknown == spec_.eos || is_end_of_generation(*unknown);
  if (!steers) replacement_ = unknown;
}

std::optional<TokenId> SpanTokenizer::find(std::string_view token_text) const {
  return texts_.find(token_text, [&](TokenId id) { return text_of(id); });
}

// text: what lies between two added tokens; offset: where it begins in the whole.
Result<void> SpanTokenizer::add_text(std::string_view text, std::size_t offset, WordEncoder& words,
                                     Output& out) const {
  std::string normalised;
  if (!normalizer_.empty()) {
    HEARTH_TRY(normalised, normalizer_.apply(text, offset == 0));
    text = normalised;
    HEARTH_TRY_VOID(check_size(text));
  }
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = word_end(spec_.pretokenizer, text, begin);
    out.word_begin_ = offset + begin;
    HEARTH_TRY_VOID(words.add_word(text.substr(begin, end - begin), out));
    begin = end;
  }
  return {};
}

Result<Encoding> SpanTokenizer::encode(std::span<const TextSpan> spans,
                                       const EncodeOptions& options) const {
  const JoinedText joined(spans);
  const std::string_view text = joined.text();
  HEARTH_TRY_VOID(check_size(text));
  Output out(*this, options.exact);
  out.ids.reserve(text.size() / 3 + 8);
  const std::unique_ptr<WordEncoder> words = new_word_encoder();
  if (options.add_special && spec_.add_bos && spec_.bos) out.ids.push_back(*spec_.bos);
  std::size_t begin = 0;
  for (const AddedTokenMatch& match : added_.find(text, joined.trusted())) {
    HEARTH_TRY_VOID(add_text(text.substr(begin, match.range.begin - begin), begin, *words, out));
    out.ids.push_back(match.id);
    begin = match.range.end;
  }
  HEARTH_TRY_VOID(add_text(text.substr(begin), begin, *words, out));
  if (options.add_special && spec_.add_eos && spec_.eos) out.ids.push_back(*spec_.eos);
  return Encoding{std::move(out.ids), out.n_unspellable_bytes_};
}

}  // namespace hearth::text
