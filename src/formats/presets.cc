#include "formats/presets.h"

#include <algorithm>
#include <iterator>

#include "base/str.h"

namespace hearth::formats {

namespace {

using text::ReasoningFormat;
using text::ToolDialect;

constexpr std::string_view kChatmlMarks[] = {"<|im_start|>", "<|im_end|>"};
constexpr std::string_view kPhi4Marks[] = {"<|im_start|>", "<|im_sep|>", "<|im_end|>"};
constexpr std::string_view kPhiMarks[] = {"<|user|>", "<|assistant|>", "<|end|>"};
constexpr std::string_view kLlama3Marks[] = {"<|start_header_id|>", "<|end_header_id|>",
                                             "<|eot_id|>"};
constexpr std::string_view kGemmaMarks[] = {"<start_of_turn>", "<end_of_turn>"};

// "phi-3" has "phi-4-mini"'s control tokens but a line break after each: by a vocabulary alone the
// first of two equals is taken.
constexpr ChatForm kChatForms[] = {
    {"chatml", kChatmlMarks,
     "{% for m in messages %}"
     "{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}"
     "{% endfor %}"
     "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"},
    {"phi-4", kPhi4Marks,
     "{% for m in messages %}"
     "{{ '<|im_start|>' + m.role + '<|im_sep|>' + m.content + '<|im_end|>' }}"
     "{% endfor %}"
     "{% if add_generation_prompt %}{{ '<|im_start|>assistant<|im_sep|>' }}{% endif %}"},
    {"phi-4-mini", kPhiMarks,
     "{% for m in messages %}{{ '<|' + m.role + '|>' + m.content + '<|end|>' }}{% endfor %}"
     "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% else %}{{ eos_token }}{% endif %}"},
    {"phi-3", kPhiMarks,
     "{% for m in messages %}{{ '<|' + m.role + '|>\\n' + m.content + '<|end|>\\n' }}{% endfor %}"
     "{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% else %}{{ eos_token }}{% endif %}"},
    {"llama-3", kLlama3Marks,
     "{{ bos_token }}{% for m in messages %}"
     "{{ '<|start_header_id|>' + m.role + '<|end_header_id|>\\n\\n' }}"
     "{{ m.content | trim }}{{ '<|eot_id|>' }}{% endfor %}"
     "{% if add_generation_prompt %}"
     "{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}"},
    // No role "system": its text opens the user's first turn.
    {"gemma", kGemmaMarks,
     "{{ bos_token }}{% set ns = namespace(first='') %}{% for m in messages %}"
     "{% if m.role == 'system' %}{% set ns.first = m.content + '\\n\\n' %}{% else %}"
     "{{ '<start_of_turn>' + ('model' if m.role == 'assistant' else m.role) + '\\n' }}"
     "{{ ns.first }}{% set ns.first = '' %}"
     "{{ m.content | trim }}{{ '<end_of_turn>\\n' }}{% endif %}{% endfor %}"
     "{% if add_generation_prompt %}{{ '<start_of_turn>model\\n' }}{% endif %}"},
};

constexpr std::string_view kLlama[] = {"llama"};
constexpr std::string_view kPhi3[] = {"phi3"};
constexpr std::string_view kQwen2[] = {"qwen2"};
constexpr std::string_view kQwen3[] = {"qwen3"};
constexpr std::string_view kGemma3[] = {"gemma3"};
constexpr std::string_view kGptOss[] = {"gpt-oss"};
constexpr std::string_view kDistilled[] = {"llama", "qwen2", "qwen3"};

constexpr std::string_view kGptOssNames[] = {"gpt-oss"};
constexpr std::string_view kPhi4MiniNames[] = {"phi-4-mini"};
constexpr std::string_view kPhi4MiniReasoningNames[] = {"phi-4-mini-reasoning"};
constexpr std::string_view kPhi4Names[] = {"phi-4"};
constexpr std::string_view kPhi4ReasoningNames[] = {"phi-4-reasoning"};
constexpr std::string_view kPhi3Names[] = {"phi-3", "phi3"};
constexpr std::string_view kQwen25Names[] = {"qwen2.5", "qwen2-5"};
constexpr std::string_view kQwen3Names[] = {"qwen3"};
constexpr std::string_view kDeepseekR1Names[] = {"deepseek-r1"};
constexpr std::string_view kLlama3Names[] = {"llama-3", "llama3"};
constexpr std::string_view kMistralNames[] = {"mistral-7b", "mistral-nemo", "ministral"};
constexpr std::string_view kGemma3Names[] = {"gemma-3", "gemma3"};
constexpr std::string_view kSmollm2Names[] = {"smollm2"};

constexpr std::string_view kHarmonyStops[] = {"<|return|>", "<|call|>"};
constexpr std::string_view kPhiStops[] = {"<|end|>", "<|endoftext|>"};
constexpr std::string_view kChatmlStops[] = {"<|im_end|>", "<|endoftext|>"};
constexpr std::string_view kDeepseekStops[] = {"<｜end▁of▁sentence｜>"};
// <|eom_id|> ends a message that calls a tool.
constexpr std::string_view kLlama3Stops[] = {"<|eot_id|>", "<|eom_id|>", "<|end_of_text|>"};
constexpr std::string_view kMistralStops[] = {"</s>"};
constexpr std::string_view kGemmaStops[] = {"<end_of_turn>"};

constexpr text::AnswerFormat kPlain = {};

constexpr Preset kPresets[] = {
    {.family = "deepseek-r1",
     .architectures = kDistilled,
     .name_parts = kDeepseekR1Names,
     .chat_form = "",
     .stop_tokens = kDeepseekStops,
     .answer = {ReasoningFormat::think, ToolDialect::none},
     .sampling = {.temperature = 0.6, .top_p = 0.95}},
    {.family = "gemma-3",
     .architectures = kGemma3,
     .name_parts = kGemma3Names,
     .chat_form = "gemma",
     .stop_tokens = kGemmaStops,
     .answer = kPlain,
     .sampling = {.temperature = 1, .top_p = 0.95, .top_k = 64}},
    {.family = "gpt-oss",
     .architectures = kGptOss,
     .name_parts = kGptOssNames,
     .chat_form = "",
     .stop_tokens = kHarmonyStops,
     .answer = {ReasoningFormat::harmony, ToolDialect::harmony},
     .sampling = {.temperature = 1, .top_p = 1}},
    {.family = "llama-3",
     .architectures = kLlama,
     .name_parts = kLlama3Names,
     .chat_form = "llama-3",
     .stop_tokens = kLlama3Stops,
     .answer = {ReasoningFormat::none, ToolDialect::llama3},
     .sampling = {.temperature = 0.6, .top_p = 0.9}},
    {.family = "mistral",
     .architectures = kLlama,
     .name_parts = kMistralNames,
     .chat_form = "",
     .stop_tokens = kMistralStops,
     .answer = {ReasoningFormat::none, ToolDialect::mistral},
     .sampling = {}},
    {.family = "phi-3",
     .architectures = kPhi3,
     .name_parts = kPhi3Names,
     .chat_form = "phi-3",
     .stop_tokens = kPhiStops,
     .answer = kPlain,
     .sampling = {}},
    {.family = "phi-4",
     .architectures = kPhi3,
     .name_parts = kPhi4Names,
     .chat_form = "phi-4",
     .stop_tokens = kChatmlStops,
     .answer = kPlain,
     .sampling = {}},
    {.family = "phi-4-mini",
     .architectures = kPhi3,
     .name_parts = kPhi4MiniNames,
     .chat_form = "phi-4-mini",
     .stop_tokens = kPhiStops,
     .answer = {ReasoningFormat::none, ToolDialect::phi4},
     .sampling = {.temperature = 0}},
    {.family = "phi-4-mini-reasoning",
     .architectures = kPhi3,
     .name_parts = kPhi4MiniReasoningNames,
     .chat_form = "phi-4-mini",
     .stop_tokens = kPhiStops,
     .answer = {ReasoningFormat::think, ToolDialect::none},
     .sampling = {.temperature = 0.8, .top_p = 0.95}},
    {.family = "phi-4-reasoning",
     .architectures = kPhi3,
     .name_parts = kPhi4ReasoningNames,
     .chat_form = "phi-4",
     .stop_tokens = kChatmlStops,
     .answer = {ReasoningFormat::think, ToolDialect::none},
     .sampling = {.temperature = 0.8, .top_p = 0.95, .top_k = 50}},
    {.family = "qwen2.5",
     .architectures = kQwen2,
     .name_parts = kQwen25Names,
     .chat_form = "chatml",
     .stop_tokens = kChatmlStops,
     .answer = {ReasoningFormat::none, ToolDialect::hermes},
     .sampling = {.temperature = 0.7, .top_p = 0.8, .top_k = 20, .repetition_penalty = 1.05}},
    {.family = "qwen3",
     .architectures = kQwen3,
     .name_parts = kQwen3Names,
     .chat_form = "chatml",
     .stop_tokens = kChatmlStops,
     .answer = {ReasoningFormat::think, ToolDialect::hermes},
     .sampling = {.temperature = 0.6, .top_p = 0.95, .top_k = 20, .min_p = 0}},
    {.family = "smollm2",
     .architectures = kLlama,
     .name_parts = kSmollm2Names,
     .chat_form = "chatml",
     .stop_tokens = kChatmlStops,
     .answer = kPlain,
     .sampling = {.temperature = 0.2, .top_p = 0.9}},
};

// "Phi 4_Mini" -> "phi-4-mini": writers of names do not agree on case and separators.
std::string normal_name(std::string_view name) {
  std::string out(name);
  for (char& c : out) {
    if (c == ' ' || c == '_') c = '-';
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

bool has_all(const text::Tokenizer& tokenizer, std::span<const std::string_view> marks) {
  return std::all_of(marks.begin(), marks.end(), [&](std::string_view mark) {
    const auto id = tokenizer.find(mark);
    return id && tokenizer.spec().kinds[static_cast<std::size_t>(*id)] != text::TokenKind::normal;
  });
}

}  // namespace

std::string ChatForm::source() const {
  return cat(
      "{% for m in messages %}"
      "{% if tools or m.tool_calls or m.role not in ['system', 'user', 'assistant'] %}"
      "{{ raise_exception('the model file has no chat template, and the form \"",
      name,
      "\" that stands in knows no tools: send plain system, user and assistant messages, or bring "
      "a "
      "file with its template') }}{% endif %}{% endfor %}",
      messages);
}

std::span<const Preset> presets() { return kPresets; }

const Preset* find_preset(std::string_view family) {
  const auto* it = std::find_if(std::begin(kPresets), std::end(kPresets),
                                [&](const Preset& p) { return p.family == family; });
  return it == std::end(kPresets) ? nullptr : it;
}

const ChatForm* find_chat_form(std::string_view name) {
  const auto* it = std::find_if(std::begin(kChatForms), std::end(kChatForms),
                                [&](const ChatForm& f) { return f.name == name; });
  return it == std::end(kChatForms) ? nullptr : it;
}

const Preset* preset_named(std::string_view architecture, std::string_view name) {
  const std::string normal = normal_name(name);
  const Preset* best = nullptr;
  std::size_t longest = 0;
  for (const Preset& preset : kPresets) {
    const auto& known = preset.architectures;
    if (std::find(known.begin(), known.end(), architecture) == known.end()) continue;
    for (const std::string_view part : preset.name_parts) {
      if (part.size() <= longest || normal.find(part) == normal.npos) continue;
      best = &preset;
      longest = part.size();
    }
  }
  return best;
}

const ChatForm* chat_form_of(const text::Tokenizer& tokenizer) {
  const ChatForm* best = nullptr;
  for (const ChatForm& form : kChatForms) {
    if (!has_all(tokenizer, form.marks)) continue;
    if (best == nullptr || form.marks.size() > best->marks.size()) best = &form;
  }
  return best;
}

}  // namespace hearth::formats
