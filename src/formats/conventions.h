// conventions.h - how a model is talked to: its chat template, how it marks thinking and tool
// calls, what its maker recommends, and where each of these was found. Part of the portable core.
//
// The file's own words come first, then its family's preset, then what its vocabulary suggests.
// What was not in the file is told, so that nobody has to wonder why an answer looks odd.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "formats/checkpoint.h"
#include "formats/presets.h"
#include "text/chat_template.h"

namespace hearth::formats {

struct Conventions {
  const Preset* preset = nullptr;  // nullptr: no family is known by this name
  std::string chat_template;       // Jinja source, or empty
  text::AnswerFormat answer;
  RecommendedSampling sampling;
  std::vector<std::string> assumptions;  // a sentence each, for people
};

// alias: what the user calls the model, which may tell its family where the file's name does not.
// Errors: corrupt, when a sampling key is no number.
Result<Conventions> conventions_of(const Checkpoint& checkpoint, std::string_view alias,
                                   const text::Tokenizer& tokenizer);

// The template as the model's texts of beginning and end fit in. Errors: invalid, when it does not
// parse.
Result<std::shared_ptr<const text::ChatTemplate>> parse_chat_template(
    std::string_view source, const text::Tokenizer& tokenizer);

// "temperature 0.6, top_p 0.95"; "" when nothing is recommended.
std::string describe(const RecommendedSampling& sampling);

}  // namespace hearth::formats
