// text_parts.h - the parts of a model that turn text into tokens, without its weights.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "base/result.h"
#include "formats/checkpoint.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace hearth::cli {

// MODEL: alias, path of a model file, or a tokenizer.json. Errors: those of the file; unsupported
// when it has no tokenizer that Hearth can use.
Result<std::shared_ptr<const text::Tokenizer>> open_tokenizer(const std::string& model);

// Errors: invalid, naming the first id that the vocabulary does not have.
Result<void> check_ids(const text::Tokenizer& tokenizer, std::span<const text::TokenId> ids);

// MODEL: alias or path of a model file. Errors: as above, for the chat template.
Result<std::shared_ptr<const text::ChatTemplate>> open_chat_template(const std::string& model);

}  // namespace hearth::cli
