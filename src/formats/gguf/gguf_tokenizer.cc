// gguf_tokenizer.cc - which tokenizer a GGUF file means.
//
//   tokenizer.ggml.model   "gpt2" = byte-level BPE; "llama" (SentencePiece), "bert", "t5": not ours
//                 .pre     how text is split, by the name of a model that did it so first
//                 .tokens .token_type .merges
//                 .bos_token_id, eos_, eot_, eom_, unknown_, padding_; .eos_token_ids
//                 .add_bos_token .add_eos_token
//
// A wrong splitter gives wrong ids that look right, so an unknown or absent `pre` is never guessed.
#include "formats/gguf/gguf_tokenizer.h"

#include <algorithm>
#include <limits>

#include "base/str.h"
#include "formats/end_of_generation.h"
#include "formats/gguf/gguf_metadata.h"

namespace hearth::formats {

namespace {

using text::Pretokenizer;
using text::TokenId;
using text::TokenizerSpec;
using text::TokenKind;

struct PreName {
  std::string_view name;
  Pretokenizer pretokenizer;
  bool ignore_merges = false;
  bool add_bos = false;  // when the file has no add_bos_token
  bool nfc = false;
};
constexpr PreName kPreNames[] = {
    {"gpt-2", Pretokenizer::gpt2},
    {"phi-2", Pretokenizer::gpt2},
    {"roberta-bpe", Pretokenizer::gpt2},
    {"smollm", Pretokenizer::smollm},
    {"llama-bpe", Pretokenizer::llama3, true, true},
    {"llama3", Pretokenizer::llama3, true, true},
    {"llama-v3", Pretokenizer::llama3, true, true},
    {"qwen2", Pretokenizer::qwen2, false, false, true},
    {"deepseek-r1-qwen", Pretokenizer::qwen2},
    {"gpt-4o", Pretokenizer::o200k},
    {"llama4", Pretokenizer::o200k},
};

const PreName* find_pre(std::string_view name) {
  for (const PreName& row : kPreNames) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

std::string known_pre_names() {
  std::string out;
  for (const PreName& row : kPreNames) out += cat(out.empty() ? "" : ", ", row.name);
  return out;
}

class Reader {
 public:
  explicit Reader(const Metadata& metadata) : metadata_(metadata) {}

  Result<TokenizerSpec> read(const PreName& pre) {
    spec_.pretokenizer = pre.pretokenizer;
    spec_.ignore_merges = pre.ignore_merges;
    spec_.add_bos = pre.add_bos;
    spec_.nfc = pre.nfc;
    HEARTH_TRY_VOID(read_tokens());
    HEARTH_TRY_VOID(read_kinds());
    HEARTH_TRY_VOID(read_ids());
    HEARTH_TRY_VOID(read_flag("tokenizer.ggml.add_bos_token", spec_.add_bos));
    HEARTH_TRY_VOID(read_flag("tokenizer.ggml.add_eos_token", spec_.add_eos));
    HEARTH_TRY_VOID(read_ends());
    return std::move(spec_);
  }

 private:
  Result<void> read_tokens() {
    HEARTH_TRY(const auto* tokens,
               find_typed<std::vector<std::string>>(metadata_, "tokenizer.ggml.tokens"));
    HEARTH_TRY(const auto* merges,
               find_typed<std::vector<std::string>>(metadata_, "tokenizer.ggml.merges"));
    if (tokens == nullptr) return missing("tokenizer.ggml.tokens");
    if (merges == nullptr) return missing("tokenizer.ggml.merges");
    if (tokens->size() > static_cast<std::size_t>(std::numeric_limits<TokenId>::max())) {
      return Error{ErrorKind::corrupt, cat("tokenizer.ggml.tokens has ", tokens->size(),
                                           " entries, expected at most 2147483647")};
    }
    spec_.tokens = *tokens;
    spec_.merges = *merges;
    return {};
  }

  static Error missing(std::string_view key) {
    return {ErrorKind::corrupt, cat("metadata key ", quote(key),
                                    " is missing, expected with tokenizer model \"gpt2\"")};
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

// The first name whose habits are the vocabulary's. Merges that o200k vocabularies are told to
// ignore give the same tokens as those that are not (each is reachable by its own merges).
const PreName* pre_name_of(const TokenizerSpec& spec) {
  for (const PreName& row : kPreNames) {
    const bool merges =
        row.ignore_merges == spec.ignore_merges || spec.pretokenizer == Pretokenizer::o200k;
    if (row.pretokenizer == spec.pretokenizer && row.nfc == spec.nfc && merges) return &row;
  }
  return nullptr;
}

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

}  // namespace

Result<void> write_tokenizer(const TokenizerSpec& spec,
                             std::map<std::string, MetaValue, std::less<>>& metadata) {
  const PreName* pre = pre_name_of(spec);
  if (pre == nullptr) {
    return Error{ErrorKind::unsupported,
                 "GGUF has no name for how this vocabulary splits and normalises text"};
  }
  const auto set = [&metadata](std::string_view key, MetaValue value) {
    metadata[cat("tokenizer.ggml.", key)] = std::move(value);
  };
  set("model", std::string("gpt2"));
  set("pre", std::string(pre->name));
  set("tokens", spec.tokens);
  set("merges", spec.merges);
  std::vector<std::int64_t> types;
  for (const TokenKind kind : spec.kinds) types.push_back(type_of(kind));
  set("token_type", std::move(types));
  const std::pair<const char*, std::optional<TokenId>> named[] = {
      {"bos_token_id", spec.bos},
      {"eos_token_id", spec.eos},
      {"unknown_token_id", spec.unknown},
      {"padding_token_id", spec.pad},
  };
  for (const auto& [key, id] : named) {
    if (id) set(key, std::int64_t{*id});
  }
  set("eos_token_ids",
      std::vector<std::int64_t>(spec.end_of_generation.begin(), spec.end_of_generation.end()));
  set("add_bos_token", spec.add_bos);
  set("add_eos_token", spec.add_eos);
  return {};
}

Result<void> read_tokenizer(Checkpoint& checkpoint) {
  const Metadata& metadata = checkpoint.metadata;
  HEARTH_TRY(const auto* model, find_typed<std::string>(metadata, "tokenizer.ggml.model"));
  HEARTH_TRY(const auto* pre, find_typed<std::string>(metadata, "tokenizer.ggml.pre"));
  if (model == nullptr || *model == "none" || *model == "no_vocab") return {};
  if (*model != "gpt2") {
    checkpoint.tokenizer_problem =
        cat("tokenizer.ggml.model is ", quote(*model),
            ", which Hearth does not know; it knows \"gpt2\" (byte-level BPE)");
    return {};
  }
  const PreName* row = pre == nullptr ? nullptr : find_pre(*pre);
  if (row == nullptr) {
    checkpoint.tokenizer_problem =
        cat("tokenizer.ggml.pre ", pre == nullptr ? "is missing" : cat("is ", quote(*pre)),
            ", so how this vocabulary splits text is not known; Hearth knows ", known_pre_names());
    return {};
  }
  HEARTH_TRY(checkpoint.tokenizer, Reader(metadata).read(*row));
  return {};
}

}  // namespace hearth::formats
