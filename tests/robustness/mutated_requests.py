#!/usr/bin/env python3
"""mutated_requests [--requests N] [--seed S] - throws wrong requests at a service of its own and looks at what comes back.

Bodies that are right are changed at random: values become other values, of other types, at the edges of their ranges; members
vanish, appear, repeat; the JSON itself breaks. Every reply must come in time, be no 5xx (503 with Retry-After, for a full
queue, is right) and, if it is a 4xx, have an error body in OpenAI's form. At the end the service still answers rightly.
Reads HEARTH_BINARY; uses a tiny model of the repository, loopback only.
"""
import argparse
import http.client
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "tests/golden/hf/llama_tied/model.gguf"
PATIENCE = 30  # seconds for a reply
EDGES = [None, True, False, 0, -1, 1, 2**31 - 1, -2**31, 2**31, 2**53, -2**63, 2**64, 1e308, -1e308, 1e-308, 0.5, "", "x", "a" * 5000,
         "\u0000", "é🙂", "<|im_end|>", "../../etc/passwd", [], {}, [[]], [None], {"a": {}}, "NaN", "1e999"]
TOOL = {"type": "function", "function": {"name": "f", "description": "d", "strict": True, "parameters": {
    "type": "object", "properties": {"a": {"type": "integer", "minimum": 0, "maximum": 9}}, "required": ["a"]}}}
SEEDS = [
    ("/v1/chat/completions", {"model": "tiny", "max_tokens": 2, "temperature": 1, "top_p": 0.9, "seed": 1, "n": 1, "stop": ["x"], "stream": False,
                              "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": [{"type": "text", "text": "Hi"}]}]}),
    ("/v1/chat/completions", {"model": "tiny", "max_tokens": 2, "stream": True, "stream_options": {"include_usage": True}, "logprobs": True,
                              "top_logprobs": 2, "messages": [{"role": "user", "content": "Hi"}]}),
    ("/v1/chat/completions", {"model": "tiny", "max_tokens": 2, "tools": [TOOL], "tool_choice": "required", "parallel_tool_calls": False,
                              "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": None, "tool_calls": [
                                  {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
                                           {"role": "tool", "tool_call_id": "c", "content": "1"}]}),
    ("/v1/chat/completions", {"model": "tiny", "max_tokens": 2, "messages": [{"role": "user", "content": "Hi"}],
                              "response_format": {"type": "json_schema", "json_schema": {"name": "s", "strict": True, "schema": {
                                  "type": "object", "properties": {"s": {"type": "string", "pattern": "^[a-f]{2,4}$"}, "xs": {
                                      "type": "array", "items": {"$ref": "#/$defs/n"}, "maxItems": 3}}, "$defs": {"n": {"enum": [1, None]}}}}}}),
    ("/v1/chat/completions", {"model": "tiny", "max_tokens": 2, "messages": [{"role": "user", "content": "Hi"}],
                              "response_format": {"type": "grammar", "grammar": "root ::= [a-z]+ (\"x\" | y){2,3}\ny ::= \"b\" y | \"\""}}),
    ("/v1/completions", {"model": "tiny", "prompt": ["a", [1, 2]], "max_tokens": 2, "echo": True, "logprobs": 1, "logit_bias": {"5": 1}}),
    ("/v1/responses", {"model": "tiny", "input": [{"role": "user", "content": [{"type": "input_text", "text": "Hi"}]}], "instructions": "i",
                       "max_output_tokens": 2, "metadata": {"a": "b"}, "store": True, "tools": [{"type": "function", "name": "f"}]}),
    ("/v1/embeddings", {"model": "tiny", "input": ["a"], "encoding_format": "base64", "dimensions": 3}),
    ("/v1/chat/completions/tokenizer/encode/count", {"model": "tiny", "messages": [{"role": "user", "content": "Hi"}]}),
    ("/openai/download", {"model": {"Name": "nothing-like-it", "Uri": ""}, "token": "", "IgnorePipeReport": True}),
]


def places(value, path=()):
    """Every place inside a JSON value."""
    yield path
    if isinstance(value, dict):
        for key in value:
            yield from places(value[key], path + (key,))
    elif isinstance(value, list):
        for index in range(len(value)):
            yield from places(value[index], path + (index,))


def edge(rng):
    return json.loads(json.dumps(rng.choice(EDGES)))  # a value of its own: it may be changed in turn


