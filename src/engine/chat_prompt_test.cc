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
    return chat_prompt(*load(name), {.messages = messages}, true)->reading.reasoning;
  };
  EXPECT_EQ(reasoning("gpt_oss"), text::ReasoningFormat::harmony);
  EXPECT_EQ(reasoning("qwen3"), text::ReasoningFormat::think);
  EXPECT_EQ(reasoning("llama"), text::ReasoningFormat::none);
}

TEST_F(ChatPromptTest, a_prompt_that_closed_its_thinking_leaves_none_open) {
  const Json messages = {{{"role", "user"}, {"content", "Hi"}}};
  const auto prompt = chat_prompt(
      *load("qwen3"), {.messages = messages, .variables = {{"enable_thinking", false}}}, true);
  ASSERT_TRUE(prompt) << prompt.error().message;
  EXPECT_FALSE(prompt->reading.thinking_is_open);
}

TEST_F(ChatPromptTest, the_effort_reaches_the_template) {
  const auto model = load("gpt_oss");
  const Json messages = {{{"role", "user"}, {"content", "Hi"}}};
  const auto prompt = chat_prompt(
      *model, {.messages = messages, .variables = {{"reasoning_effort", "high"}}}, true);
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
    const auto prompt = chat_prompt(*model, {.messages = messages}, true);
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

TEST_F(ChatPromptTest, offered_tools_reach_each_family_in_its_own_form) {
  const Json tools = {{{"type", "function"},
                       {"function",
                        {{"name", "get_time"},
                         {"parameters", {{"type", "object"}, {"properties", Json::object()}}}}}}};
  const Json messages = {{{"role", "user"}, {"content", "Hi"}}};
  const auto told = [&](const std::string& name, const std::string& mark) {
    const auto model = load(name);
    const auto prompt = chat_prompt(*model, {.messages = messages, .tools = tools}, true);
    EXPECT_TRUE(prompt) << (prompt ? "" : prompt.error().message);
    const std::string text = text_of(*model, *prompt);
    EXPECT_NE(text.find("get_time"), std::string::npos) << text;
    EXPECT_NE(text.find(mark), std::string::npos) << text;
    return prompt->reading.tools;
  };
  using text::ToolDialect;
  EXPECT_EQ(told("gpt_oss", "namespace functions"), ToolDialect::harmony);
  EXPECT_EQ(told("qwen3", "<tools>"), ToolDialect::hermes);
  EXPECT_EQ(told("phi3", "<|tool|>[{\"name\": \"get_time\""), ToolDialect::phi4);
  EXPECT_EQ(told("mistral", "[AVAILABLE_TOOLS]"), ToolDialect::mistral);
  EXPECT_EQ(told("gemma3", "<tool_call>"), ToolDialect::hermes);  // its template knows no tools
}

TEST_F(ChatPromptTest, a_template_that_wants_turns_gets_them) {
  const Json messages = {{{"role", "user"}, {"content", "One?"}},
                         {{"role", "user"}, {"content", "Two?"}},
                         {{"role", "assistant"}, {"content", "Yes."}},
                         {{"role", "system"}, {"content", "Be brief."}},
                         {{"role", "user"}, {"content", "Three?"}}};
  const auto model = load("mistral");
  const auto prompt = chat_prompt(*model, {.messages = messages}, true);
  ASSERT_TRUE(prompt) << prompt.error().message;
  const std::string text = text_of(*model, *prompt);
  EXPECT_NE(text.find("One?\n\nTwo?"), std::string::npos) << text;
  EXPECT_NE(text.find("Be brief.\n\nThree?"), std::string::npos) << text;
}

TEST_F(ChatPromptTest, an_error_is_about_the_messages_as_they_were_given) {
  const auto model = load("mistral");
  const auto prompt =
      chat_prompt(*model, {.messages = {{{"role", "robot"}, {"content", "Hi"}}}}, true);
  ASSERT_FALSE(prompt);
  EXPECT_NE(prompt.error().message.find("robot"), std::string::npos) << prompt.error().message;
}

}  // namespace
}  // namespace hearth::engine
