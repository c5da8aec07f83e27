#include "text/tokenizer_json.h"

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/str.h"

namespace hearth::text {

namespace {

using Json = nlohmann::json;

constexpr int kMaxDepth = 32;  // real files have 6

Error corrupt(std::string_view what) { return {ErrorKind::corrupt, cat("tokenizer.json: ", what)}; }

Error unsupported(std::string_view what) {
  return {ErrorKind::unsupported, cat("tokenizer.json: ", what)};
}

// A member, or null where there is none (also when object is not one).
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

std::string_view type_of(const Json& part) { return text_of(member(part, "type")); }

// An optional flag; absent and null are false.
Result<bool> flag(const Json& object, const char* name, std::string_view where) {
  const Json& value = member(object, name);
  if (value.is_null()) return false;
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

// The parts of a "Sequence", or the part itself; none for null.
std::vector<const Json*> parts_of(const Json& value, const char* list_name) {
  std::vector<const Json*> parts;
  if (value.is_null()) return parts;
  const Json& list = member(value, list_name);
  if (type_of(value) == "Sequence" && list.is_array()) {
    for (const Json& part : list) parts.push_back(&part);
  } else {
    parts.push_back(&value);
  }
  return parts;
}

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
  std::uint64_t n_ids = 0;
  const auto see = [&](const Json& id) {
    if (const auto* number = id.get_ptr<const Json::number_unsigned_t*>()) {
      n_ids = std::max<std::uint64_t>(n_ids, std::min<std::uint64_t>(*number, INT32_MAX) + 1);
    }
  };
  for (const auto& [text, id] : vocab.items()) see(id);
  for (const Json& token : added) see(member(token, "id"));
  const std::uint64_t n_entries = vocab.size() + added.size();
  if (n_ids > n_entries + n_entries / 2 + 1024) {
    return corrupt(cat("the highest id is ", n_ids - 1, " with only ", n_entries, " entries"));
  }
  spec.tokens.resize(static_cast<std::size_t>(n_ids));
  spec.kinds.assign(spec.tokens.size(), TokenKind::unused);
  return {};
}

Result<void> read_added_token(const Json& token, const Json& vocab, TokenizerSpec& spec) {
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

  const auto in_vocab = vocab.find(text);
  if (in_vocab == vocab.end()) return put_token(spec, rule.id, text, kind);
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
  if (!vocab.is_object()) return corrupt("model.vocab is not an object of texts and ids");
  if (!added.is_array()) return corrupt("added_tokens is not a list");
  HEARTH_TRY_VOID(make_room(vocab, added, spec));
  for (const auto& [text, id] : vocab.items()) {
    HEARTH_TRY(const TokenId number, token_id(id, "token", text));
    HEARTH_TRY_VOID(put_token(spec, number, text, TokenKind::normal));
  }
  for (const Json& token : added) HEARTH_TRY_VOID(read_added_token(token, vocab, spec));
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
                           quote(right), ", which byte-level vocabularies write as \"Ġ\""));
  }
  spec.merges.push_back(cat(left, " ", right));
  return {};
}

// Options of the model that change ids: each has to be off.
Result<void> check_model(const Json& model) {
  const std::string_view type = type_of(model);
  if (!type.empty() && type != "BPE") {
    return unsupported(cat("model type ", quote(type), "; only byte-level BPE is supported"));
  }
  for (const char* name : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    const Json& value = member(model, name);
    if (!value.is_null() && !(value.is_string() && text_of(value).empty())) {
      return unsupported(cat("model.", name, " is set"));
    }
  }
  const Json& dropout = member(model, "dropout");
  if (!dropout.is_null() && dropout != 0) return unsupported("model.dropout is set");
  HEARTH_TRY(const bool byte_fallback, flag(model, "byte_fallback", "model"));
  if (byte_fallback) return unsupported("model.byte_fallback is set");
  HEARTH_TRY(const bool fuse_unknown, flag(model, "fuse_unk", "model"));
  if (fuse_unknown && !member(model, "unk_token").is_null()) {
    return unsupported("model.fuse_unk is set with an unk_token");
  }
  return {};
}

