#!/usr/bin/env python3
"""langchain_test - LangChain's ChatOpenAI and OpenAIEmbeddings against a running Hearth (tests/clients/run_with_server starts
one). Reads HEARTH_BASE_URL, HEARTH_MODEL and, for the embeddings, expects a model `embedder`."""
import asyncio
import math
import os
import unittest
from typing import Literal

import openai
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, SystemMessage, ToolMessage
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel, Field

JAPAN = [SystemMessage("You are a helpful assistant."), HumanMessage("What is the capital of Japan?")]
TOKYO = "The capital of Japan is Tokyo."


def chat(**fields):
    # No retries: an answer that only came at the second try is a failure here.
    return ChatOpenAI(**{"base_url": os.environ["HEARTH_BASE_URL"], "api_key": "any", "model": os.environ["HEARTH_MODEL"],
                         "temperature": 0, "max_retries": 0, "timeout": 120, **fields})


@tool
def tide(port: Literal["Kobe", "Lima"], hour: int) -> str:
    """The height of the tide."""
    return f"{port} {hour}: 1.2 m"


@tool
def weather(city: Literal["Tokyo", "Lima"]) -> str:
    """The weather of a city."""
    return f"{city}: rain"


class Town(BaseModel):
    """A town."""
    name: str = Field(max_length=20)
    country: Literal["Japan", "Peru"]
    population: int = Field(ge=1, le=100_000_000)


class Chat(unittest.TestCase):
    def test_an_answer_tells_its_tokens_and_why_it_ended(self):
        answer = chat().invoke(JAPAN)
        self.assertEqual(answer.content, TOKYO)
        self.assertEqual(answer.response_metadata["finish_reason"], "stop")
        usage = answer.usage_metadata
        self.assertEqual(usage["output_tokens"], 8)
        self.assertEqual(usage["total_tokens"], usage["input_tokens"] + 8)
        self.assertEqual(chat(max_tokens=3).invoke(JAPAN).response_metadata["finish_reason"], "length")

    def test_the_chunks_of_a_stream_add_up_to_the_answer(self):
        chunks = list(chat(stream_usage=True).stream(JAPAN))
        self.assertGreater(len([chunk for chunk in chunks if chunk.content]), 3)
        whole = sum(chunks[1:], chunks[0])
        self.assertIsInstance(whole, AIMessageChunk)
        self.assertEqual(whole.content, TOKYO)
        self.assertEqual(whole.response_metadata["finish_reason"], "stop")
        self.assertEqual(whole.usage_metadata["output_tokens"], 8)

    def test_a_chain_in_a_batch_answers_each_of_its_inputs(self):
        chain = ChatPromptTemplate([("system", "You are a helpful assistant."), ("user", "What is the capital of {country}?")]) | chat()
        countries = ["Japan", "France", "Japan", "Italy"]
        batch = [answer.content for answer in chain.batch([{"country": country} for country in countries])]
        self.assertEqual(batch, [chain.invoke({"country": country}).content for country in countries])
        self.assertEqual(batch[0], TOKYO)

        async def streamed():
            return "".join([chunk.content async for chunk in chain.astream({"country": "Japan"})])
        self.assertEqual(asyncio.run(streamed()), TOKYO)

    def test_several_answers_and_their_logprobs(self):
        [answers] = chat(n=2, temperature=1, seed=4, max_tokens=12).generate([JAPAN]).generations
        self.assertEqual(len(answers), 2)
        content = chat(logprobs=True, top_logprobs=2).invoke(JAPAN).response_metadata["logprobs"]["content"]
        self.assertEqual("".join(entry["token"] for entry in content), TOKYO)
        self.assertEqual({len(entry["top_logprobs"]) for entry in content}, {2})

    def test_a_fault_is_the_openai_packages_own_class(self):
        with self.assertRaises(openai.NotFoundError):
            chat(model="no-such-model").invoke("Hi")
        with self.assertRaises(openai.BadRequestError):
            chat(extra_body={"no_such_field": 1}).invoke("Hi")

    def test_the_responses_api_gives_the_same_answer(self):
        model = chat(use_responses_api=True)
        answer = model.invoke(JAPAN)
        self.assertEqual(answer.text, TOKYO)
        self.assertEqual(answer.usage_metadata["output_tokens"], 8)
        chunks = list(model.stream(JAPAN))
        whole = sum(chunks[1:], chunks[0])
        self.assertEqual(whole.text, TOKYO)
        self.assertEqual(whole.usage_metadata["output_tokens"], 8)


