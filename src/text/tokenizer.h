// tokenizer.h - text to token ids and back.
//
// A TokenizerSpec is plain data that a file format fills in (formats/gguf, text/tokenizer_json); a
// Tokenizer is built from it once, is immutable, and any thread may use it.
//
// Trust: a control token ("<|im_end|>") is recognised only inside a span marked trusted, that is
// text which the chat template or the caller wrote. The same characters in a user's text are
// ordinary text. Spans are one text: a word that runs over a border is encoded as one word; a
// control token that would lie partly in an untrusted span is not recognised.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hearth::text {

using TokenId = std::int32_t;

enum class TokenKind : std::uint8_t {
  normal,
  unknown,
  control,       // never produced from untrusted text, hidden from a reader by default
  user_defined,  // added to the vocabulary by name; matched before the pre-tokenizer in trusted
                 // text
  unused,
  byte,
};

enum class TokenizerModel : std::uint8_t { byte_level_bpe };

// How a text is split before byte-pair merging; each is a hand-written linear scanner
// (pretokenizer.h) with the exact semantics of the published regular expression.
enum class Pretokenizer : std::uint8_t {
  gpt2,    // GPT-2's expression
  smollm,  // every numeric character alone, then GPT-2's expression
  llama3,
  qwen2,
  o200k,
};

// How an added token (control or user_defined) is recognised, where that is not plainly.
struct AddedTokenRule {
  TokenId id = 0;
  bool lstrip = false;       // takes the white space before it along, an untrusted neighbour's too
  bool rstrip = false;       // and after it
  bool single_word = false;  // only where no word character touches it
  bool normalized = false;   // looked for after all that are not, in the text between them
};

struct TokenizerSpec {
  TokenizerModel model = TokenizerModel::byte_level_bpe;
  Pretokenizer pretokenizer = Pretokenizer::gpt2;
  std::vector<std::string> tokens;    // id -> text, in the vocabulary's own spelling ("Ġthe")
  std::vector<TokenKind> kinds;       // same length
  std::vector<std::string> merges;    // "Ġ t", in priority order
  std::vector<AddedTokenRule> added;  // tokens that are not here have no rule
  bool ignore_merges = false;         // a whole word that is a token is emitted without merging
  bool nfc = false;                   // normalise what lies between added tokens (qwen)
  std::optional<TokenId> bos, eos, pad, unknown;
  std::vector<TokenId> end_of_generation;  // every id that ends an answer: eos, eot, …
  bool add_bos = false, add_eos = false;   // what "add special tokens" puts around a text
};

struct TextSpan {
  std::string text;
  bool trusted = false;
};

struct EncodeOptions {
  bool add_special = false;  // bos/eos as the vocabulary asks for
  // A byte that the vocabulary cannot spell (SmolLM2 lacks 21) never vanishes silently: exact makes
  // it an error that names the byte and its offset; otherwise it becomes the unknown token when
  // there is one, and is counted. An unknown token that is a control token (SmolLM2's
  // <|endoftext|>) is not used: any user could then write it. The byte is dropped, as the reference
  // implementation does.
  bool exact = false;
};

struct Encoding {
  std::vector<TokenId> ids;
  std::size_t n_unspellable_bytes = 0;  // replaced by the unknown token, or dropped
};

class Tokenizer {
 public:
  // Errors: corrupt (names the entry: a merge whose parts or result are no tokens or are control
  // tokens, ids outside the vocabulary, duplicate texts, an empty vocabulary), unsupported.
  static Result<std::shared_ptr<const Tokenizer>> build(TokenizerSpec spec);
  virtual ~Tokenizer() = default;

  virtual Result<Encoding> encode(std::span<const TextSpan> spans, const EncodeOptions&) const = 0;
  Result<Encoding> encode(std::string_view text, bool trusted,
                          const EncodeOptions& options = {}) const;

  // The bytes a token stands for; empty for control tokens unless keep_control ("<|im_end|>") and
  // for ids outside the vocabulary. May be a part of a character.
  virtual std::string_view token_bytes(TokenId id, bool keep_control) const = 0;
  // All of them, as valid UTF-8 (an invalid sequence becomes U+FFFD).
  std::string decode(std::span<const TokenId> ids, bool keep_control) const;

  const TokenizerSpec& spec() const { return spec_; }
  std::size_t n_vocab() const { return spec_.tokens.size(); }
  bool is_end_of_generation(TokenId id) const;
  virtual std::optional<TokenId> find(
      std::string_view token_text) const = 0;  // vocabulary spelling
  std::size_t longest_token_bytes() const { return longest_token_bytes_; }

 protected:
  explicit Tokenizer(TokenizerSpec spec) : spec_(std::move(spec)) {}
  TokenizerSpec spec_;
  std::size_t longest_token_bytes_ = 0;
};

// Turns tokens into text piece by piece and never splits a character: bytes that may still become a
// character are held back. Does not allocate once `reserve` was called with the answer's bound.
class StreamingDecoder {
 public:
  explicit StreamingDecoder(const Tokenizer& tokenizer) : tokenizer_(&tokenizer) {}
  void reserve(std::size_t n_bytes) { pending_.reserve(n_bytes); }
  // Appends to out what has become certain with this token: whole characters, U+FFFD for each
  // invalid sequence.
  void push(TokenId id, std::string& out);
  // The end: an unfinished character becomes U+FFFD.
  void finish(std::string& out);

 private:
  const Tokenizer* tokenizer_;
  std::string pending_;  // < 4 bytes between calls
};

}  // namespace hearth::text
