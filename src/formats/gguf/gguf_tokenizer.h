// gguf_tokenizer.h - the keys tokenizer.ggml.* as a TokenizerSpec. Part of the portable core.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "formats/checkpoint.h"

namespace hearth::formats {

// Fills tokenizer or tokenizer_problem from the metadata: a vocabulary of a kind that Hearth does
// not know is a problem only for whoever needs text; keys that contradict themselves (an id outside
// the vocabulary, lists of different lengths) make the file corrupt.
Result<void> read_tokenizer(Checkpoint& checkpoint);

// The other way: the keys that give this tokenizer back when they are read. What GGUF cannot say is
// told in `notes`, a sentence each. Errors: unsupported, when it has no form for the vocabulary.
Result<void> write_tokenizer(const text::TokenizerSpec& spec,
                             std::map<std::string, MetaValue, std::less<>>& metadata,
                             std::vector<std::string>& notes);

}  // namespace hearth::formats
