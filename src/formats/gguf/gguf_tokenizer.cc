// gguf_tokenizer.cc - which tokenizer a GGUF file means.
//
//   tokenizer.ggml.model   "gpt2" = byte-level BPE, "llama" = SentencePiece's BPE by scores,
//                          "t5" = SentencePiece's unigram, "bert" = WordPiece
//                 .pre     gpt2: how text is split, by the name of a model that did it so first
//                 .tokens .token_type
//                 .merges  gpt2;  .scores  llama, t5;  .precompiled_charsmap  t5
//                 .add_space_prefix  llama, t5;  .remove_extra_whitespaces  t5
//                 .bos_token_id, eos_, eot_, eom_, unknown_, padding_, seperator_ (sic);
//                 .eos_token_ids
//                 .add_bos_token .add_eos_token
//
// A wrong splitter gives wrong ids that look right, so an unknown or absent `pre` is never guessed.
//
// llama: SentencePiece's own rules, which differ from tokenizer.json's: a blank is added before
// every text between control tokens, even if there is one already. bert: words begin with "▁" here
// and continuations with nothing; the file does not say whether the model knows capitals, but its
// vocabulary does: where no word has one, text is lower-cased and stripped of accents.
#include "formats/gguf/gguf_tokenizer.h"

#include <algorithm>
#include <limits>

#include "base/str.h"
#include "formats/end_of_generation.h"
#include "formats/gguf/gguf_metadata.h"
#include "formats/gguf/gguf_pre_names.h"
#include "text/sentencepiece_parts.h"

