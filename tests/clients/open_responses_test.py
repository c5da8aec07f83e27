#!/usr/bin/env python3
"""open_responses_test - POST /v1/responses against the published types of Open Responses (the package openresponses-types): each
response and each event of a stream must be one of them, with what its compliance suite asks for over HTTP: a text, roles,
phases, a conversation of several turns, a call, a stream. The suite itself is in no package registry; what it asks for over
WebSocket, for images and for compaction is not here. Reads HEARTH_BASE_URL and HEARTH_MODEL."""
import json
import os
import unittest
import urllib.error
import urllib.request

import openresponses_types as types
from pydantic import ValidationError

EVENTS = {  # the type of an event, and the published class
    "response.created": types.ResponseCreatedStreamingEvent,
    "response.in_progress": types.ResponseInProgressStreamingEvent,
    "response.output_item.added": types.ResponseOutputItemAddedStreamingEvent,
    "response.content_part.added": types.ResponseContentPartAddedStreamingEvent,
    "response.output_text.delta": types.ResponseOutputTextDeltaStreamingEvent,
    "response.output_text.done": types.ResponseOutputTextDoneStreamingEvent,
    "response.function_call_arguments.delta": types.ResponseFunctionCallArgumentsDeltaStreamingEvent,
    "response.function_call_arguments.done": types.ResponseFunctionCallArgumentsDoneStreamingEvent,
    "response.content_part.done": types.ResponseContentPartDoneStreamingEvent,
    "response.output_item.done": types.ResponseOutputItemDoneStreamingEvent,
    "response.completed": types.ResponseCompletedStreamingEvent,
    "response.incomplete": types.ResponseIncompleteStreamingEvent,
}
TOOL = {"type": "function", "name": "weather", "description": "The weather of a place", "parameters": {
    "type": "object", "properties": {"location": {"type": "string", "maxLength": 12}}, "required": ["location"]}}


def user(text):
    return {"type": "message", "role": "user", "content": text}


def post(**fields):
    body = {"model": os.environ["HEARTH_MODEL"], "temperature": 0, "max_output_tokens": 200, **fields}
    request = urllib.request.Request(os.environ["HEARTH_BASE_URL"] + "/responses", json.dumps(body).encode(),
                                     {"Content-Type": "application/json"})
    return urllib.request.urlopen(request, timeout=120)


