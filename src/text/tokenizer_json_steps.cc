// tokenizer_json_steps.cc - what happens to a text before the model: normalizer and pre_tokenizer.
#include <string>
#include <utility>

#include "text/sentencepiece_parts.h"
#include "text/tokenizer_json_parts.h"

namespace hearth::text::tokenizer_json {

namespace {

using Kind = NormalizerStep::Kind;

void add_step(TokenizerSpec& spec, Kind kind, std::string_view pattern = {},
              std::string_view content = {}) {
  spec.normalizer.push_back({kind, std::string(pattern), std::string(content)});
}

// ---- normalizer ---------------------------------------------------------------------------------

Result<std::string> decode_base64(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  while (text.ends_with('=')) text.remove_suffix(1);
  std::uint32_t bits = 0;
  int n_bits = 0;
  for (const char c : text) {
    static constexpr std::string_view kDigits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const std::size_t digit = kDigits.find(c);
    if (digit == kDigits.npos) {
      return corrupt("normalizer Precompiled: precompiled_charsmap is not base64");
    }
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    n_bits += 6;
    if (n_bits < 8) continue;
    n_bits -= 8;
    bytes.push_back(static_cast<char>(bits >> n_bits & 0xff));
  }
  return bytes;
}

Result<void> read_replace(const Json& part, TokenizerSpec& spec) {
  const Json& pattern = member(part, "pattern");
  const std::string_view content = text_of(member(part, "content"));
  const Json& text = member(pattern, "String");
  if (text.is_string() && !text_of(text).empty()) {
    add_step(spec, Kind::replace, text_of(text), content);
    return {};
  }
  const std::string_view expression = text_of(member(pattern, "Regex"));
  if (expression != " {2,}") {
    return unsupported(cat("normalizer Replace of the expression ", quote(expression),
                           "; supported are texts and the expression \" {2,}\""));
  }
  add_step(spec, Kind::replace_runs, " ", content);
  return {};
}

Result<void> read_strip(const Json& part, TokenizerSpec& spec) {
  HEARTH_TRY(const bool left, flag(part, "strip_left", "normalizer"));
  HEARTH_TRY(const bool right, flag(part, "strip_right", "normalizer"));
  if (left) add_step(spec, Kind::strip_start);
  if (right) add_step(spec, Kind::strip_end);
  return {};
}

Result<void> read_bert(const Json& part, TokenizerSpec& spec) {
  HEARTH_TRY(const bool clean, flag(part, "clean_text", "normalizer"));
  HEARTH_TRY(const bool cjk, flag(part, "handle_chinese_chars", "normalizer"));
  HEARTH_TRY(const bool lower, flag(part, "lowercase", "normalizer"));
  HEARTH_TRY(const bool accents, flag(part, "strip_accents", "normalizer", lower));
  if (clean) add_step(spec, Kind::bert_clean);
  if (cjk) add_step(spec, Kind::bert_space_cjk);
  if (accents) {
    add_step(spec, Kind::nfd);
    add_step(spec, Kind::bert_strip_accents);
  }
  if (lower) add_step(spec, Kind::lower_case);
  return {};
}

Result<void> read_precompiled(const Json& part, TokenizerSpec& spec) {
  HEARTH_TRY(const std::string map, decode_base64(text_of(member(part, "precompiled_charsmap"))));
  add_step(spec, Kind::charsmap_graphemes, {}, map);
  return {};
}

Result<void> read_normalizer_part(const Json& part, TokenizerSpec& spec) {
  static constexpr std::pair<std::string_view, Kind> kPlain[] = {
      {"NFC", Kind::nfc},
      {"NFD", Kind::nfd},
      {"NFKC", Kind::nfkc},
      {"NFKD", Kind::nfkd},
      {"Lowercase", Kind::lower_case},
      {"StripAccents", Kind::strip_accents},
  };
  const std::string_view type = type_of(part);
  for (const auto& [name, kind] : kPlain) {
    if (name != type) continue;
    add_step(spec, kind);
    return {};
  }
  if (type == "Replace") return read_replace(part, spec);
  if (type == "Strip") return read_strip(part, spec);
  if (type == "BertNormalizer") return read_bert(part, spec);
  if (type == "Precompiled") return read_precompiled(part, spec);
  if (type == "Prepend") {
    add_step(spec, Kind::prepend, {}, text_of(member(part, "prepend")));
    return {};
  }
  return unsupported(cat("normalizer ", quote(type),
                         "; supported are NFC, NFD, NFKC, NFKD, Lowercase, StripAccents, Strip, "
                         "Replace, Prepend, BertNormalizer and Precompiled"));
}

// ---- pre_tokenizer of byte-level vocabularies ---------------------------------------------------

// The published expressions, as files write them.
struct KnownExpression {
  Pretokenizer kind;
  std::string_view text;
};

#define HEARTH_CASED(first, second)                                  \
  "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]" first \
  "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]" second
#define HEARTH_ENDING "(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
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
    {Pretokenizer::qwen35, R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}|)"
                           R"( ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"},
    {Pretokenizer::tekken,
     HEARTH_CASED("*", "+") "|" HEARTH_CASED(
         "+", "*") R"(|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)"},
    {Pretokenizer::o200k, HEARTH_CASED("*", "+") HEARTH_ENDING HEARTH_CASED("+", "*") HEARTH_ENDING
     R"(\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)"},
};
#undef HEARTH_CASED
#undef HEARTH_ENDING

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
                         ", which is none of gpt2, llama3, qwen2, qwen35, o200k, tekken"));
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
                           " of a byte-level vocabulary; supported are Split + ByteLevel, Digits + "
                           "ByteLevel and ByteLevel"));
  }
  return flag(part, "use_regex", "pre_tokenizer", true);
}

