#include "text/tokenizer.h"

#include <algorithm>
#include <utility>

#include "base/utf8.h"
#include "text/byte_level_tokenizer.h"
#include "text/sentencepiece_tokenizer.h"
#include "text/unigram_tokenizer.h"
#include "text/wordpiece_tokenizer.h"

namespace hearth::text {

Result<std::shared_ptr<const Tokenizer>> Tokenizer::build(TokenizerSpec spec) {
  switch (spec.model) {
    case TokenizerModel::byte_level_bpe:
      return ByteLevelTokenizer::build(std::move(spec));
    case TokenizerModel::sentencepiece_bpe:
      return SentencePieceTokenizer::build(std::move(spec));
    case TokenizerModel::unigram:
      return UnigramTokenizer::build(std::move(spec));
    case TokenizerModel::wordpiece:
      return WordPieceTokenizer::build(std::move(spec));
  }
  return Error{ErrorKind::unsupported, "tokenizer: a model of an unknown kind"};
}

Result<Encoding> Tokenizer::encode(std::string_view text, bool trusted,
                                   const EncodeOptions& options) const {
  const TextSpan span = {std::string(text), trusted};
  return encode(std::span(&span, 1), options);
}

std::string Tokenizer::decode(std::span<const TokenId> ids, bool keep_control) const {
  StreamingDecoder decoder(*this, keep_control);
  std::string text;
  for (const TokenId id : ids) decoder.push(id, text);
  decoder.finish(text);
  return text;
}

bool Tokenizer::is_byte_of_run(TokenId id) const {
  const auto i = static_cast<std::size_t>(id);
  return spec_.model != TokenizerModel::byte_level_bpe && id >= 0 && i < spec_.kinds.size() &&
         spec_.kinds[i] == TokenKind::byte;
}

bool Tokenizer::is_end_of_generation(TokenId id) const {
  return std::find(spec_.end_of_generation.begin(), spec_.end_of_generation.end(), id) !=
         spec_.end_of_generation.end();
}

namespace {

void append_valid(std::string_view bytes, std::string& out) {
  while (!bytes.empty()) {
    const Utf8Char c = decode_utf8(bytes);
    append_utf8(out, c.code);
    bytes.remove_prefix(c.size);
  }
}

}  // namespace

StreamingDecoder::StreamingDecoder(const Tokenizer& tokenizer, bool keep_control, bool starts_text)
    : tokenizer_(&tokenizer),
      keep_control_(keep_control),
      is_first_token_(starts_text),
      strips_blank_(starts_text && tokenizer.spec().leading_blank == LeadingBlank::strip_one) {}

void StreamingDecoder::push(TokenId id, std::string& out) {
  std::string_view bytes = tokenizer_->token_bytes(id, keep_control_);
  if (bytes.empty()) return;
  if (is_first_token_) bytes = tokenizer_->first_token_bytes(id, keep_control_);
  is_first_token_ = false;
  const bool in_run = tokenizer_->is_byte_of_run(id);
  if (in_run_ && !in_run) end_run(out);
  in_run_ = in_run;
  pending_ += bytes;
  if (in_run) return;
  const std::size_t n_certain = pending_.size() - incomplete_utf8_suffix(pending_);
  append(std::string_view(pending_).substr(0, n_certain), out);
  pending_.erase(0, n_certain);
}

void StreamingDecoder::append(std::string_view bytes, std::string& out) {
  if (bytes.empty()) return;
  if (strips_blank_ && bytes[0] == ' ') bytes.remove_prefix(1);
  strips_blank_ = false;
  append_valid(bytes, out);
}

void StreamingDecoder::end_run(std::string& out) {
  if (is_valid_utf8(pending_)) {
    append(pending_, out);
  } else {
    strips_blank_ = false;
    for (std::size_t i = 0; i < pending_.size(); ++i) append_utf8(out, 0xfffd);
  }
  pending_.clear();
  in_run_ = false;
}

void StreamingDecoder::finish(std::string& out) {
  if (in_run_) return end_run(out);
  append(pending_, out);
  pending_.clear();
}

}  // namespace hearth::text
