// embedding_files.h - what sentence-transformers keeps beside a model: how its token vectors become
// one. Part of the portable core.
//
//   modules.json                  the steps: Transformer, Pooling, and often Normalize
//   1_Pooling/config.json         -> ARCHITECTURE.pooling_type, GGUF's number
//   modules.json                  -> ARCHITECTURE.normalize_embeddings, whether Normalize is there
//   sentence_bert_config.json     -> ARCHITECTURE.max_sequence_length, tokens
#pragma once

#include "base/result.h"
#include "formats/hugging_face/families.h"
#include "formats/hugging_face/hugging_face.h"

namespace hearth::formats {

// Errors: corrupt; unsupported (a step that would change the vector, several poolings at once).
Result<void> read_embedding_files(const HuggingFaceFiles& files, Draft& draft);

}  // namespace hearth::formats
