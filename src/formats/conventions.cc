#include "formats/conventions.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/str.h"

namespace hearth::formats {

namespace {

using text::ReasoningFormat;
using text::ToolDialect;

class Finder {
 public:
  Finder(const Checkpoint& checkpoint, std::string_view alias, const text::Tokenizer& tokenizer)
      : file_(checkpoint), tokenizer_(tokenizer) {
    out_.preset = preset_named(file_.architecture, alias);
    if (out_.preset == nullptr) out_.preset = preset_named(file_.architecture, file_.name);
  }

  Result<Conventions> run() {
    find_template();
    find_answer_format();
    HEARTH_TRY_VOID(find_sampling());
    return std::move(out_);
  }

 private:
  void assume(std::string sentence) { out_.assumptions.push_back(std::move(sentence)); }

  void find_template() {
    out_.chat_template = file_.chat_template;
    if (!out_.chat_template.empty()) return;
    const bool by_name = out_.preset != nullptr && !out_.preset->chat_form.empty();
    const ChatForm* form =
        by_name ? find_chat_form(out_.preset->chat_form) : chat_form_of(tokenizer_);
    if (form == nullptr) return;
    out_.chat_template = form->source();
    assume(cat("the file has no chat template: ", form->name, " is taken, because of the ",
               by_name ? "model's name" : "control tokens of the vocabulary"));
  }

  // A template shows what the model was trained on; a name may be that of a finetune; a vocabulary
  // may have tokens that the model never writes.
  void find_answer_format() {
    const text::GuessedFormat seen = text::guess_answer_format(out_.chat_template, tokenizer_);
    const text::AnswerFormat preset = out_.preset == nullptr ? seen.format : out_.preset->answer;
    out_.answer = seen.in_template ? seen.format : preset;
    if (out_.answer.reasoning == ReasoningFormat::none) out_.answer.reasoning = preset.reasoning;
    if (out_.answer.tools == ToolDialect::none) out_.answer.tools = preset.tools;
    if (out_.preset == nullptr && !seen.reason.empty()) {
      assume(cat("reasoning ", name_of(out_.answer.reasoning), ", tool calls ",
                 name_of(out_.answer.tools), ": ", seen.reason));
    }
  }

  Result<void> find_number(std::string_view key, std::optional<double>& out, bool& found) {
    const std::string name = cat("general.sampling.", key);
    if (file_.find_meta(name) == nullptr) return {};
    HEARTH_TRY(out, file_.meta_float(name));
    found = true;
    return {};
  }

  Result<void> find_sampling() {
    RecommendedSampling& s = out_.sampling;
    bool found = false;
    std::optional<double> top_k;
    HEARTH_TRY_VOID(find_number("temp", s.temperature, found));
    HEARTH_TRY_VOID(find_number("top_p", s.top_p, found));
    HEARTH_TRY_VOID(find_number("min_p", s.min_p, found));
    HEARTH_TRY_VOID(find_number("penalty_repeat", s.repetition_penalty, found));
    HEARTH_TRY_VOID(find_number("top_k", top_k, found));
    if (top_k) s.top_k = static_cast<std::int64_t>(std::min(1e9, std::max(0.0, *top_k)));
    if (found || out_.preset == nullptr) return {};
    s = out_.preset->sampling;
    if (!describe(s).empty()) {
      assume(cat("the file recommends no sampling: that of the family ", out_.preset->family));
    }
    return {};
  }

  const Checkpoint& file_;
  const text::Tokenizer& tokenizer_;
  Conventions out_;
};

}  // namespace

Result<Conventions> conventions_of(const Checkpoint& checkpoint, std::string_view alias,
                                   const text::Tokenizer& tokenizer) {
  return Finder(checkpoint, alias, tokenizer).run();
}

Result<std::shared_ptr<const text::ChatTemplate>> parse_chat_template(
    std::string_view source, const text::Tokenizer& tokenizer) {
  const text::TokenizerSpec& spec = tokenizer.spec();
  const auto token_text = [&spec](std::optional<text::TokenId> token) {
    return token ? spec.tokens[static_cast<std::size_t>(*token)] : std::string();
  };
  return text::ChatTemplate::parse(source, token_text(spec.bos), token_text(spec.eos));
}

std::string describe(const RecommendedSampling& s) {
  const std::array<std::pair<std::string_view, std::optional<double>>, 5> parts = {{
      {"temperature", s.temperature},
      {"top_p", s.top_p},
      {"top_k", s.top_k ? std::optional<double>(static_cast<double>(*s.top_k)) : std::nullopt},
      {"min_p", s.min_p},
      {"repetition_penalty", s.repetition_penalty},
  }};
  std::string out;
  for (const auto& [name, value] : parts) {
    if (value) out += cat(out.empty() ? "" : ", ", name, " ", *value);
  }
  return out;
}

}  // namespace hearth::formats