namespace hearth::formats {

namespace {

using text::kMetaspace;
using text::Pretokenizer;
using text::TokenId;
using text::TokenizerSpec;
using text::TokenKind;

const PreName* find_pre(std::string_view name) {
  for (const PreName& row : kPreNames) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

std::string known_pre_names() {
  std::vector<std::string_view> names;
  for (const PreName& row : kPreNames) names.push_back(row.name);
  return joined(names);
}

using Kind = text::NormalizerStep::Kind;

class Reader {
 public:
  explicit Reader(const Metadata& metadata) : metadata_(metadata) {}

  Result<TokenizerSpec> read_gpt2(const PreName& pre) {
    spec_.pretokenizer = pre.pretokenizer;
    spec_.ignore_merges = pre.ignore_merges;
    spec_.add_bos = pre.add_bos;
    if (pre.nfc) add_step(Kind::nfc);
    HEARTH_TRY_VOID(read_shared("gpt2"));
    HEARTH_TRY(const auto* merges,
               find_typed<std::vector<std::string>>(metadata_, "tokenizer.ggml.merges"));
    if (merges == nullptr) return missing("tokenizer.ggml.merges", "gpt2");
    spec_.merges = *merges;
    return std::move(spec_);
  }

  Result<TokenizerSpec> read_llama() {
    spec_.model = text::TokenizerModel::sentencepiece_bpe;
    spec_.pretokenizer = Pretokenizer::none;
    spec_.add_bos = true;
    spec_.byte_fallback = spec_.fuse_unknown = true;
    HEARTH_TRY_VOID(read_shared("llama"));
    HEARTH_TRY_VOID(read_scores("llama"));
    HEARTH_TRY_VOID(read_blanks(false));
    return std::move(spec_);
  }

  Result<TokenizerSpec> read_t5() {
    spec_.model = text::TokenizerModel::unigram;
    spec_.pretokenizer = Pretokenizer::none;
    spec_.add_eos = true;
    spec_.byte_fallback = spec_.fuse_unknown = true;
    HEARTH_TRY_VOID(read_shared("t5"));
    HEARTH_TRY_VOID(read_scores("t5"));
    HEARTH_TRY_VOID(read_charsmap());
    HEARTH_TRY_VOID(read_blanks(true));
    return std::move(spec_);
  }

  Result<TokenizerSpec> read_bert() {
    spec_.model = text::TokenizerModel::wordpiece;
    spec_.pretokenizer = Pretokenizer::bert;
    spec_.wordpiece.word_prefix = kMetaspace;
    spec_.add_bos = spec_.add_eos = true;
    HEARTH_TRY_VOID(read_shared("bert"));
    HEARTH_TRY(const auto separator, read_id("tokenizer.ggml.seperator_token_id"));
    if (separator) spec_.eos = separator;
    add_step(Kind::bert_clean);
    add_step(Kind::bert_space_cjk);
    if (!knows_capitals()) {
      add_step(Kind::nfd);
      add_step(Kind::bert_strip_accents);
      add_step(Kind::lower_case);
    }
    return std::move(spec_);
  }

 private:
  void add_step(Kind kind, std::string_view pattern = {}, std::string_view content = {}) {
    spec_.normalizer.push_back({kind, std::string(pattern), std::string(content)});
  }

  Result<void> read_shared(std::string_view model) {
    HEARTH_TRY_VOID(read_tokens(model));
    HEARTH_TRY_VOID(read_kinds());
    HEARTH_TRY_VOID(read_ids());
    HEARTH_TRY_VOID(read_flag("tokenizer.ggml.add_bos_token", spec_.add_bos));
    HEARTH_TRY_VOID(read_flag("tokenizer.ggml.add_eos_token", spec_.add_eos));
    return read_ends();
  }

  Result<void> read_tokens(std::string_view model) {
    HEARTH_TRY(const auto* tokens,
               find_typed<std::vector<std::string>>(metadata_, "tokenizer.ggml.tokens"));
    if (tokens == nullptr) return missing("tokenizer.ggml.tokens", model);
    if (tokens->size() > static_cast<std::size_t>(std::numeric_limits<TokenId>::max())) {
      return Error{ErrorKind::corrupt, cat("tokenizer.ggml.tokens has ", tokens->size(),
                                           " entries, expected at most 2147483647")};
    }
    spec_.tokens = *tokens;
    return {};
  }

  Result<void> read_scores(std::string_view model) {
    HEARTH_TRY(const auto* scores,
               find_typed<std::vector<double>>(metadata_, "tokenizer.ggml.scores"));
    if (scores == nullptr) return missing("tokenizer.ggml.scores", model);
    if (scores->size() != spec_.tokens.size()) {
      return Error{ErrorKind::corrupt,
                   cat("tokenizer.ggml.scores has ", scores->size(),
                       " entries, expected one for each of the ", spec_.tokens.size(), " tokens")};
    }
    spec_.scores = *scores;
    return {};
  }

  // A map of no entries is written as an absent key.
  Result<void> read_charsmap() {
    static constexpr std::string_view kKey = "tokenizer.ggml.precompiled_charsmap";
    HEARTH_TRY(const auto* bytes, find_typed<std::vector<std::int64_t>>(metadata_, kKey));
    if (bytes == nullptr || bytes->empty()) return {};
    std::string map;
    map.reserve(bytes->size());
    for (const std::int64_t byte : *bytes) {
      if (byte < -128 || byte > 255) {
        return Error{ErrorKind::corrupt, cat(kKey, " holds ", byte, ", expected bytes")};
      }
      map.push_back(static_cast<char>(byte));
    }
    add_step(Kind::charsmap, {}, map);
    return {};
  }

  // How SentencePiece writes blanks. merges_blanks: of t5, unless the file says otherwise.
  Result<void> read_blanks(bool merges_blanks) {
    bool prefix = true;
    HEARTH_TRY_VOID(read_flag("tokenizer.ggml.add_space_prefix", prefix));
    if (merges_blanks) {
      HEARTH_TRY_VOID(read_flag("tokenizer.ggml.remove_extra_whitespaces", merges_blanks));
    }
    if (merges_blanks) {
      add_step(Kind::strip_start, " ");
      add_step(Kind::strip_end, " ");
      add_step(Kind::replace_runs, " ", " ");
    }
    if (prefix) {
      add_step(Kind::prepend, {}, " ");
      spec_.leading_blank = text::LeadingBlank::strip_one;
    }
    add_step(Kind::replace, " ", kMetaspace);
    return {};
  }

  bool knows_capitals() const {
    for (std::size_t i = 0; i < spec_.tokens.size(); ++i) {
      const std::string& token = spec_.tokens[i];
      const bool has =
          std::any_of(token.begin(), token.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
      if (has && spec_.kinds[i] == TokenKind::normal) return true;
    }
    return false;
  }

  static Error missing(std::string_view key, std::string_view model) {
    return {ErrorKind::corrupt, cat("metadata key ", quote(key),
                                    " is missing, expected with tokenizer model ", quote(model))};
  }

  Result<void> read_kinds() {
    spec_.kinds.assign(spec_.tokens.size(), TokenKind::normal);
    HEARTH_TRY(const auto* types,
               find_typed<std::vector<std::int64_t>>(metadata_, "tokenizer.ggml.token_type"));
    if (types == nullptr) return {};
    if (types->size() != spec_.tokens.size()) {
      return Error{ErrorKind::corrupt,
                   cat("tokenizer.ggml.token_type has ", types->size(),
                       " entries, expected one for each of the ", spec_.tokens.size(), " tokens")};
    }
    static constexpr TokenKind kKinds[] = {TokenKind::normal,  TokenKind::unknown,
                                           TokenKind::control, TokenKind::user_defined,
                                           TokenKind::unused,  TokenKind::byte};
    for (std::size_t i = 0; i < types->size(); ++i) {
      const std::int64_t type = (*types)[i];
      if (type < 1 || type > 6) {
        return Error{ErrorKind::corrupt,
                     cat("tokenizer.ggml.token_type[", i, "] is ", type, ", expected 1 to 6")};
      }
      spec_.kinds[i] = kKinds[type - 1];
    }
    return {};
  }

  Result<TokenId> checked_id(std::string_view key, std::int64_t id) const {
    if (id >= 0 && id < static_cast<std::int64_t>(spec_.tokens.size())) {
      return static_cast<TokenId>(id);
    }
    return Error{ErrorKind::corrupt,
                 cat(key, " is ", id, ", expected an id of the vocabulary (0 to ",
                     static_cast<std::int64_t>(spec_.tokens.size()) - 1, ")")};
  }

  Result<std::optional<TokenId>> read_id(std::string_view key) const {
    HEARTH_TRY(const auto* id, find_typed<std::int64_t>(metadata_, key));
    if (id == nullptr) return std::optional<TokenId>();
    HEARTH_TRY(const TokenId checked, checked_id(key, *id));
    return std::optional<TokenId>(checked);
  }

  Result<void> read_ids() {
    HEARTH_TRY(spec_.bos, read_id("tokenizer.ggml.bos_token_id"));
    HEARTH_TRY(spec_.eos, read_id("tokenizer.ggml.eos_token_id"));
    HEARTH_TRY(spec_.unknown, read_id("tokenizer.ggml.unknown_token_id"));
    HEARTH_TRY(spec_.pad, read_id("tokenizer.ggml.padding_token_id"));
    return {};
  }

  Result<void> read_flag(std::string_view key, bool& flag) const {
    HEARTH_TRY(const auto* value, find_typed<bool>(metadata_, key));
    if (value != nullptr) flag = *value;
    return {};
  }

  Result<void> read_ends() {
    std::vector<TokenId> ends;
    if (spec_.eos) ends.push_back(*spec_.eos);
    for (const std::string_view key :
         {"tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"}) {
      HEARTH_TRY(const auto id, read_id(key));
      if (id) ends.push_back(*id);
    }
    static constexpr std::string_view kIds = "tokenizer.ggml.eos_token_ids";
    HEARTH_TRY(const auto* ids, find_typed<std::vector<std::int64_t>>(metadata_, kIds));
    if (ids != nullptr) {
      for (const std::int64_t raw : *ids) {
        HEARTH_TRY(const TokenId id, checked_id(kIds, raw));
        ends.push_back(id);
      }
    }
    set_end_of_generation(spec_, std::move(ends));
    return {};
  }

  const Metadata& metadata_;
  TokenizerSpec spec_;
};

}  // namespace

Result<void> read_tokenizer(Checkpoint& checkpoint) {
  const Metadata& metadata = checkpoint.metadata;
  HEARTH_TRY(const auto* model, find_typed<std::string>(metadata, "tokenizer.ggml.model"));
  HEARTH_TRY(const auto* pre, find_typed<std::string>(metadata, "tokenizer.ggml.pre"));
  if (model == nullptr || *model == "none" || *model == "no_vocab") return {};
  Reader reader(metadata);
  if (*model == "llama") {
    HEARTH_TRY(checkpoint.tokenizer, reader.read_llama());
    return {};
  }
  if (*model == "t5") {
    HEARTH_TRY(checkpoint.tokenizer, reader.read_t5());
    return {};
  }
  if (*model == "bert") {
    HEARTH_TRY(checkpoint.tokenizer, reader.read_bert());
    return {};
  }
  if (*model != "gpt2") {
    checkpoint.tokenizer_problem =
        cat("tokenizer.ggml.model is ", quote(*model),
            ", which Hearth does not know; it knows \"gpt2\" (byte-level BPE), \"llama\" "
            "(SentencePiece), \"t5\" (unigram) and \"bert\" (WordPiece)");
    return {};
  }
  const PreName* row = pre == nullptr ? nullptr : find_pre(*pre);
  if (row == nullptr) {
    checkpoint.tokenizer_problem =
        cat("tokenizer.ggml.pre ", pre == nullptr ? "is missing" : cat("is ", quote(*pre)),
            ", so how this vocabulary splits text is not known; Hearth knows ", known_pre_names());
    return {};
  }
  HEARTH_TRY(checkpoint.tokenizer, reader.read_gpt2(*row));
  return {};
}

}  // namespace hearth::formats
