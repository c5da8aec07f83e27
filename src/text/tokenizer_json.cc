#include "text/tokenizer_json.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "text/sentencepiece_parts.h"
#include "text/token_index.h"
#include "text/tokenizer_json_parts.h"

namespace hearth::text {

namespace tokenizer_json {

const Json& member(const Json& object, const char* name) {
  static const Json kNull;
  if (!object.is_object()) return kNull;
  const auto it = object.find(name);
  return it == object.end() ? kNull : *it;
}

std::string_view text_of(const Json& value) {
  const auto* text = value.get_ptr<const std::string*>();
  return text == nullptr ? std::string_view() : std::string_view(*text);
}

Result<bool> flag(const Json& object, const char* name, std::string_view where, bool fallback) {
  const Json& value = member(object, name);
  if (value.is_null()) return fallback;
  const auto* truth = value.get_ptr<const bool*>();
  if (truth == nullptr) {
    return corrupt(cat(where, ".", name, " is ", value.type_name(), ", expected true or false"));
  }
  return *truth;
}

Result<TokenId> token_id(const Json& value, std::string_view what, std::string_view text) {
  const auto* number = value.get_ptr<const Json::number_unsigned_t*>();
  if (number == nullptr || *number > INT32_MAX) {
    return corrupt(cat(what, " ", quote(text), " has an id that is ",
                       value.is_number() ? "out of range" : "no number",
                       "; expected 0 to 2147483647"));
  }
  return static_cast<TokenId>(*number);
}

// The nesting is bounded before anything is parsed.
static void collect_parts(const Json& value, const char* list_name,
                          std::vector<const Json*>& parts) {
  if (value.is_null()) return;
  const Json& list = member(value, list_name);
  if (type_of(value) != "Sequence" || !list.is_array()) {
    parts.push_back(&value);
    return;
  }
  for (const Json& part : list) collect_parts(part, list_name, parts);
}

std::vector<const Json*> parts_of(const Json& value, const char* list_name) {
  std::vector<const Json*> parts;
  collect_parts(value, list_name, parts);
  return parts;
}

namespace {

constexpr int kMaxDepth = 32;  // real files have 6

// A parser's memory grows with the nesting, so it is bounded before anything is parsed.
Result<void> check_depth(std::string_view json) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kMaxDepth) {
        return corrupt(cat("nested deeper than ", kMaxDepth, " levels at byte ", i));
      }
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return {};
}

// ---- vocabulary ---------------------------------------------------------------------------------

Result<void> put_token(TokenizerSpec& spec, TokenId id, std::string_view text, TokenKind kind) {
  const auto i = static_cast<std::size_t>(id);
  if (i >= spec.tokens.size()) {
    return corrupt(cat("token ", quote(text), " has the id ", id, ", but there are only ",
                       spec.tokens.size(), " ids for all entries"));
  }
  if (spec.kinds[i] != TokenKind::unused) {
    return corrupt(
        cat("tokens ", quote(spec.tokens[i]), " and ", quote(text), " both have the id ", id));
  }
  spec.tokens[i] = text;
  spec.kinds[i] = kind;
  return {};
}

// Ids may have holes (unused, without text), as many as half the entries and a few more.
Result<void> make_room(const Json& vocab, const Json& added, TokenizerSpec& spec) {
  std::uint64_t n_ids = vocab.is_array() ? vocab.size() : 0;
  const auto see = [&](const Json& id) {
    if (const auto* number = id.get_ptr<const Json::number_unsigned_t*>()) {
      n_ids = std::max<std::uint64_t>(n_ids, std::min<std::uint64_t>(*number, INT32_MAX) + 1);
    }
  };
  if (vocab.is_object()) {
    for (const auto& [text, id] : vocab.items()) see(id);
  }
  for (const Json& token : added) see(member(token, "id"));
  const std::uint64_t n_entries = vocab.size() + added.size();
  if (n_ids > n_entries + n_entries / 2 + 1024) {
    return corrupt(cat("the highest id is ", n_ids - 1, " with only ", n_entries, " entries"));
  }
  spec.tokens.resize(static_cast<std::size_t>(n_ids));
  spec.kinds.assign(spec.tokens.size(), TokenKind::unused);
  return {};
}

// {"text": id, …}
Result<void> read_texts(const Json& vocab, TokenizerSpec& spec) {
  for (const auto& [text, id] : vocab.items()) {
    HEARTH_TRY(const TokenId number, token_id(id, "token", text));
    HEARTH_TRY_VOID(put_token(spec, number, text, TokenKind::normal));
  }
  return {};
}

// [["text", score], …]
Result<void> read_scored_texts(const Json& vocab, TokenizerSpec& spec) {
  spec.scores.resize(spec.tokens.size());
  for (std::size_t i = 0; i < vocab.size(); ++i) {
    const Json& entry = vocab[i];
    if (!entry.is_array() || entry.size() != 2 || !entry[0].is_string() || !entry[1].is_number()) {
      return corrupt(cat("entry ", i, " of model.vocab is not a text and a score"));
    }
    spec.scores[i] = entry[1].get<double>();
    HEARTH_TRY_VOID(put_token(spec, static_cast<TokenId>(i), text_of(entry[0]), TokenKind::normal));
  }
  return {};
}

// Finds the tokens of the model by their texts.
class Texts {
 public:
  explicit Texts(const TokenizerSpec& spec) : spec_(spec), index_(spec.tokens.size()) {
    for (std::size_t i = 0; i < spec.tokens.size(); ++i) {
      if (spec.kinds[i] != TokenKind::unused) {
        index_.insert(spec.tokens[i], static_cast<TokenId>(i), text_of());
      }
    }
  }

