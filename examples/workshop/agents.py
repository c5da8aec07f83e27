"""agents - session 5: a researcher finds facts, an editor writes them down. AGENT_QUESTION is the question; AGENT_TRACE a file that
gets a JSON line for each step."""
import json
import os

from local import ask, connect, model_of


class Agent:
    def __init__(self, client, name, model, system):
        self.client, self.name, self.model, self.system, self.memory = client, name, model, system, []

    def act(self, prompt, trace):
        answer = ask(self.client, self.model, prompt, system=self.system, history=self.memory[-6:], temperature=0.4)
        self.memory += [{"role": "user", "content": prompt}, {"role": "assistant", "content": answer.text}]
        trace.append({"step": len(trace) + 1, "agent": self.name, "model": self.model, "latency_ms": round(answer.seconds * 1000),
                      "tokens_in": answer.prompt_tokens, "tokens_out": answer.tokens})
        return answer.text


def main():
    client, trace = connect(), []
    primary = model_of("AGENT_MODEL_PRIMARY", "phi-4-mini")
    editor_model = os.environ.get("AGENT_MODEL_EDITOR") or primary
    question = os.environ.get("AGENT_QUESTION", "Why does local inference matter for privacy?")
    researcher = Agent(client, "researcher", primary, "You collect facts as short bullet points.")
    editor = Agent(client, "editor", editor_model, "You rewrite notes as one clear paragraph.")
    notes = researcher.act(question, trace)
    final = editor.act(f"Write these notes as one paragraph:\n{notes}", trace)
    print(f"== RESEARCH ==\n{notes}\n\n== FINAL ==\n{final}")
    if path := os.environ.get("AGENT_TRACE"):
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(json.dumps(step) + "\n" for step in trace)


if __name__ == "__main__":
    main()
