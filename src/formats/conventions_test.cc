// conventions_test.cc - the presets against the templates of published models (which
// tests/golden/hf/NAME/expected.json renders), and who has the last word: file, family, vocabulary.
#include "formats/conventions.h"

#include <gtest/gtest.h>

#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "formats/end_of_generation.h"

namespace hearth::formats {
namespace {

using Json = nlohmann::ordered_json;
using text::ReasoningFormat;
using text::ToolDialect;

const std::string kGolden = HEARTH_SOURCE_DIR "/tests/golden/hf/";

struct Model {
  Checkpoint checkpoint;
  std::shared_ptr<const text::Tokenizer> tokenizer;

  Conventions conventions(std::string_view alias = "") const {
    auto found = conventions_of(checkpoint, alias, *tokenizer);
    EXPECT_TRUE(found) << found.error().message;
    return std::move(*found);
  }
};

Model golden(const std::string& name) {
  const auto opened = open_checkpoint(kGolden + name + "/model.gguf");
  EXPECT_TRUE(opened);
  Model model{**opened, nullptr};
  model.tokenizer = *text::Tokenizer::build(*model.checkpoint.tokenizer);
  model.checkpoint.name.clear();
  return model;
}

// A vocabulary of these control tokens and little else.
Model with_control_tokens(const std::vector<std::string>& tokens) {
  text::TokenizerSpec spec;
  spec.tokens = {"a"};
  spec.kinds = {text::TokenKind::normal};
  for (const std::string& token : tokens) {
    spec.tokens.push_back(token);
    spec.kinds.push_back(text::TokenKind::control);
  }
  set_end_of_generation(spec, {});
  Model model;
  model.checkpoint.architecture = "llama";
  model.tokenizer = *text::Tokenizer::build(spec);
  return model;
}

std::vector<std::string> ends_of(const Model& model) {
  std::vector<std::string> out;
  for (const text::TokenId id : model.tokenizer->spec().end_of_generation) {
    out.push_back(model.tokenizer->spec().tokens[static_cast<std::size_t>(id)]);
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::string joined_text(const std::vector<text::TextSpan>& spans) {
  std::string out;
  for (const auto& span : spans) out += span.text;
  return out;
}

TEST(Conventions, a_familys_form_renders_what_the_published_template_does) {
  // The golden templates of the last two greet with a default system message: theirs to say.
  for (const auto& [name, alias] :
       {std::pair("phi3", "Phi-4-mini-instruct"), std::pair("gemma3", "gemma-3-1b"),
        std::pair("qwen2", "qwen2.5-0.5b"), std::pair("qwen3", "Qwen3 0.6B")}) {
    Model model = golden(name);
    model.checkpoint.chat_template.clear();
    const Conventions found = model.conventions(alias);
    ASSERT_FALSE(found.chat_template.empty()) << name;
    ASSERT_FALSE(found.assumptions.empty());
    EXPECT_NE(found.assumptions[0].find("no chat template"), std::string::npos);
    const auto parsed = parse_chat_template(found.chat_template, *model.tokenizer);
    ASSERT_TRUE(parsed) << parsed.error().message;
    const Json expected = Json::parse(std::ifstream(kGolden + name + "/expected.json"));
    int n_compared = 0;
    for (const Json& chat : expected["chat"]) {
      if (!chat.contains("rendered")) continue;
      const bool tools =
          chat.contains("tools") || chat.dump().find("tool_calls") != std::string::npos;
      const auto spans =
          (*parsed)->render(chat["messages"], chat.value("tools", Json()), Json::object(),
                            {.add_generation_prompt = chat["add_generation_prompt"].get<bool>()});
      EXPECT_EQ(bool(spans), !tools) << chat.dump();
      if (!spans) {
        EXPECT_NE(spans.error().message.find("knows no tools"), std::string::npos);
        continue;
      }
      EXPECT_EQ(joined_text(*spans), chat["rendered"].get<std::string>()) << name;
      ++n_compared;
    }
    EXPECT_GE(n_compared, 2) << name;
  }
}

TEST(Conventions, names_tell_families_in_any_spelling_and_the_longest_part_wins) {
  const auto family = [](std::string_view architecture, std::string_view name) {
    const Preset* preset = preset_named(architecture, name);
    return preset == nullptr ? "" : std::string(preset->family);
  };
  EXPECT_EQ(family("phi3", "Phi 4 Mini Instruct"), "phi-4-mini");
  EXPECT_EQ(family("phi3", "phi-4_mini-reasoning.Q4"), "phi-4-mini-reasoning");
  EXPECT_EQ(family("phi3", "phi-4"), "phi-4");
  EXPECT_EQ(family("phi3", "Phi-3.5-mini-instruct"), "phi-3");
  EXPECT_EQ(family("gpt-oss", "gpt-oss-20b"), "gpt-oss");
  EXPECT_EQ(family("qwen2", "DeepSeek-R1-Distill-Qwen-7B"), "deepseek-r1");
  EXPECT_EQ(family("llama", "Meta Llama 3.1 8B Instruct"), "llama-3");
  EXPECT_EQ(family("llama", "phi-4-mini"), "");  // the architecture must be the family's
  EXPECT_EQ(family("llama", "my model"), "");
}

TEST(Conventions, every_stop_token_of_a_family_ends_an_answer) {
  for (const Preset& preset : presets()) {
    ASSERT_EQ(find_preset(preset.family), &preset);
    std::vector<std::string> stops(preset.stop_tokens.begin(), preset.stop_tokens.end());
    ASSERT_FALSE(stops.empty());
    const Model model = with_control_tokens(stops);
    std::sort(stops.begin(), stops.end());
    EXPECT_EQ(ends_of(model), stops) << preset.family;
    if (!preset.chat_form.empty()) {
      const ChatForm* form = find_chat_form(preset.chat_form);
      ASSERT_NE(form, nullptr) << preset.chat_form;
      EXPECT_TRUE(text::ChatTemplate::parse(form->source(), "<s>", "</s>"));
    }
  }
}

TEST(Conventions, without_a_name_the_vocabulary_tells_the_form) {
  const auto form_of = [](const std::vector<std::string>& tokens) {
    const ChatForm* form = chat_form_of(*with_control_tokens(tokens).tokenizer);
    return form == nullptr ? "" : std::string(form->name);
  };
  EXPECT_EQ(form_of({"<|im_start|>", "<|im_end|>"}), "chatml");
  EXPECT_EQ(form_of({"<|im_start|>", "<|im_end|>", "<|im_sep|>"}), "phi-4");
  EXPECT_EQ(form_of({"<start_of_turn>", "<end_of_turn>"}), "gemma");
  EXPECT_EQ(form_of({"<|im_start|>"}), "");

  const Conventions found = with_control_tokens({"<|im_start|>", "<|im_end|>"}).conventions();
  EXPECT_EQ(found.chat_template, find_chat_form("chatml")->source());
  EXPECT_EQ(found.assumptions,
            (std::vector<std::string>{"the file has no chat template: chatml is taken, because of "
                                      "the control tokens of the vocabulary"}));
  EXPECT_TRUE(with_control_tokens({"</s>"}).conventions().chat_template.empty());
}

TEST(Conventions, the_file_has_the_last_word) {
  Model model = golden("qwen2");
  const std::string own = "{{ messages[0].content }}<think></think>[TOOL_CALLS]";
  model.checkpoint.chat_template = own;
  model.checkpoint.metadata["general.sampling.temp"] = 0.1;
  model.checkpoint.metadata["general.sampling.top_k"] = std::int64_t{5};
  const Conventions found = model.conventions("qwen2.5-0.5b");
  EXPECT_EQ(found.preset->family, "qwen2.5");
  EXPECT_EQ(found.chat_template, own);
  EXPECT_EQ(found.answer, (text::AnswerFormat{ReasoningFormat::think, ToolDialect::mistral}));
  EXPECT_EQ(found.sampling, (RecommendedSampling{.temperature = 0.1, .top_k = 5}));
  EXPECT_TRUE(found.assumptions.empty());
}

TEST(Conventions, an_unknown_file_says_what_was_assumed) {
  Model model = golden("qwen2");
  model.checkpoint.chat_template = "{{ messages }}<tool_call>";
  const Conventions found = model.conventions("mine");
  EXPECT_EQ(found.preset, nullptr);
  EXPECT_EQ(found.answer.tools, ToolDialect::hermes);
  EXPECT_EQ(found.assumptions,
            (std::vector<std::string>{
                "reasoning none, tool calls hermes: <tool_call> in the chat template"}));
  EXPECT_EQ(describe(found.sampling), "");
}

TEST(Conventions, a_familys_sampling_stands_in_for_the_files) {
  const Conventions found = golden("qwen3").conventions("qwen3-0.6b");
  EXPECT_EQ(describe(found.sampling), "temperature 0.6, top_p 0.95, top_k 20, min_p 0");
  ASSERT_FALSE(found.assumptions.empty());
  EXPECT_EQ(found.assumptions.back(), "the file recommends no sampling: that of the family qwen3");
}

TEST(Conventions, sampling_that_is_no_number_is_refused_and_a_wild_one_is_bounded) {
  Model model = with_control_tokens({});
  model.checkpoint.metadata["general.sampling.top_k"] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(*model.conventions().sampling.top_k, 0);
  model.checkpoint.metadata["general.sampling.top_p"] = std::string("much");
  const auto found = conventions_of(model.checkpoint, "", *model.tokenizer);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().kind, ErrorKind::corrupt);
}

}  // namespace
}  // namespace hearth::formats
