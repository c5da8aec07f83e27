#!/usr/bin/env python3
"""workshop_test - the scripts of examples/workshop, as a participant runs them, with SmolLM2 in the place of every model, and two tiny ones,
`coder` and `fast`, beside it. Reads HEARTH_BASE_URL, HEARTH_URL and HEARTH_MODEL."""
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MODEL = os.environ["HEARTH_MODEL"]
NAMES = ("FOUNDRY_LOCAL_ALIAS", "SLM_ALIAS", "LLM_ALIAS", "GENERAL_MODEL", "CODE_MODEL", "FAST_MODEL", "BENCH_MODELS", "AGENT_MODEL_PRIMARY")
ENVIRONMENT = {**os.environ, **dict.fromkeys(NAMES, MODEL), "FOUNDRY_LOCAL_ENDPOINT": os.environ["HEARTH_BASE_URL"], "MAX_TOKENS": "48",
               "PYTHONPATH": f"{ROOT / 'python'}:{os.environ.get('PYTHONPATH', '')}", "PYTHONDONTWRITEBYTECODE": "1"}


def run(script, *arguments, **environment):
    done = subprocess.run([sys.executable, ROOT / "examples/workshop" / script, *arguments], env={**ENVIRONMENT, **environment},
                          capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        raise AssertionError(f"{script} ended with {done.returncode}: {done.stderr}")
    return done.stdout


def answers():
    """How many answers each model has given so far, as the service counts them."""
    with urllib.request.urlopen(f"{os.environ['HEARTH_URL']}/metrics", timeout=60) as metrics:
        found = re.findall(r'^hearth_answers_total\{model="([^"]+)",reason="[^"]+"\} (\d+)$', metrics.read().decode(), re.MULTILINE)
    counts = Counter()
    for model, count in found:
        counts[model] += int(count)
    return counts


class Workshop(unittest.TestCase):
    def expect_answers(self, before, expected):
        """An answer is counted once its stream has gone, shortly after its client has read the end."""
        deadline = time.monotonic() + 20
        while answers() - before != expected and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertEqual(answers() - before, expected)

    def test_chat_bootstrap_answers_whole_and_streamed(self):
        said = run("chat_bootstrap.py", "What is the capital of Japan?")
        whole, streamed = said.split("[STREAMED]")
        self.assertIn("Tokyo", whole)
        self.assertTrue(streamed.strip())

    def test_rag_pipeline_answers_from_the_context(self):
        said = run("rag_pipeline.py")
        self.assertIn("Tokyo", said)
        self.assertRegex(said, r"Documents: .*4[\s\S]*Tokens used: \d+")

    def test_rag_pipeline_answers_what_only_the_document_says(self):
        documents = ["Lighthouses warn ships of rocks.", "The lighthouse of Brennick was built by Ottilie Marwood.", "Bread is made of flour."]
        asked = {"RAG_QUESTION": "Who built the lighthouse of Brennick?"}
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "documents"
            file.write_text("\n".join(documents))
            said = run("rag_pipeline.py", RAG_DOCUMENTS=str(file), **asked)
            self.assertRegex(said, r"Answer: .*Ottilie Marwood[\s\S]*Documents: 2,")
            file.write_text("\n".join([documents[0], documents[2]]))
            self.assertNotIn("Marwood", run("rag_pipeline.py", RAG_DOCUMENTS=str(file), **asked))

    def test_benchmark_fills_every_field(self):
        [row] = json.loads(run("benchmark.py", BENCH_ROUNDS="2", BENCH_STREAM="1"))
        self.assertEqual(set(row), {"alias", "latency_avg", "latency_p50", "latency_p95", "tokens_per_sec_avg", "rounds",
                                    "first_token_latency_avg"})
        self.assertTrue(all(row.values()), row)
        self.assertEqual(row["rounds"], 2)
        self.assertLessEqual(row["latency_p50"], row["latency_p95"])
        self.assertAlmostEqual(row["latency_avg"], row["latency_p50"], places=3)  # of two, the middle is the mean

    def test_benchmark_streams_only_when_asked_and_survives_a_missing_model(self):
        [row] = json.loads(run("benchmark.py", BENCH_ROUNDS="1", BENCH_MODELS=f"no-such-model,{MODEL}"))
        self.assertEqual(row["alias"], MODEL)
        self.assertNotIn("first_token_latency_avg", row)
        with self.assertRaisesRegex(AssertionError, "benchmark.py ended with 1: no-such-model: .*does not exist here"):
            run("benchmark.py", BENCH_MODELS="no-such-model")

    def test_model_compare_has_two_rows_and_survives_a_missing_model(self):
        before = answers()
        said = run("model_compare.py", LLM_ALIAS="fast")
        self.assertEqual([row["alias"] for row in json.loads(said[:said.rindex("]") + 1])], [MODEL, "fast"])
        self.assertIn("x as fast.", said)
        self.expect_answers(before, {MODEL: 2, "fast": 2})  # one to load it, one that is measured
        rows = json.loads(run("model_compare.py", LLM_ALIAS="no-such-model"))
        self.assertIn("latency_sec", rows[0])
        self.assertIn("no-such-model", rows[1]["error"])

    def test_hybrid_refines_long_drafts_only(self):
        self.assertIn("[REFINED", run("hybrid.py", HYBRID_LENGTH="1"))
        self.assertIn("[KEPT", run("hybrid.py", HYBRID_LENGTH="100000"))

    def test_agents_leave_a_trace(self):
        with tempfile.TemporaryDirectory() as folder:
            trace = Path(folder) / "trace.jsonl"
            said = run("agents.py", AGENT_TRACE=str(trace))
            self.assertRegex(said, r"== RESEARCH ==\n[\s\S]+== FINAL ==\n[\s\S]+")
            steps = [json.loads(line) for line in trace.read_text().splitlines()]
            self.assertEqual([step["agent"] for step in steps], ["researcher", "editor"])
            self.assertTrue(all(step["tokens_in"] and step["tokens_out"] for step in steps))

    def test_router_sends_each_question_to_its_model(self):
        before = answers()
        said = run("router.py", CODE_MODEL="coder", FAST_MODEL="fast")
        for number, intent, model in ((1, "code", "coder"), (2, "summarize", MODEL), (3, "classification", "fast")):
            self.assertRegex(said, rf"\[TEST {number}/3\]\n.*\nIntent: {intent}\nModel: {model}\n")
        pipeline = json.loads(said.split("[PIPELINE RESULTS]")[1])
        self.assertEqual([step["alias"] for step in pipeline["steps"]], [MODEL, "coder", MODEL])
        self.assertTrue(pipeline["final"])
        self.expect_answers(before, {MODEL: 3, "coder": 2, "fast": 1})


if __name__ == "__main__":
    unittest.main(verbosity=2)
