// tokenizer.h - text to token ids and back.
//
// A TokenizerSpec is plain data that a file format fills in (formats/gguf, text/tokenizer_json); a
// Tokenizer is built from it once, is immutable, and any thread may use it.
//
// Trust: a control token ("<|im_end|>") is recognised only inside a span marked trusted, that is
// text which the chat template or the caller wrote. The same characters in a user's text are
// ordinary text. So is every other name that was added to a vocabulary ("<think>", "<tool_call>"),
// except layout (added_tokens.h): blanks, newlines and HTML tags steer nothing, and models were
// trained with them as one token wherever they stand. Spans are one text: a word that runs over a
// border is encoded as one word; a control token that would lie partly in an untrusted span is not
// recognised.
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
  unknown,       // stands for what has no token; otherwise like a control token
  control,       // never produced from untrusted text, hidden from a reader by default
  user_defined,  // added to the vocabulary by name; matched before the pre-tokenizer in trusted
                 // text
  unused,
  byte,  // "<0x0A>": one byte of a character that has no token
};

inline bool is_control(TokenKind kind) {
  return kind == TokenKind::control || kind == TokenKind::unknown;
}

enum class TokenizerModel : std::uint8_t {
  byte_level_bpe,     // GPT-2, Llama 3, Qwen, o200k: merges of bytes
  sentencepiece_bpe,  // Llama 2, Mistral, Gemma: merges of characters
  unigram,            // T5, XLM-R: the likeliest tokens
  wordpiece,          // BERT: the longest beginning, again and again
};

// How a text is split into words; each is a hand-written linear scanner (pretokenizer.h) with the
// exact semantics of the published regular expression.
enum class Pretokenizer : std::uint8_t {
  gpt2,    // GPT-2's expression
  smollm,  // every numeric character alone, then GPT-2's expression
  llama3,
  qwen2,
  qwen35,
  o200k,
  tekken,
  none,       // the whole text is one word
  metaspace,  // a word begins at every "▁"
  bert,       // white space is dropped, a punctuation character is a word
};
inline constexpr int kPretokenizers = 10;

// A change of the text that lies between two added tokens. They are applied in order.
struct NormalizerStep {
  enum class Kind : std::uint8_t {
    nfc,
    nfd,
    nfkc,
    nfkd,
    lower_case,
    strip_accents,       // marks are dropped
    strip_start,         // `pattern` at the start, as often as it is there; none: white space
    strip_end,           // the same at the end
    replace,             // every `pattern` becomes `content`
    replace_runs,        // two or more of `pattern` in a row become one `content`
    prepend,             // `content` goes before a text that is not empty
    prefix,              // the same, unless the text begins with it
    first_prefix,        // the same, and only where the encoded text begins
    words,               // white space is dropped, `content` begins every word, unless it does so
    bert_clean,          // controls are dropped, white space becomes ' '
    bert_space_cjk,      // ' ' around every Chinese character
    bert_strip_accents,  // nonspacing marks are dropped
    charsmap,            // `content`, a precompiled map (charsmap.h): the longest match
    charsmap_graphemes,  // the same, the way Hugging Face tokenizers apply it
  };
  Kind kind;
  std::string pattern;
  std::string content;
};

// What a reader does not see of the blanks that a vocabulary writes before words.
enum class LeadingBlank : std::uint8_t {
  keep,
  strip_one,       // the first character of a text, when it is a blank
  strip_in_token,  // every blank of a text's first token
};

// How an added token (control or user_defined) is recognised, where that is not plainly.
struct AddedTokenRule {
  TokenId id = 0;
  bool lstrip = false;       // takes the white space before it along, an untrusted neighbour's too
  bool rstrip = false;       // and after it
  bool single_word = false;  // only where no word character touches it
  bool normalized = false;   // looked for after all that are not, in the text between them
};

// How WordPiece vocabularies write where in a word a token stands, and which words they split.
struct WordPieceRules {
  std::string word_prefix;                // of tokens that begin a word: "▁" in GGUF files
  std::string continuation_prefix;        // of all others: "##" in tokenizer.json
  std::size_t max_word_characters = 100;  // longer words are unknown
  bool clean_up = true;                   // decoding takes the blank before punctuation away
};

struct TokenizerSpec {
  TokenizerModel model = TokenizerModel::byte_level_bpe;
  Pretokenizer pretokenizer = Pretokenizer::gpt2;
  std::vector<NormalizerStep> normalizer;
  std::vector<std::string> tokens;  // id -> text, in the vocabulary's own spelling ("Ġthe", "▁the")
  std::vector<TokenKind> kinds;     // same length
  std::vector<std::string> merges;  // BPE: "Ġ t", in priority order
  // Same length as tokens, or empty. unigram: log-probabilities. sentencepiece_bpe without merges:
  // any two tokens merge into the token that their texts make, the highest score first.
  std::vector<double> scores;
  std::vector<AddedTokenRule> added;  // tokens that are not here have no rule
  bool ignore_merges = false;         // a whole word that is a token is emitted without merging
  bool byte_fallback = false;  // a character without a token is spelt with byte tokens if there are
  bool fuse_unknown = false;   // characters without a token, side by side, are one unknown token
  LeadingBlank leading_blank = LeadingBlank::keep;
  WordPieceRules wordpiece;
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
  // What the vocabulary cannot spell (SmolLM2 lacks 21 bytes, BERT most of the world's characters)
  // never vanishes silently: exact makes it an error that names it and its offset; otherwise it
  // becomes the unknown token when there is one, and its bytes are counted. A byte-level vocabulary
  // whose unknown token is a control token (SmolLM2's <|endoftext|>) drops the byte instead, as the
  // reference implementation does: any user could otherwise write that token. For the same reason
  // no vocabulary uses an unknown token that also begins or ends a text.
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
  // The same for the first token of a text, where some vocabularies leave a blank out.
  virtual std::string_view first_token_bytes(TokenId id, bool keep_control) const {
    return token_bytes(id, keep_control);
  }
  // All of them, as valid UTF-8: StreamingDecoder's text.
  std::string decode(std::span<const TokenId> ids, bool keep_control) const;
  // Whether consecutive tokens of this kind become text together only (StreamingDecoder).
  bool is_byte_of_run(TokenId id) const;

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
// character are held back. A run of byte tokens ("<0xE2>") is held back as a whole, because it is
// text only if all of it is valid UTF-8; otherwise every one of its bytes is U+FFFD, as in the
// reference implementation. Does not allocate once `reserve` was called with the answer's bound.
class StreamingDecoder {
 public:
  // starts_text: the tokens begin a text, so that spec().leading_blank applies; false when they go
  // on after other text.
  explicit StreamingDecoder(const Tokenizer& tokenizer, bool keep_control = false,
                            bool starts_text = true);
  void reserve(std::size_t n_bytes) { pending_.reserve(n_bytes); }
  // Appends to out what has become certain with this token: whole characters, U+FFFD for each
  // invalid sequence.
  void push(TokenId id, std::string& out);
  // The end: an unfinished character becomes U+FFFD.
  void finish(std::string& out);

 private:
  void append(std::string_view bytes, std::string& out);
  void end_run(std::string& out);

  const Tokenizer* tokenizer_;
  bool keep_control_;
  bool is_first_token_;
  bool strips_blank_;    // the next character is dropped if it is a blank
  bool in_run_ = false;  // pending_ is a run of byte tokens
  std::string pending_;  // otherwise < 4 bytes between calls
};

}  // namespace hearth::text