class Tools(unittest.TestCase):
    def called(self, answer, names):
        self.assertTrue(answer.tool_calls, answer)
        self.assertEqual(answer.invalid_tool_calls, [])
        for call in answer.tool_calls:
            self.assertIn(call["name"], names)
            {"tide": tide, "weather": weather}[call["name"]].args_schema.model_validate(call["args"])
        return answer.tool_calls

    def test_a_demanded_call_has_arguments_of_its_schema_and_its_result_is_understood(self):
        for choice, names in (("any", ("tide", "weather")), ("tide", ("tide",))):
            for responses in (False, True):
                model = chat(use_responses_api=responses, max_tokens=300)
                bound = model.bind_tools([tide, weather], tool_choice=choice, parallel_tool_calls=False)
                question = HumanMessage("How high is the tide in Kobe at 6?")
                answer = bound.invoke([question])
                calls = self.called(answer, names)
                results = [ToolMessage("1.2 m", tool_call_id=call["id"]) for call in calls]
                said = model.bind_tools([tide, weather]).invoke([question, answer, *results])
                self.assertIsInstance(said, AIMessage)
                self.assertTrue(said.text or said.tool_calls)

    def test_a_streamed_call_adds_up_to_the_same(self):
        for responses in (False, True):
            bound = chat(use_responses_api=responses, max_tokens=300).bind_tools([tide], tool_choice="any")
            whole = bound.invoke("How high is the tide in Kobe at 6?")
            chunks = list(bound.stream("How high is the tide in Kobe at 6?"))
            streamed = sum(chunks[1:], chunks[0])
            calls = self.called(streamed, ("tide",))
            self.assertEqual([call["args"] for call in calls], [call["args"] for call in whole.tool_calls])

    def test_no_call_is_made_where_none_is_wanted(self):
        answer = chat(max_tokens=40).bind_tools([tide], tool_choice="none").invoke("How high is the tide in Kobe at 6?")
        self.assertEqual(answer.tool_calls, [])


class Forms(unittest.TestCase):
    def test_structured_output_is_what_the_class_says_by_each_method(self):
        for fields in ({"method": "json_schema"}, {"method": "json_schema", "strict": True}, {"method": "function_calling"}):
            for responses in (False, True):
                model = chat(use_responses_api=responses, max_tokens=300).with_structured_output(Town, **fields)
                self.assertIsInstance(model.invoke(JAPAN), Town, (fields, responses))

    def test_a_streamed_form_ends_as_the_class_says(self):
        *_, last = chat(max_tokens=300).with_structured_output(Town).stream(JAPAN)
        self.assertIsInstance(last, Town)

    def test_json_mode_is_json(self):
        parsed = chat(max_tokens=400).with_structured_output(method="json_mode", include_raw=True).invoke(JAPAN)
        if parsed["raw"].response_metadata["finish_reason"] == "stop":
            self.assertIsInstance(parsed["parsed"], dict)


class Embeddings(unittest.TestCase):
    def test_texts_are_vectors_of_length_one_each_the_same_alone(self):
        # The length check would fetch a tokenizer of OpenAI's.
        embeddings = OpenAIEmbeddings(base_url=os.environ["HEARTH_BASE_URL"], api_key="any", model="embedder", max_retries=0,
                                      check_embedding_ctx_length=False)
        texts = ["a small cat", "the sea at night", "a small cat"]
        vectors = embeddings.embed_documents(texts)
        self.assertEqual(vectors[0], vectors[2])
        self.assertNotEqual(vectors[0], vectors[1])
        self.assertEqual(embeddings.embed_query(texts[1]), vectors[1])
        for vector in vectors:
            self.assertAlmostEqual(math.hypot(*vector), 1, places=4)


if __name__ == "__main__":
    unittest.main()
