// tokenizer_json.h - the vocabularies that come as a tokenizer.json (Hugging Face tokenizers).
//
// Read: model (BPE, Unigram, WordPiece), added_tokens, normalizer, pre_tokenizer (the expressions
// of pretokenizer.h, recognised by their exact text; Metaspace; BertPreTokenizer), post_processor
// (what stands before and after a text) and decoder, as far as published models use them. Whatever
// would change ids or text and is not one of these is refused by its name. Not read: truncation and
// padding, which are settings of whoever encoded batches last (all-MiniLM-L6-v2's file says 128,
// the model 256): how much text is taken belongs to the model, and nothing is shortened here.
//
// The file does not say which tokens end an answer (tokenizer_config.json and
// generation_config.json do): end_of_generation is left empty, and eos is set only when the
// post-processor appends it.
#pragma once

#include <string_view>

#include "base/result.h"
#include "text/tokenizer.h"

namespace hearth::text {

// Hostile input: nesting is bounded, every type is checked, ids are bounded by the number of
// entries. Errors: corrupt (not what a tokenizer.json is), unsupported (it asks for something
// else).
Result<TokenizerSpec> parse_tokenizer_json(std::string_view json);

}  // namespace hearth::text
