#!/usr/bin/env python3
"""gpt_oss_test - what the compatibility suite of gpt-oss asks of a service, in a test of our own (the suite is in no package
registry, and wants a model that reasons): what is thought comes as text in `reasoning` of chat messages and deltas, and as an
item of parts `reasoning_text` in responses, with its events; calls keep to their function's schema, and an agent gets as far as
the result. The models are tiny and random: gpt-oss for harmony, steered by logit_bias, and qwen3 whose prompts end in <think>.
Reads HEARTH_BINARY."""
import json
import sys
import unittest
from pathlib import Path

import openai
from agents import Agent, ModelSettings, OpenAIChatCompletionsModel, OpenAIResponsesModel, Runner, function_tool, set_tracing_disabled

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cli"))
from reasoning_test import GPT_OSS, ReasoningTest  # noqa: E402
from serve_test import Service  # noqa: E402

set_tracing_disabled(True)  # traces would go to OpenAI

WEATHER = {"name": "get_weather", "description": "The weather of a city", "parameters": {
    "type": "object", "properties": {"city": {"enum": ["Tokyo", "Lima"]}}, "required": ["city"], "additionalProperties": False}}
CHAT_TOOL = {"type": "function", "function": WEATHER}
QUESTION = [{"role": "user", "content": "What is the weather in Tokyo?"}]
# Ids of the tiny gpt-oss: a message begins with its channel (295), which is analysis ("a", "an") about as often as commentary
# ("c"), and a thought of such letters ends (297) soon.
STEERED = {"295": 100, "64": 66, "275": 66, "66": 60, "297": 66}
THINK_END = {"374": 4}  # </think> of the tiny qwen3 often enough


class GptOss(ReasoningTest):
    def client(self, model):
        service = Service(self, "--model", model)
        client = openai.OpenAI(base_url=service.url + "/v1", api_key="any", max_retries=0, timeout=120)
        self.addCleanup(client.close)
        return client, client.models.list().data[0].id

    def assert_called(self, name, arguments):
        self.assertEqual(name, "get_weather")
        self.assertIn(json.loads(arguments)["city"], ("Tokyo", "Lima"))

    def test_harmonys_analysis_is_reasoning_and_a_call_follows_it(self):
        client, model = self.client(GPT_OSS)
        fields = {"model": model, "messages": QUESTION, "tools": [CHAT_TOOL], "tool_choice": "required", "logit_bias": STEERED,
                  "seed": 1, "n": 16, "max_tokens": 400}
        answers = client.chat.completions.create(**fields).choices
        for answer in answers:
            [call] = answer.message.tool_calls
            self.assert_called(call.function.name, call.function.arguments)
            thought = getattr(answer.message, "reasoning", None)
            self.assertEqual(getattr(answer.message, "reasoning_content", None), thought)
            self.assertNotEqual(thought, "")
        thoughts = [getattr(answer.message, "reasoning", None) for answer in answers]
        self.assertTrue(any(thoughts), thoughts)

        streamed = {index: ["", ""] for index in range(16)}  # reasoning, arguments
        for chunk in client.chat.completions.create(**fields, stream=True):
            for choice in chunk.choices:
                sums = streamed[choice.index]
                if getattr(choice.delta, "reasoning", None):
                    self.assertEqual(sums[1], "", "reasoning after the call")
                    sums[0] += choice.delta.reasoning
                for call in choice.delta.tool_calls or []:
                    sums[1] += call.function.arguments or ""
        self.assertEqual([sums[0] for sums in streamed.values()], [thought or "" for thought in thoughts])
        self.assertEqual([sums[1] for sums in streamed.values()], [answer.message.tool_calls[0].function.arguments for answer in answers])

    def test_what_is_thought_before_a_text_is_in_reasoning(self):
        client, model = self.client(self.thinker())
        fields = {"model": model, "messages": QUESTION, "max_tokens": 300, "temperature": 0, "logit_bias": THINK_END}
        message = client.chat.completions.create(**fields).choices[0].message
        self.assertTrue(message.reasoning)
        self.assertTrue(message.content)
        self.assertEqual(message.reasoning_content, message.reasoning)
        deltas = [chunk.choices[0].delta for chunk in client.chat.completions.create(**fields, stream=True) if chunk.choices]
        self.assertEqual("".join(getattr(delta, "reasoning", None) or "" for delta in deltas), message.reasoning)
        self.assertEqual("".join(delta.content or "" for delta in deltas), message.content)

    def test_a_response_has_an_item_of_reasoning_text_and_the_stream_tells_of_it(self):
        client, model = self.client(self.thinker())
        fields = {"model": model, "input": QUESTION, "max_output_tokens": 12, "temperature": 0}
        response = client.responses.create(**fields)
        item = response.output[0]
        self.assertEqual(item.type, "reasoning")
        [part] = item.content
        self.assertEqual(part.type, "reasoning_text")
        self.assertTrue(part.text)
        self.assertGreater(response.usage.output_tokens_details.reasoning_tokens, 0)
        events = list(client.responses.create(**fields, stream=True))
        deltas = [event.delta for event in events if event.type == "response.reasoning_text.delta"]
        self.assertEqual("".join(deltas), part.text)
        self.assertEqual([event.text for event in events if event.type == "response.reasoning_text.done"], [part.text])


class GptOssAgents(ReasoningTest, unittest.IsolatedAsyncioTestCase):
    async def test_an_agent_gets_from_the_call_to_its_result_over_both_apis(self):
        seen = []

        @function_tool
        def get_weather(city: str) -> str:
            """The weather of a city."""
            seen.append(city)
            return '{"weather": "sunny"}'
        service = Service(self, "--model", GPT_OSS)
        client = openai.AsyncOpenAI(base_url=service.url + "/v1", api_key="any", max_retries=0, timeout=120)
        self.addAsyncCleanup(client.close)
        model = service.get("/v1/models")["data"][0]["id"]
        for api in (OpenAIChatCompletionsModel, OpenAIResponsesModel):
            for stream in (False, True):
                agent = Agent(name="weather", model=api(model, client), tools=[get_weather], tool_use_behavior="stop_on_first_tool",
                              model_settings=ModelSettings(tool_choice="required", temperature=0, max_tokens=400))
                if stream:
                    result = Runner.run_streamed(agent, "What is the weather in Tokyo?")
                    async for _ in result.stream_events():
                        pass
                else:
                    result = await Runner.run(agent, "What is the weather in Tokyo?")
                self.assertEqual(result.final_output, '{"weather": "sunny"}')
        self.assertGreaterEqual(len(seen), 4)


if __name__ == "__main__":
    unittest.main()
