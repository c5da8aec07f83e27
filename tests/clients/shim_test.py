#!/usr/bin/env python3
"""shim_test - python/foundry_local, Hearth's own module of that name: endpoint= in every form, init(), and what the SDK's
users call. Reads HEARTH_BINARY and HEARTH_MODEL_FILE; needs nothing but Python."""
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "python"), str(ROOT / "tests/cli")]
from foundry_local import FoundryLocalManager, Refused  # noqa: E402
from program import own_address  # noqa: E402

HEARTH = Path(os.environ["HEARTH_BINARY"]).resolve()
HOME = tempfile.TemporaryDirectory(prefix="hearth-shim.")
os.environ.update(HEARTH_HOME=HOME.name, PATH=f"{HEARTH.parent}:{os.environ['PATH']}", no_proxy="*", HF_ENDPOINT="http://127.0.0.1:9")
for name in ("FOUNDRY_LOCAL_ENDPOINT", "OPENAI_API_KEY", "HEARTH_API_KEY"):
    os.environ.pop(name, None)


def hearth(*arguments):
    return subprocess.run([HEARTH, *arguments], check=True, capture_output=True, text=True).stdout


def setUpModule():
    hearth("config", "set", "service.port", "0")
    hearth("model", "import", os.environ["HEARTH_MODEL_FILE"], "--alias", "phi-4-mini")


def tearDownModule():
    hearth("service", "stop")
    HOME.cleanup()


def answer(manager, model):
    body = {"model": model, "temperature": 0, "messages": [{"role": "system", "content": "You are a helpful assistant."},
                                                           {"role": "user", "content": "What is the capital of Japan?"}]}
    request = urllib.request.Request(f"{manager.endpoint}/chat/completions", json.dumps(body).encode(),
                                     {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as reply:
        return json.load(reply)["choices"][0]["message"]["content"]


class Shim(unittest.TestCase):
    def test_every_form_of_the_endpoint_reaches_the_service(self):
        first = FoundryLocalManager("phi-4-mini")
        self.assertEqual(answer(first, first.get_model_info("phi-4-mini").id), "The capital of Japan is Tokyo.")
        for endpoint in (first.service_uri, first.service_uri + "/", first.endpoint, first.endpoint + "/", "auto", None):
            manager = FoundryLocalManager(endpoint=endpoint)
            self.assertEqual(manager.endpoint, first.endpoint)
            self.assertTrue(manager.is_service_running())
        os.environ["FOUNDRY_LOCAL_ENDPOINT"] = first.endpoint
        self.addCleanup(os.environ.pop, "FOUNDRY_LOCAL_ENDPOINT")
        self.assertEqual(FoundryLocalManager(bootstrap=False).service_uri, first.service_uri)

    def test_auto_in_the_environment_is_the_service_of_this_machine(self):
        os.environ["FOUNDRY_LOCAL_ENDPOINT"] = "auto"
        self.addCleanup(os.environ.pop, "FOUNDRY_LOCAL_ENDPOINT")
        manager = FoundryLocalManager("phi-4-mini")
        self.assertEqual([m.alias for m in manager.list_loaded_models()], ["phi-4-mini"])
        self.assertEqual(FoundryLocalManager(endpoint=manager.endpoint).service_uri, manager.service_uri)

    @unittest.skipIf(own_address() is None, "this machine has no address beside its loopback ones")
    def test_a_service_of_another_machine_loads_what_it_is_asked_for(self):
        url = self.begin_on(own_address())
        for endpoint in (url, f"{url}/v1"):
            manager = FoundryLocalManager("phi-4-mini", endpoint=endpoint)
            self.assertEqual(manager.init("Phi-4-mini").alias, "phi-4-mini")
            self.assertEqual(manager.list_loaded_models(), [])
        with self.assertRaises(Refused) as refused:  # it is not in that cache, and is not brought there
            FoundryLocalManager("qwen2.5-0.5b", endpoint=url)
        self.assertEqual(refused.exception.code, "local_only")
        self.assertIn("/openai/download", str(refused.exception))
        self.assertEqual(answer(manager, "phi-4-mini"), "The capital of Japan is Tokyo.")
        self.assertEqual([m.alias for m in manager.list_loaded_models()], ["phi-4-mini"])

    def begin_on(self, address):
        home = tempfile.TemporaryDirectory(prefix="hearth-shim.")
        self.addCleanup(home.cleanup)
        environment = {**os.environ, "HEARTH_HOME": home.name}
        subprocess.run([HEARTH, "model", "import", os.environ["HEARTH_MODEL_FILE"], "--alias", "phi-4-mini"], env=environment,
                       check=True, capture_output=True)
        service = subprocess.Popen([HEARTH, "serve", "--host", address, "--port", "0", "--allow-unauthenticated"], env=environment,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(lambda: (service.terminate(), service.communicate(timeout=60)))
        return re.fullmatch(r"listening on (http://.+)\n", service.stdout.readline())[1]

    def test_a_model_is_initialised_listed_and_unloaded(self):
        manager = FoundryLocalManager()
        self.assertEqual(manager.init("Phi-4-Mini").alias, "phi-4-mini")
        self.assertEqual([m.alias for m in manager.list_loaded_models()], ["phi-4-mini"])
        self.assertEqual([m.alias for m in manager.list_cached_models()], ["phi-4-mini"])
        self.assertEqual(manager.get_cache_location(), f"{HOME.name}/models")
        self.assertIn("gpt-oss-20b", [m.alias for m in manager.list_models()])
        manager.unload_model("phi-4-mini")
        self.assertEqual(manager.list_loaded_models(), [])

    def test_what_is_wrong_is_told(self):
        manager = FoundryLocalManager()
        self.assertIsNone(manager.get_model_info("gpt-5"))
        with self.assertRaisesRegex(ValueError, "no model 'gpt-5'"):
            manager.load_model("gpt-5")
        with self.assertRaisesRegex(RuntimeError, "could not be downloaded: cannot download from 127.0.0.1"):
            manager.download_model("qwen2.5-0.5b")
        with self.assertRaisesRegex(ValueError, "must begin with http"):
            FoundryLocalManager(endpoint="localhost:5273")
        with self.assertRaisesRegex(RuntimeError, "does not answer"):
            FoundryLocalManager(endpoint="http://127.0.0.1:9", bootstrap=False).list_models()


if __name__ == "__main__":
    unittest.main(verbosity=2)
