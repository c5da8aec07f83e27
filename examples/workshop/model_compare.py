"""model_compare - session 4: SLM_ALIAS beside LLM_ALIAS on COMPARE_PROMPT; a JSON row each, and how much sooner the small one is."""
import json
import os

import openai
from local import ask, connect

PROMPT = "List five benefits of local AI inference."


def main():
    client = connect()
    prompt = os.environ.get("COMPARE_PROMPT", PROMPT)
    rows = []
    for model in (os.environ.get("SLM_ALIAS", "phi-4-mini"), os.environ.get("LLM_ALIAS", "gpt-oss-20b")):
        try:
            ask(client, model, "Hi", max_tokens=1)  # loading is not answering
            answer = ask(client, model, prompt, temperature=0)
            rows.append({"alias": model, "latency_sec": round(answer.seconds, 3), "first_token_sec": round(answer.first_token_seconds, 3),
                         "tokens": answer.tokens, "sample": answer.text[:160]})
        except openai.OpenAIError as error:
            rows.append({"alias": model, "error": str(error)})
    print(json.dumps(rows, indent=2))
    if all("latency_sec" in row for row in rows):
        print(f"The small model answered {rows[1]['latency_sec'] / max(rows[0]['latency_sec'], 1e-3):.2f} x as fast.")
    return 1 if all("error" in row for row in rows) else 0


if __name__ == "__main__":
    raise SystemExit(main())
