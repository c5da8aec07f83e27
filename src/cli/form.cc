#include "cli/form.h"

#include <utility>

#include "base/strict_json.h"
#include "cli/input.h"
#include "text/grammar/gbnf.h"
#include "text/grammar/json_schema.h"

namespace hearth::cli {

namespace {

Result<std::string> text_of(const std::string& flag) {
  if (flag.starts_with('@')) return read_input(flag.substr(1));
  return flag;
}

}  // namespace

void add_form(CLI::App& command, FormFlags& flags) {
  command.add_option("--json-schema", flags.json_schema, "a JSON schema, or @FILE that holds one")
      ->type_name("SCHEMA");
  command.add_option("--gbnf", flags.gbnf, "a grammar in GBNF, or @FILE that holds one")
      ->type_name("GRAMMAR");
}

Result<std::optional<text::ContentShape>> content_shape(const FormFlags& flags) {
  if (flags.json_schema && flags.gbnf) {
    return Error{ErrorKind::invalid, "--json-schema and --gbnf exclude each other; give one"};
  }
  text::ContentShape shape;
  if (flags.json_schema) {
    HEARTH_TRY(const std::string source, text_of(*flags.json_schema));
    shape.kind = text::ContentShape::Kind::json_schema;
    HEARTH_TRY(shape.schema, parse_strict_json(source, "--json-schema"));
  } else if (flags.gbnf) {
    shape.kind = text::ContentShape::Kind::gbnf;
    HEARTH_TRY(shape.gbnf, text_of(*flags.gbnf));
  } else {
    return std::optional<text::ContentShape>();
  }
  // Faults are told before a model is loaded.
  HEARTH_TRY(const auto grammar, compile(shape));
  return std::optional(std::move(shape));
}

Result<std::shared_ptr<const text::Grammar>> compile(const text::ContentShape& shape) {
  if (shape.kind == text::ContentShape::Kind::gbnf) return text::compile_gbnf(shape.gbnf);
  return text::compile_json_schema(shape.schema);
}

Result<void> demand(const text::ContentShape& shape, const engine::LoadedModel& model,
                    engine::Request& request) {
  const engine::AnswerReading& reading = request.reading;
  HEARTH_TRY(request.grammar,
             text::answer_grammar({.content = shape}, model.tokenizer(),
                                  {reading.reasoning, reading.tools}, reading.thinking_is_open));
  return {};
}

}  // namespace hearth::cli
