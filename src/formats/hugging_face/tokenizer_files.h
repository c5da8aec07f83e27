// tokenizer_files.h - the tokenizer and the chat template of a Hugging Face folder. Part of the
// portable core.
#pragma once

#include "base/result.h"
#include "formats/checkpoint.h"
#include "formats/hugging_face/config_reader.h"
#include "formats/hugging_face/hugging_face.h"

namespace hearth::formats {

// Fills tokenizer or tokenizer_problem, and chat_template. A tokenizer of a kind that Hearth does
// not know is a problem only for whoever needs text. config and generation_config are the parsed
// files.
Result<void> read_tokenizer_files(const HuggingFaceFiles& files, ConfigReader& config,
                                  ConfigReader& generation_config, Checkpoint& out);

}  // namespace hearth::formats
