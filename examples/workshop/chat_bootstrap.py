"""chat_bootstrap [QUESTION] - session 1: a question answered whole, then streamed as it is written."""
import sys

from local import connect, model_of


def main():
    question = " ".join(sys.argv[1:]) or "List three benefits of running a model on one's own machine."
    client, model = connect(), model_of("FOUNDRY_LOCAL_ALIAS", "phi-4-mini")
    messages = [{"role": "user", "content": question}]
    answer = client.chat.completions.create(model=model, messages=messages, max_tokens=200, temperature=0.3)
    print(f"[WHOLE, {answer.usage.total_tokens} tokens]\n{answer.choices[0].message.content}\n")
    print("[STREAMED]")
    for chunk in client.chat.completions.create(model=model, messages=messages, max_tokens=200, temperature=0.3, stream=True):
        print(chunk.choices[0].delta.content or "", end="", flush=True)
    print()


if __name__ == "__main__":
    main()
