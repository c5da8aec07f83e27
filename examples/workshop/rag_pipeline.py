"""rag_pipeline - session 2: the documents that are nearest to the question are the model's context. RAG_QUESTION is the question;
RAG_DOCUMENTS names a file of your own documents, one a line; EMBED_MODEL names an embedding model, without which words that
documents share with the question count."""
import math
import os
from pathlib import Path

from local import ask, connect, model_of

EXAMPLES = [
    "Hearth runs language models on the machine in front of its user; no text leaves it.",
    "Retrieval-augmented generation gives a model the passages that its answer has to rest on.",
    "A vector database finds passages by the direction of their embeddings, not by their words.",
    "Tokyo is the capital of Japan.",
    "A small model answers sooner and needs less memory; a large one makes fewer mistakes.",
]
OWN = os.environ.get("RAG_DOCUMENTS")
DOCUMENTS = [line for line in Path(OWN).read_text().splitlines() if line.strip()] if OWN else EXAMPLES
SYSTEM = "Answer from the context only. If it does not say, say so."


def words(text):
    return {word.strip(".,;:?!'\"").lower() for word in text.split() if len(word) > 3}


def cosine(a, b):
    return sum(x * y for x, y in zip(a, b)) / (math.hypot(*a) * math.hypot(*b) or 1)


def nearest(client, question, n):
    if embedder := os.environ.get("EMBED_MODEL"):
        vectors = [entry.embedding for entry in client.embeddings.create(model=embedder, input=[question, *DOCUMENTS]).data]
        scores = [cosine(vectors[0], vector) for vector in vectors[1:]]
    else:
        scores = [len(words(question) & words(document)) for document in DOCUMENTS]
    return sorted(range(len(DOCUMENTS)), key=lambda i: -scores[i])[:n]


def prompt_of(question, chosen):
    context = "\n".join(f"[{i + 1}] {DOCUMENTS[i]}" for i in chosen)
    return f"Context:\n{context}\n\nQuestion: {question}"


def main():
    client, model = connect(), model_of("FOUNDRY_LOCAL_ALIAS", "phi-4-mini")
    question = os.environ.get("RAG_QUESTION", "What is the capital of Japan?")
    chosen = nearest(client, question, 2)
    answer = ask(client, model, prompt_of(question, chosen), temperature=0, system=SYSTEM)
    print(f"Question: {question}\nAnswer: {answer.text}\nDocuments: {', '.join(str(i + 1) for i in chosen)}")
    print(f"Tokens used: {answer.prompt_tokens + answer.tokens}")


if __name__ == "__main__":
    main()
