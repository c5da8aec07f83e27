// chat_prompt_test.cc - with tiny models that have templates of their own (tests/golden/hf).
#include "engine/chat_prompt.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/str.h"

namespace hearth::engine {
namespace {

using Json = nlohmann::ordered_json;

class ChatPromptTest : public testing::Test {
 protected:
  std::shared_ptr<const LoadedModel> load(const std::string& name) {
    auto model =
        engine_->load(name, cat(HEARTH_SOURCE_DIR "/tests/golden/hf/", name, "/model.gguf"), {});
    EXPECT_TRUE(model) << (model ? "" : model.error().message);
    return *model;
  }
  static std::string text_of(const LoadedModel& model, const ChatPrompt& prompt) {
    return model.tokenizer().decode(prompt.ids, true);
  }

  std::unique_ptr<Engine> engine_ = Engine::create({.n_threads = 1});
};

TEST_F(ChatPromptTest, the_models_format_decides_how_the_answer_is_read) {
  const Json messages = {{{"role", "user"}, {"content", "Hi"}}};
  const auto reasoning = [&](const std::string& name) {
    return chat_prompt(*load(name), messages, nullptr, true)->reading.reasoning;
  };
  EXPECT_EQ(reasoning("gpt_oss"), text::ReasoningFormat::harmony);
  EXPECT_EQ(reasoning("qwen3"), text::ReasoningFormat::think);
  EXPECT_EQ(reasoning("llama"), text::ReasoningFormat::none);
}

TEST_F(ChatPromptTest, a_prompt_that_closed_its_thinking_leaves_none_open) {
  const Json messages = {{{"role", "user"}, {"content", "Hi"}}};
  const auto prompt = chat_prompt(*load("qwen3"), messages, {{"enable_thinking", false}}, true);
  ASSERT_TRUE(prompt) << prompt.error().message;
  EXPECT_FALSE(prompt->reading.thinking_is_open);
}

TEST_F(ChatPromptTest, the_effort_reaches_the_template) {
  const auto model = load("gpt_oss");
  const Json messages = {{{"role", "user"}, {"content", "Hi"}}};
  const auto prompt = chat_prompt(*model, messages, {{"reasoning_effort", "high"}}, true);
  ASSERT_TRUE(prompt) << prompt.error().message;
  EXPECT_NE(text_of(*model, *prompt).find("Reasoning: high"), std::string::npos);
  EXPECT_TRUE(model->template_reads("reasoning_effort"));
  EXPECT_FALSE(load("qwen3")->template_reads("reasoning_effort"));
}

// Both templates drop it from an answered question; gpt-oss's, which calls it "thinking", keeps it
// while a tool's call waits for its result.
TEST_F(ChatPromptTest, earlier_reasoning_is_given_to_the_template_which_decides) {
  const auto rendered = [&](const std::string& name, const Json& messages) {
    const auto model = load(name);
    const auto prompt = chat_prompt(*model, messages, nullptr, true);
    EXPECT_TRUE(prompt) << (prompt ? "" : prompt.error().message);
    return text_of(*model, *prompt);
  };
  const Json answered = {{{"role", "user"}, {"content", "Hi"}},
                         {{"role", "assistant"}, {"content", "Yes."}, {"reasoning_content", "hm"}},
                         {{"role", "user"}, {"content", "So?"}}};
  EXPECT_EQ(rendered("gpt_oss", answered).find("hm"), std::string::npos);
  EXPECT_EQ(rendered("qwen3", answered).find("hm"), std::string::npos);
  const Json call = {{"function", {{"name", "f"}, {"arguments", Json::object()}}}};
  const Json pending = {{{"role", "user"}, {"content", "Hi"}},
                        {{"role", "assistant"},
                         {"content", nullptr},
                         {"reasoning_content", "hm"},
                         {"tool_calls", Json::array({call})}},
                        {{"role", "tool"}, {"content", "42"}}};
  EXPECT_NE(rendered("gpt_oss", pending).find("<|channel|>analysis<|message|>hm<|end|>"),
            std::string::npos);
}

}  // namespace
}  // namespace hearth::engine
