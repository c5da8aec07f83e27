// gguf_tokenizer_writer.cc - a TokenizerSpec as the keys tokenizer.ggml.*; gguf_tokenizer.cc says
// what they mean.
#include <algorithm>
#include <limits>
#include <unordered_map>
#include <utility>

#include "base/str.h"
#include "formats/gguf/gguf_pre_names.h"
#include "formats/gguf/gguf_tokenizer.h"
#include "text/sentencepiece_parts.h"

namespace hearth::formats {

namespace {

using text::NormalizerStep;
using text::TokenId;
using text::TokenizerModel;
using text::TokenizerSpec;
using text::TokenKind;
using Metadata = std::map<std::string, MetaValue, std::less<>>;

std::int64_t type_of(TokenKind kind) {
  switch (kind) {
    case TokenKind::normal:
      return 1;
    case TokenKind::unknown:
      return 2;
    case TokenKind::control:
      return 3;
    case TokenKind::user_defined:
      return 4;
    case TokenKind::unused:
      return 5;
    case TokenKind::byte:
      return 6;
  }
  return 1;
}

bool has_step(const TokenizerSpec& spec, NormalizerStep::Kind kind) {
  return std::any_of(spec.normalizer.begin(), spec.normalizer.end(),
                     [kind](const NormalizerStep& step) { return step.kind == kind; });
}

class Writer {
 public:
  Writer(const TokenizerSpec& spec, Metadata& metadata, std::vector<std::string>& notes)
      : spec_(spec), metadata_(metadata), notes_(notes) {}

  Result<void> write() {
    switch (spec_.model) {
      case TokenizerModel::byte_level_bpe:
        HEARTH_TRY_VOID(write_gpt2());
        break;
      case TokenizerModel::sentencepiece_bpe:
        HEARTH_TRY_VOID(write_llama());
        break;
      case TokenizerModel::wordpiece:
        write_bert();
        break;
      case TokenizerModel::unigram:
        return unsupported("unigram vocabularies");
    }
    write_shared();
    return {};
  }

 private:
  static Error unsupported(std::string_view what) {
    return {ErrorKind::unsupported, cat("tokenizer: GGUF has no form for ", what)};
  }

  void set(std::string_view key, MetaValue value) {
    metadata_[cat("tokenizer.ggml.", key)] = std::move(value);
  }

  // The first name whose habits are the vocabulary's. Merges that o200k vocabularies are told to
  // ignore give the same tokens as those that are not (each is reachable by its own merges).
  Result<void> write_gpt2() {
    const bool nfc = has_step(spec_, NormalizerStep::Kind::nfc);
    const PreName* found = nullptr;
    for (const PreName& row : kPreNames) {
      const bool merges = row.ignore_merges == spec_.ignore_merges ||
                          spec_.pretokenizer == text::Pretokenizer::o200k;
      if (row.pretokenizer == spec_.pretokenizer && row.nfc == nfc && merges && found == nullptr) {
        found = &row;
      }
    }
    if (found == nullptr || spec_.normalizer.size() != std::size_t{nfc}) {
      return unsupported("how this vocabulary splits and normalises text");
    }
    set("model", std::string("gpt2"));
    set("pre", std::string(found->name));
    set("tokens", spec_.tokens);
    set("merges", spec_.merges);
    return {};
  }

  // SentencePiece merges any two tokens into one that is there, the highest score first: a merge's
  // score is its place in the list, what no merge makes comes last.
  std::vector<double> scores_of_merges() const {
    std::unordered_map<std::string, double> ranks;
    for (const std::string& merge : spec_.merges) {
      std::string made = merge;
      made.erase(made.find(' '), 1);
      ranks.emplace(std::move(made), -static_cast<double>(ranks.size()));
    }
    std::vector<double> scores;
    for (const std::string& token : spec_.tokens) {
      const auto rank = ranks.find(token);
      scores.push_back(rank == ranks.end() ? -1e6 : rank->second);
    }
    return scores;
  }

  Result<void> write_llama() {
    bool prefix = false;
    for (const NormalizerStep& step : spec_.normalizer) {
      using Kind = NormalizerStep::Kind;
      const bool adds_blank = step.kind == Kind::prepend || step.kind == Kind::prefix ||
                              step.kind == Kind::first_prefix;
      const bool blank = step.kind == Kind::replace && step.pattern == " ";
      if (!adds_blank && !blank) return unsupported("how this vocabulary normalises text");
      prefix = prefix || adds_blank;
      if (step.kind == Kind::prefix || step.kind == Kind::first_prefix) {
        notes_.emplace_back(
            "GGUF readers put a blank before every text between control tokens, also where this "
            "tokenizer adds none");
      }
    }
    set("model", std::string("llama"));
    set("pre", std::string("default"));
    set("tokens", spec_.tokens);
    set("scores", spec_.scores.empty() ? scores_of_merges() : spec_.scores);
    set("add_space_prefix", prefix);
    return {};
  }

  // "##x" is written "x", a word "▁word".
  void write_bert() {
    std::vector<std::string> tokens;
    for (std::size_t i = 0; i < spec_.tokens.size(); ++i) {
      const std::string& token = spec_.tokens[i];
      const std::string& next = spec_.wordpiece.continuation_prefix;
      const std::string& word = spec_.wordpiece.word_prefix;
      if (spec_.kinds[i] != TokenKind::normal) {
        tokens.push_back(token);
      } else if (!next.empty() && token.starts_with(next)) {
        tokens.push_back(token.substr(next.size()));
      } else if (!word.empty() && token.starts_with(word)) {
        tokens.push_back(cat(text::kMetaspace, token.substr(word.size())));
      } else {
        tokens.push_back(word.empty() ? cat(text::kMetaspace, token) : token);
      }
    }
    set("model", std::string("bert"));
    set("pre", std::string("default"));
    set("tokens", std::move(tokens));
    if (spec_.eos) set("seperator_token_id", std::int64_t{*spec_.eos});
  }

  void write_shared() {
    std::vector<std::int64_t> types;
    for (const TokenKind kind : spec_.kinds) types.push_back(type_of(kind));
    set("token_type", std::move(types));
    const std::pair<const char*, std::optional<TokenId>> named[] = {
        {"bos_token_id", spec_.bos},
        {"eos_token_id", spec_.eos},
        {"unknown_token_id", spec_.unknown},
        {"padding_token_id", spec_.pad},
    };
    for (const auto& [key, id] : named) {
      if (id) set(key, std::int64_t{*id});
    }
    set("eos_token_ids",
        std::vector<std::int64_t>(spec_.end_of_generation.begin(), spec_.end_of_generation.end()));
    set("add_bos_token", spec_.add_bos);
    set("add_eos_token", spec_.add_eos);
    for (const text::AddedTokenRule& rule : spec_.added) {
      if (!rule.lstrip && !rule.rstrip && !rule.single_word) continue;
      notes_.push_back(cat("GGUF cannot say that ",
                           quote(spec_.tokens[static_cast<std::size_t>(rule.id)]),
                           " takes the white space beside it along"));
    }
  }

  const TokenizerSpec& spec_;
  Metadata& metadata_;
  std::vector<std::string>& notes_;
};

}  // namespace

Result<void> write_tokenizer(const TokenizerSpec& spec, Metadata& metadata,
                             std::vector<std::string>& notes) {
  return Writer(spec, metadata, notes).write();
}

}  // namespace hearth::formats
