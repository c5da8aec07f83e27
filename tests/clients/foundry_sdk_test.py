#!/usr/bin/env python3
"""foundry_sdk_test - Foundry Local's own SDK for Python (0.5.1), which finds a program `foundry` on the PATH, starts the
service with it and talks to it. Reads HEARTH_BINARY and HEARTH_MODEL_FILE (SmolLM2, which stands in for phi-4-mini)."""
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/hub"))
from hub import Hub  # noqa: E402

HEARTH = os.environ["HEARTH_BINARY"]
HOME = tempfile.TemporaryDirectory(prefix="hearth-sdk.")
os.environ.update(HEARTH_HOME=HOME.name, PATH=f"{HOME.name}/bin:{os.environ['PATH']}", no_proxy="*")
TINY = (ROOT / "tests/golden/hf/qwen2/model.gguf").read_bytes()
HUB = Hub({"Qwen/Qwen2.5-0.5B-Instruct-GGUF": {"qwen2.5-0.5b-instruct-q4_k_m.gguf": TINY}})

import openai  # noqa: E402
from foundry_local import FoundryLocalManager  # noqa: E402


def hearth(*arguments):
    return subprocess.run([HEARTH, *arguments], check=True, capture_output=True, text=True).stdout


def setUpModule():
    HUB.__enter__()
    os.environ["HF_ENDPOINT"] = HUB.url
    hearth("alias", "install", "foundry", "--folder", f"{HOME.name}/bin")
    hearth("config", "set", "service.port", "0")
    hearth("model", "import", os.environ["HEARTH_MODEL_FILE"], "--alias", "phi-4-mini")


def tearDownModule():
    hearth("service", "stop")
    HUB.__exit__()
    HOME.cleanup()


class Sdk(unittest.TestCase):
    def test_an_alias_is_started_loaded_and_answers(self):
        manager = FoundryLocalManager("phi-4-mini")
        self.assertTrue(manager.is_service_running())
        info = manager.get_model_info("phi-4-mini")
        self.assertEqual(info.alias, "phi-4-mini")
        self.assertIn(info.id, [model.id for model in manager.list_loaded_models()])
        client = openai.OpenAI(base_url=manager.endpoint, api_key=manager.api_key, max_retries=0)
        for name in (info.id, "phi-4-mini", info.id.split(":")[0].lower()):
            answer = client.chat.completions.create(model=name, temperature=0, max_tokens=20, messages=[
                {"role": "system", "content": "You are a helpful assistant."},
                {"role": "user", "content": "What is the capital of Japan?"}])
            self.assertEqual(answer.choices[0].message.content, "The capital of Japan is Tokyo.")
        manager.unload_model("phi-4-mini")
        self.assertNotIn("phi-4-mini", [model.alias for model in manager.list_loaded_models()])
        manager.load_model("phi-4-mini", ttl=60)
        self.assertIn("phi-4-mini", [model.alias for model in manager.list_loaded_models()])

    def test_every_alias_of_the_workshop_is_in_the_catalogue(self):
        manager = FoundryLocalManager(bootstrap=True)
        for alias in ("phi-4-mini", "gpt-oss-20b", "phi-3.5-mini", "qwen2.5-0.5b", "qwen2.5-7b", "qwen2.5-coder-0.5b",
                      "deepseek-r1-7b", "mistral-7b", "phi-4", "qwen2.5-3b", "deepseek-coder-1.3b", "gemma-2-2b", "gemma-2b", "llama-3.2",
                      "llama-3.2-1b", "llama-3.2-3b"):
            self.assertIsNotNone(manager.get_model_info(alias), alias)
        self.assertEqual(manager.get_cache_location(), f"{HOME.name}/models")

    def test_a_model_that_is_not_here_is_downloaded(self):
        manager = FoundryLocalManager(bootstrap=True)
        info = manager.download_model("qwen2.5-0.5b")
        self.assertEqual(info.alias, "qwen2.5-0.5b")
        self.assertIn("qwen2.5-0.5b", [model.alias for model in manager.list_cached_models()])
        manager.load_model("qwen2.5-0.5b")
        self.assertIn("qwen2.5-0.5b", [model.alias for model in manager.list_loaded_models()])

    def test_a_download_that_fails_says_why(self):
        manager = FoundryLocalManager(bootstrap=True)
        with self.assertRaises(RuntimeError) as failed:
            manager.download_model("qwen2.5-1.5b")
        self.assertIn("no repository", str(failed.exception))


if __name__ == "__main__":
    unittest.main(verbosity=2)