Result<void> read_model(const Json& model, TokenizerSpec& spec) {
  HEARTH_TRY(spec.ignore_merges, flag(model, "ignore_merges", "model"));
  const Json& merges = member(model, "merges");
  if (!merges.is_array()) return corrupt("model.merges is not a list");
  spec.merges.reserve(merges.size());
  for (const Json& merge : merges) HEARTH_TRY_VOID(read_merge(merge, spec));

  const Json& unknown = member(model, "unk_token");
  if (unknown.is_null()) return {};
  const auto it = std::find(spec.tokens.begin(), spec.tokens.end(), text_of(unknown));
  if (!unknown.is_string() || it == spec.tokens.end()) {
    return corrupt("model.unk_token is not in the vocabulary");
  }
  spec.unknown = static_cast<TokenId>(it - spec.tokens.begin());
  return {};
}

// ---- what stands around the model ---------------------------------------------------------------

Result<void> read_normalizer(const Json& normalizer, TokenizerSpec& spec) {
  for (const Json* part : parts_of(normalizer, "normalizers")) {
    if (type_of(*part) != "NFC") {
      return unsupported(cat("normalizer ", quote(type_of(*part)), "; only NFC is supported"));
    }
    spec.nfc = true;
  }
  return {};
}

// The published expressions, as files write them.
struct KnownExpression {
  Pretokenizer kind;
  std::string_view text;
};

#define HEARTH_CASED(first, second)                                  \
  "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]" first \
  "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]" second "(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
constexpr KnownExpression kExpressions[] = {
    {Pretokenizer::gpt2,
     R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)"},
    {Pretokenizer::gpt2,
     R"('(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)"},
    {Pretokenizer::llama3,
     R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|)"
     R"(\s*[\r\n]+|\s+(?!\S)|\s+)"},
    {Pretokenizer::qwen2,
     R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|)"
     R"(\s*[\r\n]+|\s+(?!\S)|\s+)"},
    {Pretokenizer::o200k,
     HEARTH_CASED("*", "+") HEARTH_CASED(
         "+", "*") R"(\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)"},
};
#undef HEARTH_CASED

Result<Pretokenizer> read_split(const Json& split) {
  const std::string_view expression = text_of(member(member(split, "pattern"), "Regex"));
  for (const KnownExpression& known : kExpressions) {
    if (known.text != expression) continue;
    HEARTH_TRY(const bool invert, flag(split, "invert", "pre_tokenizer"));
    const std::string_view behavior = text_of(member(split, "behavior"));
    // Every character is in some match, so removing what matches no word and keeping it are the
    // same.
    const bool inverted = invert && behavior == "Removed";
    if (inverted || (!invert && behavior == "Isolated")) return known.kind;
    return unsupported(
        cat("pre_tokenizer Split with behavior ", quote(behavior), ", invert ", invert));
  }
  return unsupported(cat("pre_tokenizer Split by the expression ", quote(expression, 300),
                         ", which is none of gpt2, llama3, qwen2, o200k"));
}

Result<void> check_digits(const Json& digits) {
  HEARTH_TRY(const bool individual, flag(digits, "individual_digits", "pre_tokenizer"));
  if (individual) return {};
  return unsupported("pre_tokenizer Digits without individual_digits");
}

// What the last part, ByteLevel, cuts by: its own expression (GPT-2's, the default) or nothing.
Result<bool> byte_level_cuts(const Json& part) {
  if (type_of(part) != "ByteLevel") {
    return unsupported(cat("pre_tokenizer ", quote(type_of(part)),
                           "; supported are Split + ByteLevel, Digits + ByteLevel and ByteLevel"));
  }
  HEARTH_TRY(const bool add_prefix_space, flag(part, "add_prefix_space", "pre_tokenizer"));
  if (add_prefix_space) return unsupported("pre_tokenizer ByteLevel with add_prefix_space");
  if (member(part, "use_regex").is_null()) return true;
  return flag(part, "use_regex", "pre_tokenizer");
}

