#!/usr/bin/env python3
"""schemathesis_test - Schemathesis against the service's own /openapi.json: requests that the document allows, with a real model
and answers of two tokens, and requests that it does not allow. No reply may be a 5xx, or of a status, type or form that the
document does not have; what it does not allow must be refused. POST /shutdown is left out: it does what it says. Reads
HEARTH_URL and HEARTH_MODEL."""
import os
import re
import subprocess
import sys
import tempfile
import unittest
import urllib.request
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
URL = os.environ["HEARTH_URL"]
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,unsupported_method"


def answered():
    """From GET /metrics: how many requests of each route got each status."""
    with urllib.request.urlopen(f"{URL}/metrics", timeout=20) as reply:
        text = reply.read().decode()
    requests = {}
    for route, status, n in re.findall(r'hearth_http_requests_total\{method="\w+",route="([^"]*)",status="(\d+)"\} (\d+)', text):
        requests[route, int(status)] = requests.get((route, int(status)), 0) + int(n)
    return requests


class OpenApi(unittest.TestCase):
    def run_schemathesis(self, mode, checks, examples, model=""):
        folder = tempfile.TemporaryDirectory(prefix="hearth-schemathesis.")  # it keeps a cache where it is started
        self.addCleanup(folder.cleanup)
        done = subprocess.run(
            [sys.executable, "-m", "schemathesis.cli", "run", f"{URL}/openapi.json", "--exclude-path", "/shutdown", "--mode", mode,
             "--phases", "coverage,fuzzing", "--checks", checks, "--max-examples", str(examples), "--seed", "1",
             "--request-timeout", "60", "--generation-database", "none", "--no-color"],
            env={**os.environ, "SCHEMATHESIS_HOOKS": "schemathesis_hooks", "HEARTH_FUZZ_MODEL": model,
                 "PYTHONPATH": f"{FOLDER}:{os.environ['PYTHONPATH']}"},
            cwd=folder.name, capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        generated = int(re.search(r"([\d,]+) generated", done.stdout)[1].replace(",", ""))
        self.assertGreater(generated, 300, done.stdout)

    def test_what_the_document_allows_is_answered_as_it_says(self):
        before = answered()
        self.run_schemathesis("positive", CHECKS, 3, os.environ["HEARTH_MODEL"])
        after = answered()
        for route in ("/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/embeddings", "/v1/models", "/openai/models"):
            self.assertGreater(after.get((route, 200), 0), before.get((route, 200), 0), f"{route}: {after}")
        self.assertEqual([entry for entry in after if entry[1] >= 500], [])

    def test_what_the_document_does_not_allow_is_refused(self):
        self.run_schemathesis("negative", f"{CHECKS},negative_data_rejection", 3)
        self.assertEqual([entry for entry in answered() if entry[1] >= 500], [])


if __name__ == "__main__":
    unittest.main()
