// presets.h - the families of published models: how a file of each is used where the file itself
// does not say. Part of the portable core.
//
// Facts from the makers' model cards and generation_config.json. A new family is a row in
// presets.cc.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "text/answer_format.h"
#include "text/tokenizer.h"

namespace hearth::formats {

// How messages become a prompt, for files without a chat template.
struct ChatForm {
  std::string_view name;                    // "chatml"
  std::span<const std::string_view> marks;  // control tokens that it is made of
  std::string_view messages;                // Jinja, for plain conversations
  // The whole template: conversations with tools are refused, since no two models agree on them.
  std::string source() const;
};

// Recommended by the maker; what is absent was left open.
struct RecommendedSampling {
  std::optional<double> temperature = {}, top_p = {};
  std::optional<std::int64_t> top_k = {};
  std::optional<double> min_p = {}, repetition_penalty = {};
  bool operator==(const RecommendedSampling&) const = default;
};

struct Preset {
  std::string_view family;
  std::span<const std::string_view> architectures;
  std::span<const std::string_view> name_parts;  // any of them in a model's name, "phi-4-mini"
  std::string_view chat_form;                    // a ChatForm's name, or "": only the file's own
  std::span<const std::string_view> stop_tokens;
  text::AnswerFormat answer;
  RecommendedSampling sampling;
};

std::span<const Preset> presets();
const Preset* find_preset(std::string_view family);     // nullptr: no such family
const ChatForm* find_chat_form(std::string_view name);  // nullptr: no such form

// The family that a model's name tells ("Phi 4 Mini Instruct", "phi-4-mini_q4"); the longest name
// part wins, and the architecture must be the family's. nullptr: none.
const Preset* preset_named(std::string_view architecture, std::string_view name);

// The form whose control tokens the vocabulary has; of two, the one with more. nullptr: none.
const ChatForm* chat_form_of(const text::Tokenizer& tokenizer);

}  // namespace hearth::formats
