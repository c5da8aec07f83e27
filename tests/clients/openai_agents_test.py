#!/usr/bin/env python3
"""openai_agents_test - the package openai-agents against a running Hearth (tests/clients/run_with_server starts one), over both
of OpenAI's APIs. Reads HEARTH_BASE_URL and HEARTH_MODEL. What a small model would not do by itself is demanded of it: the
first turn's call by tool_choice, which the package takes back after the first call."""
import asyncio
import json
import os
import unittest
from typing import Literal

import openai
from agents import (Agent, ModelSettings, OpenAIChatCompletionsModel, OpenAIResponsesModel, Runner,
                    function_tool, handoff, set_tracing_disabled)
from pydantic import BaseModel

set_tracing_disabled(True)  # traces would go to OpenAI

APIS = (OpenAIChatCompletionsModel, OpenAIResponsesModel)
QUESTION = "How high is the tide in Kobe?"


class Height(BaseModel):
    port: Literal["Kobe", "Lima"]
    metres: int


class Agents(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        # A client belongs to one event loop, and each test has its own.
        self.client = openai.AsyncOpenAI(base_url=os.environ["HEARTH_BASE_URL"], api_key="any", max_retries=0, timeout=120)
        self.addAsyncCleanup(self.client.close)
        self.seen = []

        @function_tool
        def tide(port: Literal["Kobe", "Lima"]) -> str:
            """The height of the tide at a port."""
            self.seen.append(port)
            return f"{port}: 1.2 m"
        self.tide = tide

    def agent(self, api, settings=None, **fields):
        """An agent whose answers are short: a small model that is told of tools may go on for long."""
        return Agent(**{"name": "pilot", "instructions": "You are a helpful assistant.",
                        "model": api(os.environ["HEARTH_MODEL"], self.client),
                        "model_settings": ModelSettings(temperature=0, max_tokens=120, include_usage=True, **(settings or {})), **fields})

    async def test_a_question_is_answered_with_its_usage(self):
        for api in APIS:
            result = await Runner.run(self.agent(api), "What is the capital of Japan?")
            self.assertEqual(result.final_output, "The capital of Japan is Tokyo.")
            [response] = result.raw_responses
            self.assertEqual(response.usage.output_tokens, 8)
            self.assertEqual(response.usage.total_tokens, response.usage.input_tokens + 8)

    async def test_a_tool_is_run_and_the_second_turn_has_its_result(self):
        for api in APIS:
            self.seen.clear()
            agent = self.agent(api, {"tool_choice": "required", "parallel_tool_calls": False}, tools=[self.tide])
            result = await Runner.run(agent, QUESTION, max_turns=6)
            self.assertIn(self.seen[0], ("Kobe", "Lima"))
            kinds = [item.type for item in result.new_items]
            self.assertEqual(kinds[:2], ["tool_call_item", "tool_call_output_item"], api)
            self.assertEqual(result.new_items[1].output, f"{self.seen[0]}: 1.2 m")
            self.assertEqual(kinds[-1], "message_output_item")
            self.assertTrue(result.final_output)
            self.assertGreaterEqual(len(result.raw_responses), 2)
            self.assertGreater(result.raw_responses[1].usage.input_tokens, result.raw_responses[0].usage.input_tokens)

    async def test_a_streamed_run_has_the_items_and_the_text_of_one_that_is_not(self):
        for api in APIS:
            agent = self.agent(api, {"tool_choice": "required", "parallel_tool_calls": False}, tools=[self.tide])
            whole = await Runner.run(agent, QUESTION, max_turns=6)
            streamed = Runner.run_streamed(agent, QUESTION, max_turns=6)
            events = [event async for event in streamed.stream_events()]
            self.assertEqual(streamed.final_output, whole.final_output)
            self.assertEqual([item.type for item in streamed.new_items], [item.type for item in whole.new_items])
            names = [event.name for event in events if event.type == "run_item_stream_event"]
            self.assertEqual(names[:2], ["tool_called", "tool_output"])
            self.assertEqual(names[-1], "message_output_created")
            raw = [event.data for event in events if event.type == "raw_response_event"]
            text = "".join(data.delta for data in raw if data.type == "response.output_text.delta")
            self.assertTrue(text.endswith(whole.final_output))
            arguments = "".join(data.delta for data in raw if data.type == "response.function_call_arguments.delta")
            self.assertIn(json.JSONDecoder().raw_decode(arguments)[0]["port"], ("Kobe", "Lima"))
            usage = [data.response.usage for data in raw if data.type == "response.completed"]
            self.assertEqual(len(usage), len(whole.raw_responses))
            self.assertTrue(all(one.output_tokens > 0 for one in usage))

    async def test_a_typed_answer_is_what_its_class_says(self):
        for api in APIS:
            result = await Runner.run(self.agent(api, output_type=Height), QUESTION)
            self.assertIsInstance(result.final_output, Height)

    async def test_a_conversation_is_handed_off(self):
        for api in APIS:
            taker = self.agent(api, name="harbour")
            giver = self.agent(api, {"tool_choice": "required", "parallel_tool_calls": False}, handoffs=[handoff(taker)])
            result = await Runner.run(giver, QUESTION, max_turns=6)
            self.assertEqual(result.last_agent.name, "harbour")
            kinds = [item.type for item in result.new_items]
            self.assertEqual(kinds, ["handoff_call_item", "handoff_output_item", "message_output_item"])
            self.assertTrue(result.final_output)

    async def test_a_conversation_goes_on_from_a_stored_response(self):
        agent = self.agent(OpenAIResponsesModel)
        first = await Runner.run(agent, "What is the capital of Japan?")
        second = await Runner.run(agent, "And of Peru?", previous_response_id=first.last_response_id)
        self.assertGreater(second.raw_responses[0].usage.input_tokens, first.raw_responses[0].usage.input_tokens)
        self.assertTrue(second.final_output)

    async def test_agents_side_by_side_answer_as_alone(self):
        agent = self.agent(OpenAIChatCompletionsModel)
        questions = [f"Name {n} animals." for n in (2, 3, 4)]
        alone = [(await Runner.run(agent, question)).final_output for question in questions]
        together = await asyncio.gather(*(Runner.run(agent, question) for question in questions))
        self.assertEqual([result.final_output for result in together], alone)


if __name__ == "__main__":
    unittest.main()
