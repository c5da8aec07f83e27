// tokenizer_json_ends.cc - what happens after the model: post_processor and decoder.
#include <string>

#include "text/sentencepiece_parts.h"
#include "text/tokenizer_json_parts.h"

namespace hearth::text::tokenizer_json {

namespace {

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

// BertProcessing and RobertaProcessing: ["[CLS]", 101], the text, ["[SEP]", 102].
Result<void> read_pair(const Json& processor, TokenizerSpec& spec) {
  const auto read = [&](const char* name) -> Result<TokenId> {
    const Json& token = member(processor, name);
    if (!token.is_array() || token.size() != 2) {
      return corrupt(cat("post_processor: ", name, " is not a text and an id"));
    }
    return token_id(token[1], cat("post_processor: ", name), text_of(token[0]));
  };
  HEARTH_TRY(spec.bos, read("cls"));
  HEARTH_TRY(spec.eos, read("sep"));
  spec.add_bos = spec.add_eos = true;
  return {};
}

// ---- decoder ------------------------------------------------------------------------------------

Result<void> read_word_piece_decoder(const Json& decoder, TokenizerSpec& spec) {
  if (text_of(member(decoder, "prefix")) != spec.wordpiece.continuation_prefix) {
    return unsupported("a decoder WordPiece with another prefix than the model's");
  }
  HEARTH_TRY(spec.wordpiece.clean_up, flag(decoder, "cleanup", "decoder"));
  return {};
}

Result<void> read_metaspace_decoder(const Json& decoder, TokenizerSpec& spec) {
  if (spec.byte_fallback) return unsupported("decoder Metaspace with model.byte_fallback");
  if (text_of(member(decoder, "replacement")) != kMetaspace) {
    return unsupported(cat("decoder Metaspace with the replacement ",
                           quote(text_of(member(decoder, "replacement")))));
  }
  HEARTH_TRY(const bool adds, flag(decoder, "add_prefix_space", "decoder", true));
  const Json& given = member(decoder, "prepend_scheme");
  const bool strips = given.is_null() ? adds : text_of(given) != "never";
  spec.leading_blank = strips ? LeadingBlank::strip_in_token : LeadingBlank::keep;
  return {};
}

bool is_replace(const Json& part) {
  return type_of(part) == "Replace" &&
         text_of(member(member(part, "pattern"), "String")) == kMetaspace &&
         text_of(member(part, "content")) == " ";
}

// Takes one blank from the start, nothing from the end.
bool is_strip(const Json& part) {
  return type_of(part) == "Strip" && text_of(member(part, "content")) == " " &&
         member(part, "start") == 1 && member(part, "stop") == 0;
}

// Replace "▁" by " ", ByteFallback, Fuse, and perhaps Strip.
Result<void> read_decoder_sequence(const std::vector<const Json*>& parts, TokenizerSpec& spec) {
  const std::size_t n_before_strip = spec.byte_fallback ? 3 : 2;
  const bool strips = parts.size() == n_before_strip + 1 && is_strip(*parts.back());
  const bool known = (parts.size() == n_before_strip || strips) && is_replace(*parts[0]) &&
                     (!spec.byte_fallback || type_of(*parts[1]) == "ByteFallback") &&
                     type_of(*parts[n_before_strip - 1]) == "Fuse";
  if (!known) {
    std::string types;
    for (const Json* part : parts) types += cat(types.empty() ? "" : " + ", type_of(*part));
    return unsupported(
        cat("a decoder of the parts ", quote(types),
            "; supported are Replace of \"▁\" by \" \", ByteFallback where the model "
            "has it, Fuse, and Strip of one blank at the start"));
  }
  spec.leading_blank = strips ? LeadingBlank::strip_one : LeadingBlank::keep;
  return {};
}

}  // namespace

Result<void> read_post_processor(const Json& processor, TokenizerSpec& spec) {
  for (const Json* part : parts_of(processor, "processors")) {
    const std::string_view type = type_of(*part);
    if (type == "TemplateProcessing") {
      HEARTH_TRY_VOID(read_template(*part, spec));
    } else if (type == "BertProcessing" || type == "RobertaProcessing") {
      HEARTH_TRY_VOID(read_pair(*part, spec));
    } else if (type != "ByteLevel") {  // that one changes offsets only
      return unsupported(cat("post_processor ", quote(type),
                             "; supported are TemplateProcessing, BertProcessing, "
                             "RobertaProcessing and ByteLevel"));
    }
  }
  return {};
}

Result<void> read_decoder(const Json& decoder, TokenizerSpec& spec) {
  const std::vector<const Json*> parts = parts_of(decoder, "decoders");
  const std::string_view only = parts.size() == 1 ? type_of(*parts[0]) : "";
  if (spec.model == TokenizerModel::byte_level_bpe && only == "ByteLevel") return {};
  if (spec.model == TokenizerModel::wordpiece && only == "WordPiece") {
    return read_word_piece_decoder(*parts[0], spec);
  }
  const bool sentencepiece =
      spec.model == TokenizerModel::sentencepiece_bpe || spec.model == TokenizerModel::unigram;
  if (sentencepiece && only == "Metaspace") return read_metaspace_decoder(*parts[0], spec);
  if (sentencepiece && parts.size() > 1) return read_decoder_sequence(parts, spec);
  return unsupported(
      cat("decoder ", quote(type_of(decoder)),
          " for this kind of vocabulary; supported are ByteLevel for byte-level "
          "ones, WordPiece for WordPiece, Metaspace or a Sequence for SentencePiece"));
}

}  // namespace hearth::text::tokenizer_json