class OpenResponses(unittest.TestCase):
    def ask(self, **fields):
        with post(**fields) as reply:
            raw = json.load(reply)
        return self.checked(types.ResponseResource, raw)

    def checked(self, model, raw):
        try:
            checked = model.model_validate(raw)
        except ValidationError as faults:
            self.fail(f"{faults}\n{json.dumps(raw)}")
        return checked

    def stream(self, **fields):
        """The events, each of its published class and named by its type, numbered from 0; and the last one's response."""
        events, name = [], None
        with post(stream=True, **fields) as reply:
            self.assertTrue(reply.headers["Content-Type"].startswith("text/event-stream"))
            for line in reply.read().decode().split("\n"):
                if line.startswith("event: "):
                    name = line[len("event: "):]
                elif line.startswith("data: ") and line != "data: [DONE]":
                    raw = json.loads(line[len("data: "):])
                    self.assertEqual(raw["type"], name)
                    self.checked(EVENTS[name], raw)
                    events.append(raw)
        self.assertEqual([event["sequence_number"] for event in events], list(range(len(events))))
        self.assertEqual([event["type"] for event in events[:2]], ["response.created", "response.in_progress"])
        return events, self.checked(types.ResponseResource, events[-1]["response"])

    def assert_answered(self, response):
        self.assertEqual(response.status, "completed")
        [message] = response.output
        self.assertEqual((message.type, message.role.value, message.status.value), ("message", "assistant", "completed"))
        self.assertTrue(message.content[0].text)
        self.assertEqual(response.usage.total_tokens, response.usage.input_tokens + response.usage.output_tokens)

    def test_a_text_is_answered(self):
        self.assert_answered(self.ask(input=[user("What is the capital of Japan?")]))

    def test_every_option_comes_back_as_it_was_sent(self):
        sent = {"instructions": "Be brief.", "max_output_tokens": 5, "temperature": 0.5, "top_p": 0.9, "metadata": {"a": "b"},
                "store": False, "tool_choice": "none", "parallel_tool_calls": False, "tools": [TOOL], "safety_identifier": "me",
                "prompt_cache_key": "key", "top_logprobs": 2}
        with post(input="What is the capital of Japan?", **sent) as reply:
            raw = json.load(reply)
        self.checked(types.ResponseResource, raw)
        tool = raw.pop("tools")[0]
        self.assertEqual({key: raw[key] for key in sent if key != "tools"}, {key: sent[key] for key in sent if key != "tools"})
        self.assertEqual({key: tool[key] for key in TOOL}, TOOL)

    def test_roles_and_phases_of_a_conversation_are_taken(self):
        said = [{"type": "message", "role": "assistant", "phase": phase, "content": text}
                for phase, text in (("commentary", "I look it up."), ("final_answer", "It is four."))]
        system = {"type": "message", "role": "system", "content": "You are a helpful assistant."}
        self.assert_answered(self.ask(input=[system, user("What is the capital of Japan?")]))
        self.assert_answered(self.ask(input=[*said, user("What is the capital of Japan?")]))

    def test_a_conversation_of_several_turns_is_answered(self):
        parts = [{"type": "output_text", "text": "Hello Ana!"}]
        self.assert_answered(self.ask(input=[user("My name is Ana."), {"type": "message", "role": "assistant", "content": parts},
                                             user("What is my name?")]))

    def test_an_answer_that_is_cut_is_incomplete_and_says_why(self):
        response = self.ask(input="Count to one hundred.", max_output_tokens=4)
        self.assertEqual((response.status, response.incomplete_details.reason), ("incomplete", "max_output_tokens"))
        events, last = self.stream(input="Count to one hundred.", max_output_tokens=4)
        self.assertEqual((events[-1]["type"], last.status), ("response.incomplete", "incomplete"))

    def test_a_call_is_an_item_with_arguments_of_its_schema(self):
        response = self.ask(input=[user("What is the weather in Kobe?")], tools=[TOOL], tool_choice="required", parallel_tool_calls=False)
        [call] = response.output
        self.assertEqual((call.type, call.name, call.status.value), ("function_call", "weather", "completed"))
        self.assertIsInstance(json.loads(call.arguments)["location"], str)
        result = {"type": "function_call_output", "call_id": call.call_id, "output": "rain"}
        answer = self.ask(input=[user("What is the weather in Kobe?"), call.model_dump(mode="json"), result], tools=[TOOL],
                          tool_choice="none")
        self.assertEqual([item.type for item in answer.output], ["message"])

    def test_the_events_of_a_text_add_up_to_it(self):
        events, last = self.stream(input=[user("What is the capital of Japan?")])
        self.assert_answered(last)
        kinds = [event["type"] for event in events]
        deltas = [event["delta"] for event in events if event["type"] == "response.output_text.delta"]
        self.assertEqual(kinds[2:4] + kinds[-4:], [
            "response.output_item.added", "response.content_part.added", "response.output_text.done", "response.content_part.done",
            "response.output_item.done", "response.completed"])
        self.assertEqual(kinds[4:-4], ["response.output_text.delta"] * len(deltas))
        self.assertEqual("".join(deltas), last.output[0].content[0].text)

    def test_the_events_of_a_call_add_up_to_it(self):
        events, last = self.stream(input=[user("What is the weather in Kobe?")], tools=[TOOL], tool_choice="required",
                                   parallel_tool_calls=False)
        deltas = [event["delta"] for event in events if event["type"] == "response.function_call_arguments.delta"]
        self.assertEqual("".join(deltas), last.output[0].arguments)
        self.assertEqual([event["type"] for event in events[-3:]], [
            "response.function_call_arguments.done", "response.output_item.done", "response.completed"])

    def test_a_response_that_is_not_there_is_named_so(self):
        with self.assertRaises(urllib.error.HTTPError) as refused:
            post(input="And then?", previous_response_id="resp_none")
        with refused.exception as reply:
            error = json.load(reply)["error"]
        self.assertEqual((refused.exception.code, error["code"]), (404, "previous_response_not_found"))


if __name__ == "__main__":
    unittest.main()
