// form.h - the form that flags demand of an answer.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "engine/engine.h"
#include "text/grammar/answer_grammar.h"

namespace hearth::cli {

struct FormFlags {
  std::optional<std::string> json_schema, gbnf;
};

// --json-schema and --gbnf: each a text, or @FILE.
void add_form(CLI::App& command, FormFlags& flags);

// nullopt: none was demanded. Errors: invalid (both were; a schema that is no JSON), io.
Result<std::optional<text::ContentShape>> content_shape(const FormFlags& flags);

// The grammar of this content, without a model.
Result<std::shared_ptr<const text::Grammar>> compile(const text::ContentShape& shape);

// Holds the request's answer to it; request.reading is set already.
Result<void> demand(const text::ContentShape& shape, const engine::LoadedModel& model,
                    engine::Request& request);

}  // namespace hearth::cli