def changed(body, rng):
    body = json.loads(json.dumps(body))
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        path = rng.choice(list(places(body)))
        if not path:
            if rng.random() < 0.1:
                return edge(rng)
            continue
        parent = body
        for step in path[:-1]:
            parent = parent[step]
        kind = rng.random()
        if kind < 0.55:
            parent[path[-1]] = edge(rng)
        elif kind < 0.7:
            del parent[path[-1]]
        elif isinstance(parent, dict):
            parent[rng.choice(("unknown", "Model", "type", "$ref", "not", "n", "max_tokens", ""))] = edge(rng)
        else:
            parent.append(json.loads(json.dumps(rng.choice(EDGES + parent[:1]))))
    return body


def raw(body, rng):
    text = json.dumps(body, ensure_ascii=rng.random() < 0.5).encode("utf-8", "surrogatepass")
    if rng.random() < 0.15:
        at = rng.randrange(len(text) + 1)
        junk = rng.choice((b"\x00", b"\xff", b"}", b'"', b",", b"[" * 200, b"", b"\\u12", b"1e9999", b"\n"))
        text = text[:at] + junk + text[at + rng.randrange(3):]
    return text


class Thrower(threading.Thread):
    def __init__(self, port, rng, n_requests, faults):
        super().__init__()
        self.port, self.rng, self.n_requests, self.faults = port, rng, n_requests, faults
        self.statuses = {}

    def run(self):
        connection = None
        for _ in range(self.n_requests):
            path, seed = self.rng.choice(SEEDS)
            body = raw(changed(seed, self.rng), self.rng)
            try:
                connection = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
                connection.request("POST", path, body, {"Content-Type": "application/json"})
                reply = connection.getresponse()
                text = reply.read()
            except (OSError, http.client.HTTPException) as error:
                self.faults.append((path, body, f"no reply: {error!r}"))
                connection = None
                continue
            self.statuses[reply.status] = self.statuses.get(reply.status, 0) + 1
            self.judge(path, body, reply, text)

    def judge(self, path, body, reply, text):
        if reply.status == 503 and reply.getheader("Retry-After"):
            return
        if reply.status >= 500:
            return self.faults.append((path, body, f"{reply.status}: {text[:300]!r}"))
        if reply.status < 400:
            return
        try:
            error = json.loads(text)["error"]
            assert set(error) == {"message", "type", "param", "code"} and error["message"]
        except (ValueError, KeyError, TypeError, AssertionError):
            self.faults.append((path, body, f"{reply.status} without an error body: {text[:300]!r}"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=4)
    options = parser.parse_args()
    binary = os.environ["HEARTH_BINARY"]
    with tempfile.TemporaryDirectory(prefix="hearth-robust.") as home:
        environment = dict(os.environ, HEARTH_HOME=home, HEARTH_LOG="error", HF_ENDPOINT="http://127.0.0.1:9", no_proxy="*")
        subprocess.run([binary, "model", "import", MODEL, "--alias", "tiny"], env=environment, check=True, capture_output=True)
        service = subprocess.Popen([binary, "serve", "--port", "0", "--model", "tiny"], env=environment, stdout=subprocess.PIPE)
        port = int(service.stdout.readline().decode().strip().rsplit(":", 1)[1])
        faults, started = [], time.monotonic()
        share = -(-options.requests // options.threads)
        throwers = [Thrower(port, random.Random(options.seed * 1000 + i), share, faults) for i in range(options.threads)]
        for thrower in throwers:
            thrower.start()
        for thrower in throwers:
            thrower.join()
        statuses = {}
        for thrower in throwers:
            for status, count in thrower.statuses.items():
                statuses[status] = statuses.get(status, 0) + count
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        connection.request("POST", *SEEDS[0][:1], json.dumps(SEEDS[0][1]), {"Content-Type": "application/json"})
        last = connection.getresponse().status
        service.terminate()
        status = service.wait(timeout=60)
        print(f"{sum(statuses.values())} replies in {time.monotonic() - started:.0f} s: {dict(sorted(statuses.items()))}; "
              f"then {last}; the service ended with {status}; {len(faults)} faults")
        for path, body, what in faults[:20]:
            print(f"  {path} {body[:600]!r}\n    {what}")
        return 1 if faults or last != 200 or status != 0 else 0


if __name__ == "__main__":
    sys.exit(main())
