"""router - session 6: each question goes to the model made for its kind; then a task in steps, each routed by itself. Aliases:
GENERAL_MODEL, CODE_MODEL, FAST_MODEL."""
import json
import os
import re

from local import ask, connect

MODELS = {
    "code": os.environ.get("CODE_MODEL", "qwen2.5-coder-0.5b"),
    "classification": os.environ.get("FAST_MODEL", "qwen2.5-0.5b"),
    "summarize": os.environ.get("GENERAL_MODEL", "phi-4-mini"),
    "general": os.environ.get("GENERAL_MODEL", "phi-4-mini"),
}
RULES = [("code", r"code|refactor|function|python"), ("summarize", r"summari|abstract|tl;dr"),
         ("classification", r"classif|category|label")]
QUESTIONS = ["Write a Python function that reverses a text.", "Summarize why small models matter, in one sentence.",
             "Classify this sentence as positive or negative: I like the sea."]
TASK = "a plan to bring a language model to a laptop"


def intent_of(text):
    return next((intent for intent, pattern in RULES if re.search(pattern, text, re.IGNORECASE)), "general")


def main():
    client = connect()
    for number, question in enumerate(QUESTIONS, 1):
        intent = intent_of(question)
        answer = ask(client, MODELS[intent], question, temperature=0.5)
        print(f"[TEST {number}/{len(QUESTIONS)}]\nPrompt: {question}\nIntent: {intent}\nModel: {MODELS[intent]}\n"
              f"Output: {answer.text}\nTokens: {answer.tokens}\n")
    steps = []
    for step in (f"Name three steps of {TASK}.", "Write code that checks the free memory in Python.", "Summarize the steps."):
        model = MODELS[intent_of(step)]
        steps.append({"step": step, "alias": model, "out": ask(client, model, step, temperature=0.4).text})
    print("[PIPELINE RESULTS]\n" + json.dumps({"task": TASK, "steps": steps, "final": steps[-1]["out"]}, indent=2))


if __name__ == "__main__":
    main()