Result<void> read_byte_level(const std::vector<const Json*>& parts, TokenizerSpec& spec) {
  HEARTH_TRY(const bool cuts, byte_level_cuts(*parts.back()));
  HEARTH_TRY(const bool prefix, flag(*parts.back(), "add_prefix_space", "pre_tokenizer"));
  if (parts.size() == 1 && cuts) {
    spec.pretokenizer = Pretokenizer::gpt2;
    if (prefix) add_step(spec, Kind::prefix, {}, " ");
    return {};
  }
  if (prefix) {
    return unsupported("pre_tokenizer ByteLevel with add_prefix_space after another part");
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

// ---- pre_tokenizer of SentencePiece vocabularies ------------------------------------------------

// The step that puts "▁" before a text, or nullopt for none.
Result<std::optional<Kind>> read_prepend_scheme(const Json& metaspace) {
  if (text_of(member(metaspace, "replacement")) != kMetaspace) {
    return unsupported(cat("pre_tokenizer Metaspace with the replacement ",
                           quote(text_of(member(metaspace, "replacement")))));
  }
  // Older files have the flag only.
  HEARTH_TRY(const bool adds, flag(metaspace, "add_prefix_space", "pre_tokenizer", true));
  const Json& given = member(metaspace, "prepend_scheme");
  const std::string_view scheme = given.is_null() ? (adds ? "always" : "never") : text_of(given);
  if (scheme == "always") return std::optional(Kind::prefix);
  if (scheme == "first") return std::optional(Kind::first_prefix);
  if (scheme == "never") return std::optional<Kind>();
  return unsupported(cat("pre_tokenizer Metaspace with the prepend_scheme ", quote(scheme)));
}

Result<void> read_metaspace(const Json& metaspace, bool after_white_space_split,
                            TokenizerSpec& spec) {
  HEARTH_TRY(const std::optional<Kind> prefix, read_prepend_scheme(metaspace));
  HEARTH_TRY(const bool splits, flag(metaspace, "split", "pre_tokenizer", true));
  spec.pretokenizer = splits ? Pretokenizer::metaspace : Pretokenizer::none;
  if (after_white_space_split) {
    if (prefix != Kind::prefix || !splits) {
      return unsupported(
          "pre_tokenizer WhitespaceSplit + Metaspace that does not begin and split every word");
    }
    add_step(spec, Kind::words, {}, kMetaspace);
    return {};
  }
  add_step(spec, Kind::replace, " ", kMetaspace);
  if (prefix) add_step(spec, *prefix, {}, kMetaspace);
  return {};
}

// A split at blanks that finds none, because the normalizer has replaced them all (Gemma).
Result<void> read_idle_split(const Json& split, TokenizerSpec& spec) {
  const bool at_blanks = text_of(member(member(split, "pattern"), "String")) == " ";
  const bool none_left = !spec.normalizer.empty() && spec.normalizer.back().kind == Kind::replace &&
                         spec.normalizer.back().pattern == " " &&
                         spec.normalizer.back().content.find(' ') == std::string::npos;
  if (!at_blanks || !none_left) {
    return unsupported(
        "pre_tokenizer Split, other than at blanks that the normalizer replaces, without "
        "ByteLevel");
  }
  spec.pretokenizer = Pretokenizer::none;
  return {};
}

Result<void> read_sentencepiece(const std::vector<const Json*>& parts, TokenizerSpec& spec) {
  if (parts.empty()) {
    spec.pretokenizer = Pretokenizer::none;
    return {};
  }
  if (parts.size() == 1 && type_of(*parts[0]) == "Split") return read_idle_split(*parts[0], spec);
  const bool whitespace = parts.size() == 2 && type_of(*parts[0]) == "WhitespaceSplit";
  if ((parts.size() == 1 || whitespace) && type_of(*parts.back()) == "Metaspace") {
    return read_metaspace(*parts.back(), whitespace, spec);
  }
  return unsupported(cat("a pre_tokenizer of ", parts.size(), " parts, the first ",
                         quote(type_of(*parts[0])),
                         ", of a SentencePiece vocabulary; supported "
                         "are Metaspace, WhitespaceSplit + Metaspace, and none"));
}

}  // namespace

Result<void> read_normalizer(const Json& normalizer, TokenizerSpec& spec) {
  for (const Json* part : parts_of(normalizer, "normalizers")) {
    HEARTH_TRY_VOID(read_normalizer_part(*part, spec));
  }
  return {};
}

Result<void> read_pretokenizer(const Json& pretokenizer, TokenizerSpec& spec) {
  const std::vector<const Json*> parts = parts_of(pretokenizer, "pretokenizers");
  if (spec.model == TokenizerModel::byte_level_bpe) return read_byte_level(parts, spec);
  if (spec.model != TokenizerModel::wordpiece) return read_sentencepiece(parts, spec);
  if (parts.size() != 1 || type_of(*parts[0]) != "BertPreTokenizer") {
    return unsupported(cat("pre_tokenizer ", quote(type_of(pretokenizer)),
                           " of a WordPiece vocabulary; only BertPreTokenizer is supported"));
  }
  spec.pretokenizer = Pretokenizer::bert;
  return {};
}

}  // namespace hearth::text::tokenizer_json
