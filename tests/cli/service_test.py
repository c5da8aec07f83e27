"""hearth service: the lines that SDKs read, one service whatever happens, and no caller kept waiting."""
import json
import os
import re
import signal
import subprocess
import time
import unittest
import urllib.error
import urllib.request
from pathlib import Path

from program import BINARY, MODEL, TINY, CliTest, free_port, needs_model

STARTED = re.compile(r"🟢 Service is Started on (http://127\.0\.0\.1:\d+)/, PID (\d+)!\n")


class Service(CliTest):
    def setUp(self):
        super().setUp()
        self.addCleanup(self.hearth.run, "service", "stop")

    def start(self):
        # The pipes are read to their ends: a service that kept them would make this time out.
        found = STARTED.fullmatch(self.hearth.out("service", "start", "--port", 0, timeout=30))
        self.assertTrue(found)
        return found[1], int(found[2])

    def test_its_life(self):
        stopped = self.hearth.run("service", "status")
        self.assertEqual(stopped.returncode, 1)
        self.assertNotIn(b"http", stopped.stdout)

        url, pid = self.start()
        said = self.hearth.out("server", "status")
        self.assertEqual(re.search(r"is running on (http://.*)\s+", said)[1], url + "/openai/status")
        self.assertEqual(json.loads(self.hearth.out("service", "status", "-o", "json")),
                         {"running": True, "url": url, "pid": pid})
        self.assertEqual(self.hearth.out("service", "start"), f"🟢 Service is already running on {url}/.\n")

        for _ in range(2):
            self.assertEqual(self.hearth.out("service", "stop"), "🔴 Service is stopped.\n")
        self.assertEqual(self.hearth.run("service", "status").returncode, 1)
        self.assertFalse(os.path.exists(f"/proc/{pid}/exe"))  # gone, or waiting to be asked how it ended

    def test_models_come_and_go(self):
        self.hearth.out("model", "import", TINY, "--alias", "tiny")
        self.start()
        self.assertEqual(self.hearth.out("service", "ps"), "No models are currently loaded in the service\n")
        self.assertIn("loaded successfully", self.hearth.out("model", "load", "TINY:0", "--ttl", 600))
        self.assertRegex(self.hearth.out("service", "list"), r"🟢  tiny +tiny:0\n")
        self.hearth.out("model", "unload", "tiny")
        self.assertEqual(json.loads(self.hearth.out("service", "ps", "-o", "json")), [])

    def test_a_router_finds_the_service_and_asks_by_alias(self):
        aliases = ["deepseek-r1-7b", "phi-4-mini", "qwen2.5-7b"]
        for alias in aliases:
            self.hearth.out("model", "import", TINY, "--alias", alias)
        url, _ = self.start()
        # As the workshop's router looks for it, and its client asks: an endpoint with /v1, and that version once more.
        found = re.findall(r"https?://[\w\.-]+(?::\d+)?", self.hearth.out("service", "status", timeout=3))
        self.assertEqual(found, [url])
        endpoint = f"{url}/v1"
        self.assertEqual(sorted(m["id"] for m in self.ask(f"{endpoint}/models")["data"]), aliases)
        for alias in aliases:
            body = {"model": alias, "max_tokens": 2, "messages": [{"role": "user", "content": "Hi"}]}
            answer = self.ask(f"{endpoint}/v1/chat/completions", body)
            self.assertEqual((answer["model"], answer["usage"]["completion_tokens"] > 0), (alias, True))
        self.assertEqual(len(self.ask(f"{url}/models/loaded")), 3)
        self.assertLessEqual({"status", "memory_usage", "uptime", "version"}, self.ask(f"{endpoint}/health").keys())

    def ask(self, url, body=None):
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(url, data, {"Content-Type": "application/json"}), timeout=60) as answer:
            return json.load(answer)

    def test_an_unknown_model_and_no_service_are_told(self):
        self.assertIn("hearth service start", self.hearth.fails(1, "service", "ps"))
        self.start()
        self.assertEqual(self.hearth.run("model", "load", "nobody").returncode, 1)

    def test_a_crash_leaves_nothing_behind(self):
        _, pid = self.start()
        os.kill(pid, signal.SIGKILL)
        for _ in range(200):
            if self.hearth.run("service", "status").returncode == 1:
                break
        self.assertEqual(self.hearth.run("service", "status").returncode, 1)
        self.assertNotEqual(self.start()[1], pid)

    def test_several_starts_at_once_are_one_service(self):
        starts = [subprocess.Popen([BINARY, "service", "start", "--port", "0"], env=self.hearth.environment,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) for _ in range(5)]
        said = [start.communicate(timeout=60)[0] for start in starts]
        self.assertEqual(sum(bool(STARTED.fullmatch(line)) for line in said), 1, said)
        self.assertEqual(sum("already running" in line for line in said), 4, said)

    def record(self):
        return json.loads((self.hearth.home / "service.json").read_text())

    def test_a_restarted_service_keeps_what_it_was_started_with(self):
        model = self.hearth.home / "mine.gguf"
        model.write_bytes(TINY.read_bytes())
        # A relative path, as a person in that folder writes it.
        subprocess.run([BINARY, "service", "start", "--port", "0", "--model", "./mine.gguf", "--context", "32",
                        "--model-ttl", "900"], env=self.hearth.environment, cwd=self.hearth.home, check=True,
                       stdout=subprocess.DEVNULL)
        flags = {"port": 0, "context": 32, "model-ttl": 900, "model": [str(model)]}
        self.assertEqual(self.record()["flags"], flags)
        said = self.hearth.out("service", "restart")
        self.assertRegex(said, r"Restarting service\.\.\.\n🔴 Service is stopped\.\n🟢 Service is Started on ")
        self.assertEqual(self.record()["flags"], flags)
        self.assertEqual(self.loaded(), ["mine:0"])
        self.hearth.out("service", "restart", "--context", 16)
        self.assertEqual(self.record()["flags"], flags | {"context": 16})
        self.hearth.out("service", "set", "--model-ttl", 60)  # a setting is not hidden by the flag of before
        self.assertEqual(self.record()["flags"], {"port": 0, "context": 16, "model": [str(model)]})
        self.assertEqual(self.loaded(), ["mine:0"])

    def test_a_name_that_is_allowed_stays_so_until_it_is_set_anew(self):
        self.hearth.out("service", "start", "--port", 0, "--allow-host", "a.lan", "--allow-host", "b.lan")
        self.hearth.out("service", "restart")
        self.assertEqual(self.record()["flags"], {"port": 0, "allow-host": ["a.lan", "b.lan"]})
        self.assertEqual([self.status_asked_by(name) for name in ("a.lan", "b.lan", "c.lan")], [200, 200, 403])
        self.assertIn("the service stays as it is", self.hearth.fails(2, "service", "set", "--allow-host", "c.lan:80"))
        self.hearth.out("service", "set", "--allow-host", "b.lan", "--allow-host", "c.lan")
        self.assertEqual(self.record()["flags"], {"port": 0})
        self.assertEqual(self.hearth.out("config", "get", "service.allowed_hosts"), "b.lan,c.lan\n")
        self.assertEqual([self.status_asked_by(name) for name in ("a.lan", "b.lan", "c.lan")], [403, 200, 200])

    def status_asked_by(self, name):
        try:
            with urllib.request.urlopen(urllib.request.Request(f"{self.record()['url']}/v1/models", headers={"Host": name}),
                                        timeout=60) as answer:
                return answer.status
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code

    def test_what_is_set_holds_for_the_service_that_runs(self):
        old, _ = self.start()
        port = free_port()
        folder = self.hearth.home / "elsewhere"
        said = self.hearth.out("service", "set", "--port", port, "--cachedir", folder)
        self.assertIn(f"Service is Started on http://127.0.0.1:{port}/", said)
        self.assertEqual(json.loads(self.hearth.out("service", "status", "-o", "json"))["url"], f"http://127.0.0.1:{port}")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/foundry/cache", timeout=60) as answer:
            self.assertEqual(json.load(answer)["location"], str(folder))
        with self.assertRaises(urllib.error.URLError):
            urllib.request.urlopen(f"{old}/v1/models", timeout=60)
        pid = self.record()["pid"]
        self.assertIn("No settings changed", self.hearth.out("service", "set", "--gpu", -1))
        self.assertIn("the CPU, device -1", self.hearth.fails(1, "service", "set", "--gpu", 0))
        self.assertEqual(self.record()["pid"], pid)

    def test_it_stays_when_another_could_not_follow(self):
        self.hearth.out("model", "import", TINY, "--alias", "tiny")
        self.hearth.out("service", "start", "--port", 0, "--model", "tiny")
        before = self.record()
        empty = self.hearth.home / "empty"
        for status, why, words in ((1, 'no model "nosuch"', ["restart", "--model", "nosuch"]),
                                   (1, "/empty", ["set", "--cachedir", empty, "--model-ttl", 5]),
                                   (2, "set an API key", ["restart", "--host", "0.0.0.0"]),
                                   (2, "set an API key", ["set", "--host", "0.0.0.0", "--model-ttl", 5])):
            said = self.hearth.fails(status, "service", *words)
            self.assertIn("the service stays as it is: ", said)
            self.assertIn(why, said)
        self.assertEqual(self.record(), before)
        self.assertEqual(self.loaded(), ["tiny:0"])
        self.assertEqual(self.hearth.out("config", "get", "service.model_ttl"), "0\n", "a part of it was saved")

    def test_the_help_says_how_a_flag_is_taken_back(self):
        for command in ("restart", "set"):
            self.assertIn("hearth service stop, then hearth service start",
                          " ".join(self.hearth.out("service", command, "--help").split()))

    def loaded(self):
        deadline = time.monotonic() + 60
        while not (ids := [m["id"] for m in json.loads(self.hearth.out("service", "ps", "-o", "json"))]):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)
        return ids

    def test_a_key_is_kept_by_nobody_and_not_lost(self):
        url, _ = self.start_with_key("a-secret-key")
        self.assertNotIn("a-secret-key", (self.hearth.home / "service.json").read_text())
        command_line = Path(f"/proc/{self.record()['pid']}/cmdline").read_text()
        self.assertNotIn("a-secret-key", command_line)
        for words in (["restart"], ["set", "--model-ttl", "5"]):
            self.assertIn("HEARTH_API_KEY", self.hearth.fails(2, "service", *words))
        self.assertEqual(self.hearth.out("config", "get", "service.model_ttl"), "0\n")
        with self.assertRaises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{url}/v1/models", timeout=30)
        self.assertEqual(refused.exception.code, 401)
        self.hearth.environment["HEARTH_API_KEY"] = "a-secret-key"
        self.hearth.out("service", "restart")
        with self.assertRaises(urllib.error.HTTPError):
            urllib.request.urlopen(f"{json.loads(self.hearth.out('service', 'status', '-o', 'json'))['url']}/v1/models")

    def start_with_key(self, key):
        found = STARTED.fullmatch(self.hearth.out("service", "start", "--port", 0, "--api-key", key))
        self.assertTrue(found)
        return found[1], int(found[2])

    @needs_model
    def test_it_listens_before_its_model_is_loaded(self):
        began = time.monotonic()
        url = STARTED.fullmatch(self.hearth.out("service", "start", "--port", 0, "--model", MODEL))[1]
        self.assertEqual(self.hearth.run("service", "status").returncode, 0)
        self.assertLess(time.monotonic() - began, 10)
        body = json.dumps({"prompt": "The capital of France is", "max_tokens": 1}).encode()
        request = urllib.request.Request(f"{url}/v1/completions", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=120) as answer:  # it waits for the model
            self.assertEqual(json.load(answer)["usage"]["completion_tokens"], 1)

    def test_a_model_that_does_not_load_ends_it_and_the_log_says_why(self):
        bad = self.hearth.home / "bad.gguf"
        bad.write_bytes(TINY.read_bytes()[:2000])
        self.hearth.run("service", "start", "--port", 0, "--model", bad)
        deadline = time.monotonic() + 60
        while self.hearth.run("service", "status").returncode == 0:
            self.assertLess(time.monotonic(), deadline)
        self.assertIn("bad.gguf", self.hearth.out("service", "logs"))

    def test_a_service_that_cannot_start_says_why(self):
        self.assertIn("no-such-model", self.hearth.fails(1, "service", "start", "--port", 0, "--model", "no-such-model"))


if __name__ == "__main__":
    unittest.main()
