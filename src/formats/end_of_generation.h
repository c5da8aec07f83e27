// end_of_generation.h - which tokens end an answer. Part of the portable core.
//
// Converters and configurations name one end token and often forget the chat format's own, so the
// well-known end texts count too where the vocabulary has them as control tokens. Harmony (gpt-oss)
// is the exception: there `<|end|>` only closes a message and the answer goes on in the next one;
// its answers end with `<|return|>` or `<|call|>`.
#pragma once

#include <vector>

#include "text/tokenizer.h"

namespace hearth::formats {

// Sets spec.end_of_generation from the ids that the model's files name and from the vocabulary.
void set_end_of_generation(text::TokenizerSpec& spec, std::vector<text::TokenId> named);

}  // namespace hearth::formats
