"""hearth serve as a process: when it says it is ready, how it ends, what it refuses to start with."""
import json
import os
import re
import signal
import socket
import subprocess
import time
import unittest
import urllib.error
import urllib.request
from pathlib import Path

from program import BINARY, MODEL, TINY, CliTest, free_port, needs_model, own_address


os.environ["no_proxy"] = "*"  # what is asked here is this machine


class Service:
    def __init__(self, test, *flags, port=0):
        self.program = subprocess.Popen([BINARY, "serve", "--port", str(port), *map(str, flags)], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                                        env=test.hearth.environment)
        test.addCleanup(self.close)
        line = self.program.stdout.readline()
        found = re.fullmatch(r"listening on (http://[\d.]+:\d+)\n", line)
        test.assertTrue(found, line)
        self.url = found[1]

    def close(self):
        if self.program.poll() is None:
            self.program.kill()
        self.program.wait()
        self.program.stdout.close()

    def get(self, path, **headers):
        with urllib.request.urlopen(urllib.request.Request(self.url + path, headers=headers), timeout=60) as answer:
            return json.loads(answer.read())

    def post(self, path, body):
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(),
                                         {"Content-Type": "application/json"})
        return urllib.request.urlopen(request, timeout=120)


class Serve(CliTest):
    def test_it_is_ready_when_it_says_so_and_ends_by_either_signal(self):
        for ending in (signal.SIGTERM, signal.SIGINT):
            service = Service(self, "--model", TINY)
            self.assertIn("model", [entry["id"] for entry in service.get("/v1/models")["data"]])
            service.program.send_signal(ending)
            self.assertEqual(service.program.wait(timeout=20), 0)
            self.assertEqual(service.program.stdout.read(), "")

    def test_it_ends_when_a_program_of_this_machine_asks_for_it(self):
        service = Service(self, "--model", TINY)
        with service.post("/shutdown", {}) as answer:
            self.assertEqual(json.load(answer), {"status": "shutting_down"})
        self.assertEqual(service.program.wait(timeout=20), 0)

    def test_a_cached_model_is_found_by_its_alias_and_loads_on_demand(self):
        self.hearth.out("model", "import", TINY, "--alias", "tiny")
        service = Service(self, "--threads", "1", "--model-ttl", "60")
        answer = json.loads(service.post("/v1/completions", {"model": "tiny", "prompt": "Please open", "max_tokens": 3,
                                                             "temperature": 0}).read())
        self.assertEqual(answer["usage"]["completion_tokens"], 3)

    def test_a_model_named_by_its_path_stands_for_that_of_its_alias(self):
        self.hearth.out("model", "import", TINY, "--alias", "tiny")
        path = self.hearth.home / "tiny.gguf"
        path.write_bytes(TINY.read_bytes())
        service = Service(self, "--threads", "1", "--model", path, "--model", path)
        self.assertEqual([entry["id"] for entry in service.get("/v1/models")["data"]], ["tiny"])
        self.assertIn("would both answer to", self.hearth.fails(2, "serve", "--model", path, "--model", "tiny"))

    def test_what_removing_a_key_leaves_open_is_told(self):
        key = self.hearth.out("service", "key", "add", "laptop").strip()
        added = json.loads(self.hearth.out("service", "key", "add", "phone", "-o", "json"))
        self.assertRegex(added["key"], "^hearth-[0-9a-f]{64}$")
        said = self.hearth.run("service", "key", "remove", "phone", "-o", "json")
        self.assertEqual(json.loads(said.stdout), {"removed": "phone"})
        self.assertNotIn(b"the last one", said.stderr)
        self.hearth.environment["HEARTH_API_KEY"] = key
        said = self.hearth.run("service", "key", "remove", "laptop")
        self.assertIn(b"stays valid as the service's own key", said.stderr)
        self.assertNotIn(b"ask for none", said.stderr)
        del self.hearth.environment["HEARTH_API_KEY"]
        self.hearth.out("service", "key", "add", "laptop")
        self.assertIn(b"that was the last one: the service will ask for none",
                      self.hearth.run("service", "key", "remove", "laptop").stderr)

    def test_a_request_says_how_long_its_model_stays_loaded(self):
        self.hearth.out("model", "import", TINY, "--alias", "tiny")
        service = Service(self, "--threads", "1")
        body = {"model": "tiny", "prompt": "Please open", "max_tokens": 1}
        service.post("/v1/completions", body).close()
        time.sleep(1.5)
        self.assertEqual(service.get("/models/loaded"), ["tiny:0"])
        service.post("/v1/completions", {**body, "ttl": 1}).close()
        end = time.monotonic() + 20
        while service.get("/models/loaded") and time.monotonic() < end:
            time.sleep(0.1)
        self.assertEqual(service.get("/models/loaded"), [])

    def test_an_api_key_is_asked_for_also_when_it_comes_from_the_environment(self):
        self.hearth.environment["HEARTH_API_KEY"] = "from-environment"
        for service, key in ((Service(self), "from-environment"), (Service(self, "--api-key", "given"), "given")):
            with self.assertRaises(urllib.error.HTTPError) as refused:
                service.get("/v1/models")
            self.assertEqual(refused.exception.code, 401)
            refused.exception.close()
            self.assertEqual(service.get("/v1/models", Authorization=f"Bearer {key}")["data"], [])

    def test_a_stored_key_is_asked_for_until_it_is_removed(self):
        key = self.hearth.out("service", "key", "add", "laptop").strip()
        self.assertIn("laptop", self.hearth.out("service", "key", "list"))
        self.assertNotIn(key[7:], (self.hearth.home / "keys.json").read_text())
        service = Service(self)
        for wrong in ({}, {"Authorization": "Bearer "}, {"Authorization": f"Bearer {key}x"}):
            with self.assertRaises(urllib.error.HTTPError) as refused:
                service.get("/v1/models", **wrong)
            self.assertEqual(refused.exception.code, 401)
            refused.exception.close()
        self.assertEqual(service.get("/v1/models", Authorization=f"Bearer {key}")["data"], [])
        service.close()
        self.hearth.out("service", "key", "remove", "laptop")
        self.assertEqual(Service(self).get("/v1/models")["data"], [])
        (self.hearth.home / "keys.json").write_text("{}")
        self.assertIn("keys.json", self.hearth.fails(2, "serve", "--port", "0"))

    def ask_as_a_container(self, service, path, body=None):
        """The status and the text of what Open WebUI's container gets, which asks by its host's name."""
        port = service.url.rpartition(":")[2]
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(service.url + path, data, {"Host": f"host.docker.internal:{port}", "Authorization": "Bearer k",
                                                                    "Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read().decode()

    def test_a_container_may_ask_by_its_hosts_name_where_that_is_allowed(self):
        self.hearth.out("model", "import", TINY, "--alias", "tiny")
        status, said = self.ask_as_a_container(Service(self, "--threads", "1"), "/v1/models")
        self.assertEqual(status, 403)
        self.assertIn("--allow-host NAME", json.loads(said)["error"]["message"])

        by_flag = Service(self, "--threads", "1", "--allow-host", "hearth.lan", "--allow-host", "Host.Docker.Internal")
        self.hearth.out("config", "set", "service.allowed_hosts", "hearth.lan, host.docker.internal")
        for service in (by_flag, Service(self, "--threads", "1")):
            status, said = self.ask_as_a_container(service, "/v1/models")
            self.assertEqual((status, [m["id"] for m in json.loads(said)["data"]]), (200, ["tiny"]))
        status, said = self.ask_as_a_container(by_flag, "/v1/chat/completions", {
            "model": "tiny", "stream": True, "stream_options": {"include_usage": True}, "max_tokens": 3, "ignore_eos": True,
            "messages": [{"role": "user", "content": "Hi"}]})
        self.assertEqual(status, 200, said)
        *events, done = [line.removeprefix("data: ") for line in said.split("\n\n") if line]
        self.assertEqual(done, "[DONE]")
        self.assertEqual(json.loads(events[-1])["usage"]["completion_tokens"], 3)

        said = self.hearth.fails(2, "serve", "--port", "0", "--allow-host", "hearth.lan:5273")
        self.assertIn("without scheme and port", said)

    def test_a_page_of_elsewhere_may_ask_where_the_settings_allow_its_origin(self):
        self.hearth.out("config", "set", "service.allowed_origins", "https://a.lan, https://b.lan:8443")
        service = Service(self)
        for origin in ("https://a.lan", "https://b.lan:8443"):
            self.assertEqual(service.get("/v1/models", Origin=origin)["data"], [])
        for origin in ("https://b.lan", "http://a.lan", "https://c.lan"):
            with self.assertRaises(urllib.error.HTTPError) as refused:
                service.get("/v1/models", Origin=origin)
            self.assertEqual(refused.exception.code, 403)
            refused.exception.close()

    def test_it_listens_on_the_port_that_is_named(self):
        port = free_port()
        service = Service(self, port=port)
        self.assertEqual(service.url, f"http://127.0.0.1:{port}")
        self.assertEqual(service.get("/v1/models")["data"], [])

    @unittest.skipUnless(own_address(), "this machine has no address beside its loopback ones")
    def test_another_machines_request_needs_the_key_and_this_machines_own_address(self):
        self.hearth.out("model", "import", TINY, "--alias", "tiny")
        self.hearth.environment["HEARTH_API_KEY"] = "a-key"
        port = free_port()
        service = Service(self, "--threads", "1", "--host", "0.0.0.0", port=port)
        self.assertEqual(service.url, f"http://0.0.0.0:{port}")
        service.url = f"http://{own_address()}:{port}"
        with self.assertRaises(urllib.error.HTTPError) as refused:
            service.get("/v1/models")
        self.assertEqual(refused.exception.code, 401)
        refused.exception.close()
        self.assertEqual([m["id"] for m in service.get("/v1/models", Authorization="Bearer a-key")["data"]], ["tiny"])
        local = Service(self, "--threads", "1")  # which does not hear what comes by that address
        local.url = local.url.replace("127.0.0.1", own_address())
        with self.assertRaises(urllib.error.URLError) as unheard:
            local.get("/v1/models", Authorization="Bearer a-key")
        self.assertIsInstance(unheard.exception.reason, ConnectionRefusedError)

    def test_what_cannot_be_served_is_refused_at_the_start(self):
        self.assertIn("no model \"absent\"", self.hearth.fails(1, "serve", "--port", "0", "--model", "absent"))
        self.hearth.fails(2, "serve", "--port", "0", "--host", "0.0.0.0")
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            self.assertIn("in use", self.hearth.fails(1, "serve", "--port", taken.getsockname()[1]))


@needs_model
class Memory(CliTest):
    def test_a_model_that_is_unloaded_leaves_its_memory(self):
        def resident():
            return int(re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{service.program.pid}/status").read_text())[1]) * 1024

        self.hearth.out("model", "import", MODEL, "--alias", "real")
        service = Service(self)
        before = resident()
        service.post("/v1/completions", {"model": "real", "prompt": "Please open", "max_tokens": 4}).close()
        loaded = resident()
        self.assertGreater(loaded - before, MODEL.stat().st_size / 2)
        self.assertEqual(service.get("/models/unload/real"), {"status": "unloaded"})
        end = time.monotonic() + 20
        while resident() - before > (loaded - before) / 2 and time.monotonic() < end:
            time.sleep(0.1)
        self.assertLess(resident() - before, (loaded - before) / 2, f"{before} bytes at first, {loaded} with the model")


@needs_model
class Ending(CliTest):
    def test_the_first_signal_lets_a_stream_end_and_the_second_does_not(self):
        for n_signals in (1, 2):
            service = Service(self, "--model", MODEL)
            model = service.get("/v1/models")["data"][0]["id"]
            stream = service.post("/v1/completions", {"model": model, "prompt": "1, 2, 3,", "stream": True,
                                                      "temperature": 0, "max_tokens": 60 if n_signals == 1 else 5000})
            stream.readline()
            service.program.send_signal(signal.SIGTERM)
            if n_signals == 2:
                time.sleep(0.3)
                service.program.send_signal(signal.SIGTERM)
            rest = stream.read()
            self.assertEqual(b"data: [DONE]" in rest, n_signals == 1)
            self.assertEqual(service.program.wait(timeout=30), 0)


if __name__ == "__main__":
    unittest.main()