Result<void> read_pretokenizer(const Json& pretokenizer, TokenizerSpec& spec) {
  const std::vector<const Json*> parts = parts_of(pretokenizer, "pretokenizers");
  if (parts.empty()) return unsupported("no pre_tokenizer; byte-level BPE needs ByteLevel");
  HEARTH_TRY(const bool cuts, byte_level_cuts(*parts.back()));
  if (parts.size() == 1 && cuts) {
    spec.pretokenizer = Pretokenizer::gpt2;
    return {};
  }
  if (parts.size() == 2 && type_of(*parts[0]) == "Digits" && cuts) {
    spec.pretokenizer = Pretokenizer::smollm;
    return check_digits(*parts[0]);
  }
  if (parts.size() == 2 && type_of(*parts[0]) == "Split" && !cuts) {
    HEARTH_TRY(spec.pretokenizer, read_split(*parts[0]));
    return {};
  }
  return unsupported(cat("a pre_tokenizer of ", parts.size(), " parts, the first ",
                         quote(type_of(*parts[0])), ", the last ByteLevel with use_regex ", cuts,
                         "; supported are Split + ByteLevel without and Digits + ByteLevel with"));
}

// The id of a special token that a template names.
Result<TokenId> template_token(const Json& processor, std::string_view name) {
  const Json& known = member(processor, "special_tokens");
  const auto it = known.is_object() ? known.find(name) : known.end();
  const bool found = known.is_object() && it != known.end();
  const Json& ids = found ? member(*it, "ids") : known;
  if (!found || !ids.is_array() || ids.size() != 1) {
    return corrupt(cat("post_processor: the special token ", quote(name), " does not have one id"));
  }
  return token_id(ids[0], "post_processor: special token", name);
}

// single: at most one special token, the text, at most one special token.
Result<void> read_template(const Json& processor, TokenizerSpec& spec) {
  const Json& single = member(processor, "single");
  if (!single.is_array())
    return unsupported("post_processor TemplateProcessing without a list `single`");
  bool text_seen = false;
  for (const Json& piece : single) {
    const Json& special = member(piece, "SpecialToken");
    if (special.is_null()) {
      const bool is_text = text_of(member(member(piece, "Sequence"), "id")) == "A";
      if (!is_text || text_seen) return corrupt("post_processor: `single` is not one text A");
      text_seen = true;
      continue;
    }
    HEARTH_TRY(const TokenId id, template_token(processor, text_of(member(special, "id"))));
    std::optional<TokenId>& place = text_seen ? spec.eos : spec.bos;
    if (place)
      return unsupported("post_processor: more than one special token on one side of a text");
    place = id;
    (text_seen ? spec.add_eos : spec.add_bos) = true;
  }
  if (!text_seen) return corrupt("post_processor: `single` has no text A");
  return {};
}

Result<void> read_post_processor(const Json& processor, TokenizerSpec& spec) {
  for (const Json* part : parts_of(processor, "processors")) {
    if (type_of(*part) == "TemplateProcessing") {
      HEARTH_TRY_VOID(read_template(*part, spec));
    } else if (type_of(*part) != "ByteLevel") {  // that one changes offsets only
      return unsupported(cat("post_processor ", quote(type_of(*part)),
                             "; supported are TemplateProcessing and ByteLevel"));
    }
  }
  return {};
}

Result<void> check_decoder(const Json& decoder) {
  const std::vector<const Json*> parts = parts_of(decoder, "decoders");
  if (parts.size() == 1 && type_of(*parts[0]) == "ByteLevel") return {};
  return unsupported(cat("decoder ", quote(type_of(decoder)), "; only ByteLevel is supported"));
}

}  // namespace

Result<TokenizerSpec> parse_tokenizer_json(std::string_view json) {
  HEARTH_TRY_VOID(check_depth(json));
  const Json file = Json::parse(json, nullptr, false);
  if (file.is_discarded()) return corrupt("not valid JSON");
  if (!member(file, "model").is_object()) return corrupt("no object `model`: not a tokenizer.json");
  TokenizerSpec spec;
  HEARTH_TRY_VOID(check_model(member(file, "model")));
  HEARTH_TRY_VOID(read_vocabulary(file, spec));
  HEARTH_TRY_VOID(read_model(member(file, "model"), spec));
  HEARTH_TRY_VOID(read_normalizer(member(file, "normalizer"), spec));
  HEARTH_TRY_VOID(read_pretokenizer(member(file, "pre_tokenizer"), spec));
  HEARTH_TRY_VOID(read_post_processor(member(file, "post_processor"), spec));
  HEARTH_TRY_VOID(check_decoder(member(file, "decoder")));
  return spec;
}

}  // namespace hearth::text
