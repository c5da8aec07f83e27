#!/usr/bin/env python3
"""openai_python_test - the official openai package for Python against a running Hearth (tests/clients/run_with_server
starts one). Reads HEARTH_BASE_URL and HEARTH_MODEL."""
import json
import os
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Annotated, Literal

import openai
from pydantic import BaseModel, Field

MODEL = os.environ["HEARTH_MODEL"]
# No retries: an answer that only came at the second try is a failure here.
CLIENT = openai.OpenAI(base_url=os.environ["HEARTH_BASE_URL"], api_key="any", max_retries=0, timeout=120)
JAPAN = [
    {"role": "system", "content": "You are a helpful assistant."},
    {"role": "user", "content": "What is the capital of Japan?"},
]


def chat(**fields):
    return CLIENT.chat.completions.create(**{"model": MODEL, "messages": JAPAN, "temperature": 0, **fields})


class Version(unittest.TestCase):
    def test_is_the_one_that_was_asked_for(self):
        self.assertEqual(openai.__version__, os.environ.get("HEARTH_OPENAI_VERSION", openai.__version__))


class Models(unittest.TestCase):
    def test_the_model_is_listed_and_can_be_retrieved(self):
        self.assertIn(MODEL, [model.id for model in CLIENT.models.list()])
        self.assertEqual(CLIENT.models.retrieve(MODEL).id, MODEL)

    def test_an_unknown_model_is_not_found(self):
        with self.assertRaises(openai.NotFoundError) as caught:
            CLIENT.models.retrieve("no-such-model")
        self.assertEqual(caught.exception.code, "model_not_found")
        with self.assertRaises(openai.NotFoundError):
            chat(model="no-such-model")


class Chat(unittest.TestCase):
    def test_a_question_is_answered(self):
        answer = chat()
        self.assertEqual(answer.choices[0].message.content, "The capital of Japan is Tokyo.")
        self.assertEqual(answer.choices[0].message.role, "assistant")
        self.assertEqual(answer.choices[0].finish_reason, "stop")
        self.assertEqual(answer.model, MODEL)
        self.assertLess(abs(answer.created - time.time()), 600)
        usage = answer.usage
        self.assertEqual(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens)
        self.assertGreater(usage.prompt_tokens, 20)
        self.assertEqual(usage.completion_tokens, 8)

    def test_a_stream_is_the_same_text_with_one_finish_reason_and_the_same_usage(self):
        whole = chat()
        chunks = list(chat(stream=True, stream_options={"include_usage": True}))
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        self.assertEqual(text, whole.choices[0].message.content)
        reasons = [c.finish_reason for chunk in chunks for c in chunk.choices if c.finish_reason]
        self.assertEqual(reasons, ["stop"])
        self.assertEqual([chunk.usage is not None for chunk in chunks], [False] * (len(chunks) - 1) + [True])
        self.assertEqual(chunks[-1].usage.completion_tokens, whole.usage.completion_tokens)
        self.assertEqual(len({chunk.id for chunk in chunks}), 1)

    def test_max_tokens_ends_an_answer_with_reason_length(self):
        for name in ("max_tokens", "max_completion_tokens"):
            answer = chat(**{name: 3})
            self.assertEqual(answer.choices[0].finish_reason, "length")
            self.assertEqual(answer.usage.completion_tokens, 3)

    def test_a_stop_text_is_never_part_of_the_answer(self):
        for stop in (" is To", ["zzz", "Japan is"]):
            answer = chat(stop=stop)
            self.assertEqual(answer.choices[0].finish_reason, "stop")
            self.assertTrue("The capital of Japan is Tokyo.".startswith(answer.choices[0].message.content))
            self.assertNotIn("is To", answer.choices[0].message.content)

    def test_a_seed_repeats_an_answer_and_n_gives_several(self):
        first = chat(temperature=1, seed=11, n=2, max_tokens=24)
        texts = [choice.message.content for choice in first.choices]
        for name in ("seed", "random_seed"):  # the second is Foundry Local's
            again = chat(temperature=1, n=2, max_tokens=24, extra_body={name: 11})
            self.assertEqual(texts, [choice.message.content for choice in again.choices])
        self.assertEqual([choice.index for choice in first.choices], [0, 1])

    def test_logprobs_are_of_the_tokens_of_the_answer(self):
        answer = chat(logprobs=True, top_logprobs=3)
        content = answer.choices[0].logprobs.content
        self.assertEqual("".join(entry.token for entry in content), answer.choices[0].message.content)
        for entry in content:
            self.assertLessEqual(entry.logprob, 0)
            self.assertEqual(len(entry.top_logprobs), 3)
            self.assertEqual(entry.top_logprobs[0].token, entry.token)  # temperature 0 takes the best
            self.assertEqual(bytes(entry.bytes).decode(), entry.token)

    def test_parallel_answers_are_those_given_alone(self):
        questions = [f"Name {n} animals." for n in range(2, 10)]

        def ask(question):
            stream = chat(messages=[{"role": "user", "content": question}], max_tokens=32, stream=True)
            return "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)

        alone = [ask(question) for question in questions]
        with ThreadPoolExecutor(len(questions)) as pool:
            self.assertEqual(list(pool.map(ask, questions)), alone)

    def test_four_answers_at_once_come_in_turns(self):
        questions = [f"Count from {n} upwards." for n in range(4)]
        arrivals, together = [], Barrier(len(questions))

        def ask(question, arrived=lambda question: None):
            stream = chat(messages=[{"role": "user", "content": question}], max_tokens=96, stream=True,
                          extra_body={"ignore_eos": True})
            text = ""
            for chunk in stream:
                if chunk.choices and chunk.choices[0].delta.content:
                    text += chunk.choices[0].delta.content
                    arrived(question)
            return text

        def ask_with_the_others(question):
            together.wait()
            return ask(question, arrivals.append)

        alone = [ask(question) for question in questions]
        with ThreadPoolExecutor(len(questions)) as pool:
            self.assertEqual(list(pool.map(ask_with_the_others, questions)), alone)
        first_end = min(max(at for at, other in enumerate(arrivals) if other == question) for question in questions)
        self.assertEqual(set(arrivals[:first_end]), set(questions), "one had not begun when another had ended")

    def test_a_closed_stream_leaves_the_service_usable(self):
        stream = chat(messages=[{"role": "user", "content": "Count to one thousand."}], stream=True)
        next(iter(stream))
        stream.close()
        self.assertEqual(chat().choices[0].message.content, "The capital of Japan is Tokyo.")

    def test_the_raw_answer_carries_a_request_id(self):
        raw = CLIENT.chat.completions.with_raw_response.create(model=MODEL, messages=JAPAN, max_tokens=1)
        self.assertTrue(raw.headers["x-request-id"])
        self.assertEqual(json.loads(raw.text)["object"], "chat.completion")


