#include "text/tokenizer.h"

#include <algorithm>
#include <utility>

#include "base/utf8.h"
#include "text/byte_level_tokenizer.h"

namespace hearth::text {

Result<std::shared_ptr<const Tokenizer>> Tokenizer::build(TokenizerSpec spec) {
  switch (spec.model) {
    case TokenizerModel::byte_level_bpe:
      return ByteLevelTokenizer::build(std::move(spec));
  }
  return Error{ErrorKind::unsupported, "tokenizer: only byte-level BPE vocabularies are supported"};
}

Result<Encoding> Tokenizer::encode(std::string_view text, bool trusted,
                                   const EncodeOptions& options) const {
  const TextSpan span = {std::string(text), trusted};
  return encode(std::span(&span, 1), options);
}

std::string Tokenizer::decode(std::span<const TokenId> ids, bool keep_control) const {
  std::string bytes;
  for (const TokenId id : ids) bytes += token_bytes(id, keep_control);
  return to_valid_utf8(bytes);
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

void StreamingDecoder::push(TokenId id, std::string& out) {
  pending_ += tokenizer_->token_bytes(id, false);
  const std::size_t n_certain = pending_.size() - incomplete_utf8_suffix(pending_);
  append_valid(std::string_view(pending_).substr(0, n_certain), out);
  pending_.erase(0, n_certain);
}

void StreamingDecoder::finish(std::string& out) {
  append_valid(pending_, out);
  pending_.clear();
}

}  // namespace hearth::text
