"""benchmark - session 3: BENCH_MODELS (aliases, separated by commas), BENCH_ROUNDS rounds each after one to warm up; JSON on
standard output, with medians."""
import json
import os
import statistics

from local import ask, connect

PROMPT = "Explain in two sentences why a small language model can be the right choice."


def main():
    client = connect()
    rounds = int(os.environ.get("BENCH_ROUNDS", "3"))
    rows = []
    for model in os.environ.get("BENCH_MODELS", "phi-4-mini,qwen2.5-0.5b").split(","):
        ask(client, model, PROMPT, max_tokens=8)
        answers = [ask(client, model, f"({i}) {PROMPT}", temperature=0) for i in range(rounds)]
        rows.append({
            "alias": model,
            "rounds": rounds,
            "latency_sec": round(statistics.median(a.seconds for a in answers), 4),
            "first_token_sec": round(statistics.median(a.first_token_seconds for a in answers), 4),
            "tokens": round(statistics.mean(a.tokens for a in answers), 1),
            "tokens_per_sec": round(statistics.median(a.tokens / max(a.seconds, 1e-9) for a in answers), 2),
        })
    print(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