class Forms(unittest.TestCase):
    def test_a_parsed_answer_is_what_the_class_says(self):
        class Town(BaseModel):
            name: str = Field(max_length=30)
            country: Literal["Japan", "Peru"]
            population: int = Field(ge=1, le=100_000_000)
            sights: list[Annotated[str, Field(max_length=30)]] = Field(max_length=2)

        for seed in range(3):
            parsed = CLIENT.chat.completions.parse(model=MODEL, messages=JAPAN, max_tokens=300, seed=seed, temperature=1.2,
                                                   response_format=Town)
            self.assertIsInstance(parsed.choices[0].message.parsed, Town)

    def test_a_json_object_is_one_whole_and_streamed(self):
        asked = {"response_format": {"type": "json_object"}, "max_tokens": 200, "messages": [
            {"role": "system", "content": 'Answer with a JSON object such as {"country": "Peru", "capital": "Lima"}.'},
            {"role": "user", "content": "What is the capital of Japan?"}]}
        [whole] = chat(**asked).choices
        chunks = [chunk.choices[0] for chunk in chat(**asked, stream=True) if chunk.choices]
        self.assertEqual("".join(chunk.delta.content or "" for chunk in chunks), whole.message.content)
        self.assertEqual([whole.finish_reason, chunks[-1].finish_reason], ["stop"] * 2)
        parsed = json.loads(whole.message.content)
        self.assertIsInstance(parsed, dict)
        self.assertTrue(parsed)

    def test_a_demanded_call_is_made_with_the_arguments_of_its_schema(self):
        schema = {"type": "object", "properties": {"city": {"enum": ["Tokyo", "Lima"]}}, "required": ["city"],
                  "additionalProperties": False}
        tools = [{"type": "function", "function": {"name": name, "parameters": schema, "strict": True}}
                 for name in ("weather", "tide")]
        for choice in ("required", {"type": "function", "function": {"name": "tide"}}):
            answer = chat(tools=tools, tool_choice=choice, parallel_tool_calls=False, max_tokens=200)
            [call] = answer.choices[0].message.tool_calls
            self.assertIn(json.loads(call.function.arguments)["city"], ("Tokyo", "Lima"))
            self.assertIn(call.function.name, ("weather", "tide") if choice == "required" else ("tide",))

    def test_a_grammar_is_kept_to(self):
        grammar = {"type": "grammar", "grammar": 'root ::= "It is " ("Tokyo" | "Lima") "."'}
        self.assertIn(chat(extra_body={"response_format": grammar}).choices[0].message.content,
                      ("It is Tokyo.", "It is Lima."))


