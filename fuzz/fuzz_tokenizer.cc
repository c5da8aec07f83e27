// fuzz_tokenizer.cc - any bytes as a text: nothing crashes, nothing is lost, no user writes a
// control token.
//
// The first byte chooses the splitting (its remainder by 5), NFC (bit 5) and where the text's
// trusted part ends (bits 6 and 7); the rest is the text.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/unicode.h"
#include "base/utf8.h"
#include "text/byte_spelling.h"
#include "text/tokenizer.h"

namespace {

using hearth::text::Pretokenizer;
using hearth::text::StreamingDecoder;
using hearth::text::TextSpan;
using hearth::text::TokenId;
using hearth::text::Tokenizer;
using hearth::text::TokenizerSpec;
using hearth::text::TokenKind;

std::shared_ptr<const Tokenizer> make_tokenizer(Pretokenizer pretokenizer, bool nfc) {
  TokenizerSpec spec;
  spec.pretokenizer = pretokenizer;
  if (nfc) spec.normalizer = {{hearth::text::NormalizerStep::Kind::nfc, {}, {}}};
  for (int byte = 0; byte < 256; ++byte) {
    hearth::append_utf8(spec.tokens.emplace_back(),
                        hearth::text::spelling_of(static_cast<std::uint8_t>(byte)));
  }
  for (const char* text :
       {"ab", "abab", "Ġa", "ĠĠ", "ĠĠĠĠ", "ĊĊ", "11", "Ã©", "ðŁ", "'s", "<|end|>"}) {
    spec.tokens.emplace_back(text);
  }
  spec.merges = {"a b", "ab ab", "Ġ a", "Ġ Ġ", "ĠĠ ĠĠ", "Ċ Ċ", "1 1", "Ã ©", "ð Ł", "' s"};
  spec.kinds.assign(spec.tokens.size(), TokenKind::normal);
  spec.kinds.back() = TokenKind::control;
  return *Tokenizer::build(std::move(spec));
}

const Tokenizer& tokenizer_of(std::uint8_t choice) {
  static const auto all = [] {
    std::vector<std::shared_ptr<const Tokenizer>> made;
    for (int i = 0; i < 10; ++i) {
      made.push_back(make_tokenizer(static_cast<Pretokenizer>(i % 5), i >= 5));
    }
    return made;
  }();
  return *all[choice % 5 + (choice & 32 ? 5 : 0)];
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const Tokenizer& tokenizer = tokenizer_of(data[0]);
  const std::string text(reinterpret_cast<const char*>(data + 1), size - 1);
  const std::size_t n_trusted = text.size() * (data[0] >> 6) / 3;
  const TextSpan spans[] = {{text.substr(0, n_trusted), true}, {text.substr(n_trusted), false}};
  const auto encoding = tokenizer.encode(spans, {.exact = true});
  CHECK(encoding.has_value(), "every byte has a token");

  std::string bytes;
  std::string streamed;
  StreamingDecoder decoder(tokenizer);
  std::size_t n_control = 0;
  for (const TokenId id : encoding->ids) {
    n_control += tokenizer.spec().kinds[static_cast<std::size_t>(id)] == TokenKind::control;
    bytes += tokenizer.token_bytes(id, true);
    std::string piece;
    decoder.push(id, piece);
    CHECK(hearth::is_valid_utf8(piece), "a character was split");
    streamed += piece;
  }
  decoder.finish(streamed);
  CHECK(streamed == tokenizer.decode(encoding->ids, false), "streaming changed the text");
  CHECK(n_trusted > 0 || n_control == 0, "untrusted text became a control token");
  if (!tokenizer.spec().normalizer.empty()) {
    CHECK(n_trusted > 0 || bytes == hearth::to_nfc(text), "decoding gives the normalised text");
    CHECK(hearth::to_nfc(hearth::to_nfc(text)) == hearth::to_nfc(text), "NFC is settled");
  } else {
    CHECK(bytes == text, "decoding gives the text back");
  }
  return 0;
}
