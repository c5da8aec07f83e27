"""hybrid - session 4: SLM_ALIAS drafts; a draft of HYBRID_LENGTH characters or more goes to LLM_ALIAS to be refined. Prints both
latencies, and what the tokens would have cost at CLOUD_PRICE dollars a million."""
import os

from local import ask, connect


def main():
    client = connect()
    prompt = os.environ.get("HYBRID_PROMPT", "Write a short introduction to running language models locally.")
    draft = ask(client, os.environ.get("SLM_ALIAS", "phi-4-mini"), prompt, temperature=0.3)
    tokens = draft.tokens + draft.prompt_tokens
    print(f"[DRAFT, {draft.seconds:.2f} s]\n{draft.text}\n")
    if len(draft.text) >= int(os.environ.get("HYBRID_LENGTH", "600")):
        refined = ask(client, os.environ.get("LLM_ALIAS", "gpt-oss-20b"), f"Improve the clarity, keep the facts:\n{draft.text}", temperature=0.3)
        tokens += refined.tokens + refined.prompt_tokens
        print(f"[REFINED, {refined.seconds:.2f} s]\n{refined.text}\n")
    else:
        print("[KEPT: the draft is short]\n")
    price = float(os.environ.get("CLOUD_PRICE", "0.60"))
    print(f"{tokens} tokens; in a cloud at {price} $ a million: {tokens * price / 1e6:.6f} $")


if __name__ == "__main__":
    main()