class Responses(unittest.TestCase):
    FIELDS = {"model": MODEL, "temperature": 0, "max_output_tokens": 200}

    def test_a_conversation_goes_on_from_a_response_until_it_is_deleted(self):
        first = CLIENT.responses.create(**self.FIELDS, instructions="You are a helpful assistant.",
                                        input="What is the capital of Japan?")
        self.assertEqual(first.output_text, "The capital of Japan is Tokyo.")
        again = CLIENT.responses.retrieve(first.id)
        self.assertEqual(again.output_text, first.output_text)
        self.assertEqual(CLIENT.responses.input_items.list(first.id).data[0].content[0].text, "What is the capital of Japan?")
        second = CLIENT.responses.create(**self.FIELDS, input="And of Peru?", previous_response_id=first.id)
        self.assertEqual(second.previous_response_id, first.id)
        self.assertGreater(second.usage.input_tokens, first.usage.input_tokens)
        self.assertGreater(second.usage.input_tokens_details.cached_tokens, 0)
        CLIENT.responses.delete(first.id)
        with self.assertRaises(openai.NotFoundError):
            CLIENT.responses.retrieve(first.id)
        with self.assertRaises(openai.NotFoundError):
            CLIENT.responses.create(**self.FIELDS, input="And of Chile?", previous_response_id=first.id)

    def test_what_is_not_stored_cannot_be_gone_on_from(self):
        first = CLIENT.responses.create(**self.FIELDS, input="Hi", store=False)
        with self.assertRaises(openai.NotFoundError):
            CLIENT.responses.retrieve(first.id)

    def test_the_stream_helper_sees_the_same_answer(self):
        question = {"input": [{"role": "system", "content": "You are a helpful assistant."},
                              {"role": "user", "content": "What is the capital of Japan?"}]}
        with CLIENT.responses.stream(**self.FIELDS, **question) as stream:
            deltas = [event.delta for event in stream if event.type == "response.output_text.delta"]
            final = stream.get_final_response()
        self.assertEqual("".join(deltas), "The capital of Japan is Tokyo.")
        self.assertEqual(final.output_text, "".join(deltas))
        self.assertEqual(final.status, "completed")

    def test_a_parsed_response_is_what_the_class_says(self):
        class Answer(BaseModel):
            capital: Literal["Tokyo", "Lima"]

        parsed = CLIENT.responses.parse(**self.FIELDS, input="What is the capital of Japan?", text_format=Answer)
        self.assertIn(parsed.output_parsed.capital, ("Tokyo", "Lima"))

    def test_a_demanded_call_is_streamed_and_its_result_is_understood(self):
        tool = {"type": "function", "name": "tide", "strict": True, "parameters": {
            "type": "object", "properties": {"port": {"enum": ["Kobe", "Lima"]}}, "required": ["port"],
            "additionalProperties": False}}
        question = {"role": "user", "content": "When is high tide in Kobe?"}
        with CLIENT.responses.stream(**self.FIELDS, input=[question], tools=[tool], tool_choice="required",
                                     parallel_tool_calls=False) as stream:
            for _ in stream:
                pass
            final = stream.get_final_response()
        [call] = final.output
        self.assertIn(json.loads(call.arguments)["port"], ("Kobe", "Lima"))
        result = {"type": "function_call_output", "call_id": call.call_id, "output": "06:12"}
        answer = CLIENT.responses.create(**self.FIELDS, input=[question, call, result], tools=[tool])
        self.assertEqual(answer.status, "completed")
        self.assertTrue(answer.output_text)


class Refusals(unittest.TestCase):
    def assert_refused(self, param, **fields):
        with self.assertRaises(openai.BadRequestError) as caught:
            chat(**fields)
        self.assertEqual(caught.exception.param, param)
        self.assertIn(param.split(".")[-1].split("[")[0], caught.exception.message)
        return caught.exception

    def test_what_is_not_honoured_is_refused_by_name(self):
        schema = {"name": "s", "schema": {"type": "array", "uniqueItems": True}}
        self.assert_refused("response_format", response_format={"type": "json_schema", "json_schema": schema})
        self.assert_refused("no_such_field", extra_body={"no_such_field": 1})

    def test_values_out_of_range_are_refused(self):
        self.assert_refused("temperature", temperature=2.5)
        self.assert_refused("top_p", top_p=-0.1)
        self.assert_refused("max_tokens", max_tokens=0)

    def test_a_prompt_longer_than_the_context_is_refused_with_its_code(self):
        with self.assertRaises(openai.BadRequestError) as caught:
            chat(messages=[{"role": "user", "content": "word " * 9000}])
        self.assertEqual(caught.exception.code, "context_length_exceeded")


class Completions(unittest.TestCase):
    def test_a_text_goes_on_whole_and_streamed(self):
        fields = {"model": MODEL, "prompt": "The capital of France is", "max_tokens": 8, "temperature": 0}
        whole = CLIENT.completions.create(**fields)
        self.assertTrue(whole.choices[0].text)
        self.assertEqual(whole.usage.completion_tokens, 8)
        stream = CLIENT.completions.create(**fields, stream=True)
        self.assertEqual("".join(chunk.choices[0].text for chunk in stream if chunk.choices), whole.choices[0].text)

    def test_several_prompts_are_answered_in_order(self):
        prompts = ["One, two,", "Monday, Tuesday,"]
        fields = {"model": MODEL, "max_tokens": 4, "temperature": 0}
        together = CLIENT.completions.create(**fields, prompt=prompts)
        alone = [CLIENT.completions.create(**fields, prompt=prompt).choices[0].text for prompt in prompts]
        self.assertEqual([choice.text for choice in together.choices], alone)


if __name__ == "__main__":
    unittest.main(verbosity=2)
