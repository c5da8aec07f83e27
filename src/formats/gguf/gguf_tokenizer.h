// gguf_tokenizer.h - the keys tokenizer.ggml.* as a TokenizerSpec. Part of the portable core.
#pragma once

#include "base/result.h"
#include "formats/checkpoint.h"

namespace hearth::formats {

// Fills tokenizer or tokenizer_problem from the metadata: a vocabulary of a kind that Hearth does
// not know is a problem only for whoever needs text; keys that contradict themselves (an id outside
// the vocabulary, lists of different lengths) make the file corrupt.
Result<void> read_tokenizer(Checkpoint& checkpoint);

}  // namespace hearth::formats
