"""benchmark - session 3: BENCH_MODELS (aliases, separated by commas), BENCH_ROUNDS rounds each after one to warm up; JSON on
standard output, a model that does not answer on standard error. Latencies are those of whole answers, in seconds;
tokens_per_sec_avg counts the answer's tokens only. BENCH_STREAM=1 adds first_token_latency_avg: of streams that are left at
their first word, which ends their computation. BENCH_PROMPT is what is asked."""
import json
import os
import statistics
import sys
import time

import openai
from local import connect

PROMPT = "Explain in two sentences why a small language model can be the right choice."


def whole(client, model, prompt, max_tokens=120):
    """Seconds, and tokens of the answer a second."""
    began = time.perf_counter()
    answer = client.chat.completions.create(model=model, messages=[{"role": "user", "content": prompt}], max_tokens=max_tokens,
                                            temperature=0.2)
    seconds = time.perf_counter() - began
    return seconds, answer.usage.completion_tokens / seconds


def first_token(client, model, prompt):
    """Seconds to the first text of a stream, or to its end when it has none."""
    began = time.perf_counter()
    with client.chat.completions.create(model=model, messages=[{"role": "user", "content": prompt}], max_tokens=60, temperature=0.2,
                                        stream=True) as stream:
        for chunk in stream:
            if chunk.choices and chunk.choices[0].delta.content:
                break
    return time.perf_counter() - began


def percentile(values, percent):
    """Between the two nearest, as numpy.percentile does."""
    place = (len(values) - 1) * percent / 100
    low, high = sorted(values)[int(place)], sorted(values)[min(int(place) + 1, len(values) - 1)]
    return low + (high - low) * (place - int(place))


def measure(client, model, rounds):
    prompt = os.environ.get("BENCH_PROMPT", PROMPT)
    whole(client, model, prompt, max_tokens=8)
    prompts = [f"({i}) {prompt}" for i in range(rounds)]  # each its own, so that none is found in the cache
    latencies, rates = zip(*(whole(client, model, text) for text in prompts))
    row = {
        "alias": model,
        "latency_avg": round(statistics.mean(latencies), 4),
        "latency_p50": round(percentile(latencies, 50), 4),
        "latency_p95": round(percentile(latencies, 95), 4),
        "tokens_per_sec_avg": round(statistics.mean(rates), 2),
        "rounds": rounds,
    }
    if os.environ.get("BENCH_STREAM") == "1":
        streamed = [first_token(client, model, f"(streamed {i}) {prompt}") for i in range(rounds)]
        row["first_token_latency_avg"] = round(statistics.mean(streamed), 4)
    return row


def main():
    client, rows = connect(), []
    for model in os.environ.get("BENCH_MODELS", "phi-4-mini,qwen2.5-0.5b").split(","):
        try:
            rows.append(measure(client, model, int(os.environ.get("BENCH_ROUNDS", "3"))))
        except openai.OpenAIError as error:
            print(f"{model}: {error}", file=sys.stderr)
    print(json.dumps(rows, indent=2))
    sys.exit(0 if rows else 1)


if __name__ == "__main__":
    main()
