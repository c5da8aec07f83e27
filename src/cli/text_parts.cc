// text_parts.cc - opens a model file for its tokenizer or template; its weights are never touched.
#include "cli/text_parts.h"

#include "base/str.h"
#include "catalog/catalog.h"
#include "cli/input.h"
#include "formats/conventions.h"
#include "text/tokenizer_json.h"

namespace hearth::cli {

namespace {

Result<std::shared_ptr<const formats::Checkpoint>> open_model_file(const std::string& model) {
  HEARTH_TRY(const catalog::CachedModel cached, catalog::resolve(model));
  return formats::open_checkpoint(cached.path);
}

}  // namespace

Result<std::shared_ptr<const text::Tokenizer>> open_tokenizer(const std::string& model) {
  if (model.ends_with(".json")) {
    HEARTH_TRY(const std::string json, read_input(model));
    HEARTH_TRY(text::TokenizerSpec spec, text::parse_tokenizer_json(json));
    return text::Tokenizer::build(std::move(spec));
  }
  HEARTH_TRY(const auto checkpoint, open_model_file(model));
  if (!checkpoint->tokenizer) {
    return Error{
        ErrorKind::unsupported,
        cat(quote(model, 300), " has no tokenizer that Hearth can use",
            checkpoint->tokenizer_problem.empty() ? "" : ": ", checkpoint->tokenizer_problem)};
  }
  return text::Tokenizer::build(*checkpoint->tokenizer);
}

Result<void> check_ids(const text::Tokenizer& tokenizer, std::span<const text::TokenId> ids) {
  for (const text::TokenId id : ids) {
    if (static_cast<std::size_t>(id) < tokenizer.n_vocab()) continue;
    return Error{ErrorKind::invalid,
                 cat("--ids: ", id, " is outside the vocabulary, 0 to ", tokenizer.n_vocab() - 1)};
  }
  return {};
}

Result<std::shared_ptr<const text::ChatTemplate>> open_chat_template(const std::string& model) {
  HEARTH_TRY(const auto checkpoint, open_model_file(model));
  const Error none{ErrorKind::unsupported, cat(quote(model, 300), " has no chat template")};
  if (!checkpoint->tokenizer) {
    if (checkpoint->chat_template.empty()) return none;
    return text::ChatTemplate::parse(checkpoint->chat_template, "", "");
  }
  HEARTH_TRY(const auto tokenizer, text::Tokenizer::build(*checkpoint->tokenizer));
  HEARTH_TRY(const formats::Conventions conventions,
             formats::conventions_of(*checkpoint, model, *tokenizer));
  if (conventions.chat_template.empty()) return none;
  return formats::parse_chat_template(conventions.chat_template, *tokenizer);
}

}  // namespace hearth::cli