  std::optional<TokenId> find(std::string_view text) const { return index_.find(text, text_of()); }

 private:
  struct TextOf {
    const TokenizerSpec& spec;
    std::string_view operator()(TokenId id) const {
      return spec.tokens[static_cast<std::size_t>(id)];
    }
  };
  TextOf text_of() const { return {spec_}; }

  const TokenizerSpec& spec_;
  TokenIndex index_;
};

Result<void> read_added_token(const Json& token, const Texts& texts, TokenizerSpec& spec) {
  const std::string_view text = text_of(member(token, "content"));
  if (text.empty()) return corrupt("an entry of added_tokens has no content");
  const std::string where = cat("added token ", quote(text));
  AddedTokenRule rule;
  HEARTH_TRY(rule.id, token_id(member(token, "id"), "added token", text));
  HEARTH_TRY(rule.lstrip, flag(token, "lstrip", where));
  HEARTH_TRY(rule.rstrip, flag(token, "rstrip", where));
  HEARTH_TRY(rule.single_word, flag(token, "single_word", where));
  HEARTH_TRY(rule.normalized, flag(token, "normalized", where));
  HEARTH_TRY(const bool special, flag(token, "special", where));
  const TokenKind kind = special ? TokenKind::control : TokenKind::user_defined;
  if (rule.lstrip || rule.rstrip || rule.single_word || rule.normalized) spec.added.push_back(rule);

  const std::optional<TokenId> in_vocab = texts.find(text);
  if (!in_vocab) return put_token(spec, rule.id, text, kind);
  if (*in_vocab != rule.id) {
    return corrupt(cat(where, " has the id ", rule.id, ", but another one in model.vocab"));
  }
  spec.kinds[static_cast<std::size_t>(rule.id)] = kind;
  return {};
}

Result<void> read_vocabulary(const Json& file, TokenizerSpec& spec) {
  const Json& vocab = member(member(file, "model"), "vocab");
  static const Json kNone = Json::array();
  const Json& listed = member(file, "added_tokens");
  const Json& added = listed.is_null() ? kNone : listed;
  const bool unigram = spec.model == TokenizerModel::unigram;
  if (unigram && !vocab.is_array()) return corrupt("model.vocab is not a list of texts and scores");
  if (!unigram && !vocab.is_object()) {
    return corrupt("model.vocab is not an object of texts and ids");
  }
  if (!added.is_array()) return corrupt("added_tokens is not a list");
  HEARTH_TRY_VOID(make_room(vocab, added, spec));
  HEARTH_TRY_VOID(unigram ? read_scored_texts(vocab, spec) : read_texts(vocab, spec));
  const Texts texts(spec);
  for (const Json& token : added) HEARTH_TRY_VOID(read_added_token(token, texts, spec));
  return {};
}

// ---- model --------------------------------------------------------------------------------------

Result<void> read_merge(const Json& merge, TokenizerSpec& spec) {
  if (merge.is_string()) {
    spec.merges.emplace_back(text_of(merge));
    return {};
  }
  if (!merge.is_array() || merge.size() != 2 || !merge[0].is_string() || !merge[1].is_string()) {
    return corrupt(cat("merge ", spec.merges.size(), " is neither \"a b\" nor [\"a\", \"b\"]"));
  }
  const std::string_view left = text_of(merge[0]);
  const std::string_view right = text_of(merge[1]);
  if (left.find(' ') != left.npos || right.find(' ') != right.npos) {
    return unsupported(cat("merge ", spec.merges.size(), " has a blank in ", quote(left), " or ",
                           quote(right), ", which vocabularies write as \"Ġ\" or \"▁\""));
  }
  spec.merges.push_back(cat(left, " ", right));
  return {};
}

// Which kind of vocabulary the file holds. BPE has two: byte-level is what ByteLevel cuts.
Result<TokenizerModel> read_kind(const Json& file) {
  const Json& model = member(file, "model");
  const std::string_view type = type_of(model);
  if (type == "Unigram") return TokenizerModel::unigram;
  if (type == "WordPiece") return TokenizerModel::wordpiece;
  if (type != "BPE" && !(type.empty() && member(model, "merges").is_array())) {
    return unsupported(
        cat("model type ", quote(type), "; supported are BPE, Unigram and WordPiece"));
  }
  for (const Json* part : parts_of(member(file, "pre_tokenizer"), "pretokenizers")) {
    if (type_of(*part) == "ByteLevel") return TokenizerModel::byte_level_bpe;
  }
  return TokenizerModel::sentencepiece_bpe;
}

// Options of BPE that change ids and are not supported: each has to be off.
Result<void> check_bpe(const Json& model, const TokenizerSpec& spec) {
  for (const char* name : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    const Json& value = member(model, name);
    if (!value.is_null() && !(value.is_string() && text_of(value).empty())) {
      return unsupported(cat("model.", name, " is set"));
    }
  }
  const Json& dropout = member(model, "dropout");
  if (!dropout.is_null() && dropout != 0) return unsupported("model.dropout is set");
  if (spec.model != TokenizerModel::byte_level_bpe) return {};
  if (spec.byte_fallback) return unsupported("model.byte_fallback is set with ByteLevel");
  if (spec.fuse_unknown && spec.unknown) {
    return unsupported("model.fuse_unk is set with an unk_token and ByteLevel");
  }
  return {};
}

Result<void> read_unknown_text(const Json& model, TokenizerSpec& spec) {
  const Json& unknown = member(model, "unk_token");
  if (unknown.is_null()) return {};
  const auto it = std::find(spec.tokens.begin(), spec.tokens.end(), text_of(unknown));
  if (!unknown.is_string() || text_of(unknown).empty() || it == spec.tokens.end()) {
    return corrupt("model.unk_token is not in the vocabulary");
  }
  spec.unknown = static_cast<TokenId>(it - spec.tokens.begin());
  return {};
}

Result<void> read_bpe(const Json& model, TokenizerSpec& spec) {
  HEARTH_TRY(spec.ignore_merges, flag(model, "ignore_merges", "model"));
  HEARTH_TRY(spec.byte_fallback, flag(model, "byte_fallback", "model"));
  HEARTH_TRY(spec.fuse_unknown, flag(model, "fuse_unk", "model"));
  HEARTH_TRY_VOID(read_unknown_text(model, spec));
  const Json& merges = member(model, "merges");
  if (!merges.is_array()) return corrupt("model.merges is not a list");
  spec.merges.reserve(merges.size());
  for (const Json& merge : merges) HEARTH_TRY_VOID(read_merge(merge, spec));
  return check_bpe(model, spec);
}

Result<void> read_unigram(const Json& model, TokenizerSpec& spec) {
  HEARTH_TRY(spec.byte_fallback, flag(model, "byte_fallback", "model"));
  spec.fuse_unknown = true;
  const Json& unknown = member(model, "unk_id");
  if (unknown.is_null()) return {};
  HEARTH_TRY(spec.unknown, token_id(unknown, "model", "unk_id"));
  if (static_cast<std::size_t>(*spec.unknown) < spec.tokens.size()) return {};
  return corrupt(cat("model.unk_id is ", *spec.unknown, ", outside the vocabulary"));
}

Result<void> read_wordpiece(const Json& model, TokenizerSpec& spec) {
  HEARTH_TRY_VOID(read_unknown_text(model, spec));
  if (!spec.unknown) return corrupt("model.unk_token is missing");
  spec.wordpiece.continuation_prefix = text_of(member(model, "continuing_subword_prefix"));
  const Json& most = member(model, "max_input_chars_per_word");
  const auto* number = most.get_ptr<const Json::number_unsigned_t*>();
  if (number == nullptr) return corrupt("model.max_input_chars_per_word is no number");
  spec.wordpiece.max_word_characters = static_cast<std::size_t>(*number);
  return {};
}

Result<void> read_model(const Json& model, TokenizerSpec& spec) {
  if (spec.model == TokenizerModel::unigram) return read_unigram(model, spec);
  if (spec.model == TokenizerModel::wordpiece) return read_wordpiece(model, spec);
  return read_bpe(model, spec);
}

// "<0x0A>" is the byte that it is a name for.
void mark_byte_tokens(TokenizerSpec& spec) {
  if (!spec.byte_fallback) return;
  for (std::size_t i = 0; i < spec.tokens.size(); ++i) {
    if (spec.kinds[i] == TokenKind::normal && byte_of_name(spec.tokens[i])) {
      spec.kinds[i] = TokenKind::byte;
    }
  }
}

// A name that is to be found in normalised text would need to know which of it is trusted.
Result<void> check_added_rules(const TokenizerSpec& spec) {
  if (spec.normalizer.empty()) return {};
  for (const AddedTokenRule& rule : spec.added) {
    if (!rule.normalized) continue;
    return unsupported(cat("added token ", quote(spec.tokens[static_cast<std::size_t>(rule.id)]),
                           " is to be found in normalised text (normalized: true); with a "
                           "normalizer only normalized: false is supported"));
  }
  return {};
}

}  // namespace

}  // namespace tokenizer_json

Result<TokenizerSpec> parse_tokenizer_json(std::string_view json) {
  using namespace tokenizer_json;
  HEARTH_TRY_VOID(check_depth(json));
  const Json file = Json::parse(json, nullptr, false);
  if (file.is_discarded()) return corrupt("not valid JSON");
  const Json& model = member(file, "model");
  if (!model.is_object()) return corrupt("no object `model`: not a tokenizer.json");
  TokenizerSpec spec;
  HEARTH_TRY(spec.model, read_kind(file));
  HEARTH_TRY_VOID(read_vocabulary(file, spec));
  HEARTH_TRY_VOID(read_model(model, spec));
  mark_byte_tokens(spec);
  HEARTH_TRY_VOID(read_normalizer(member(file, "normalizer"), spec));
  HEARTH_TRY_VOID(check_added_rules(spec));
  HEARTH_TRY_VOID(read_pretokenizer(member(file, "pre_tokenizer"), spec));
  HEARTH_TRY_VOID(read_post_processor(member(file, "post_processor"), spec));
  HEARTH_TRY_VOID(read_decoder(member(file, "decoder"), spec));
  return spec;
}

}  // namespace hearth::text
