"""local - what the scripts share: a client of the service, and an answer with what it took."""
import os
import time
from dataclasses import dataclass

import openai
from foundry_local import FoundryLocalManager


@dataclass
class Answer:
    text: str
    seconds: float
    first_token_seconds: float
    tokens: int
    prompt_tokens: int


def connect():
    manager = FoundryLocalManager()
    return openai.OpenAI(base_url=manager.endpoint, api_key=manager.api_key)


def model_of(variable, otherwise):
    return os.environ.get(variable) or os.environ.get("MODEL") or otherwise


def ask(client, model, prompt, system=None, history=(), **fields):
    """One answer, streamed so that the first token's time is known. fields: max_tokens, temperature, …"""
    messages = [{"role": "system", "content": system}] if system else []
    messages += [*history, {"role": "user", "content": prompt}]
    fields = {"max_tokens": int(os.environ.get("MAX_TOKENS", "300")), **fields}
    began, first, text, usage = time.perf_counter(), None, "", None
    for chunk in client.chat.completions.create(model=model, messages=messages, stream=True,
                                                stream_options={"include_usage": True}, **fields):
        if chunk.choices and chunk.choices[0].delta.content:
            first = first or time.perf_counter()
            text += chunk.choices[0].delta.content
        usage = chunk.usage or usage
    ended = time.perf_counter()
    return Answer(text.strip(), ended - began, (first or ended) - began, usage.completion_tokens, usage.prompt_tokens)
