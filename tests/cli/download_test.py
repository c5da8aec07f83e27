#!/usr/bin/env python3
"""download_test - models from a hub on loopback (tests/hub/hub.py): what is chosen, resumed, verified and refused."""
import gzip
import hashlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
import unittest
import urllib.request

from program import BINARY, GOLDEN, CliTest

sys.path.insert(0, str(GOLDEN.parents[0] / "hub"))
from hub import Hub  # noqa: E402

TINY = (GOLDEN / "hf/llama/model.gguf").read_bytes()
# Larger than a segment (8 MiB), with the same model in front: GGUF readers do not mind what follows the tensors.
LARGE = TINY + random.Random(1).randbytes(20 * 1024 * 1024)
REPOSITORY = "someone/tiny-GGUF"
KILLS = int(os.environ.get("HEARTH_DOWNLOAD_KILLS", "25"))


class DownloadTest(CliTest):
    def setUp(self):
        super().setUp()
        self.hub = self.enterContext(Hub({REPOSITORY: {"README.md": b"hello", "tiny-Q8_0.gguf": TINY}}))
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "HF_TOKEN"):
            self.hearth.environment.pop(name, None)
        self.hearth.environment["HF_ENDPOINT"] = self.hub.url

    def models(self):
        return {m["alias"]: m for m in json.loads(self.hearth.out("model", "list", "--cached", "-o", "json"))}

    def leftovers(self):
        folder = self.hearth.home / "models"
        return sorted(p.name for p in folder.iterdir() if p.name.startswith(".") and not p.name.endswith("lock"))


class Downloads(DownloadTest):
    def test_a_repository_gives_its_model_with_the_hash_of_the_hub(self):
        done = self.hearth.run("model", "download", f"hf:{REPOSITORY}")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stderr.decode(), r"downloading tiny-Q8_0.gguf 100\.00 % of ")
        model = self.models()["tiny-q8_0"]
        self.assertEqual(model["sha256"], hashlib.sha256(TINY).hexdigest())
        self.assertIn(f"hf:{REPOSITORY}@", model["source"])
        self.assertEqual(self.leftovers(), [])
        n_requests = len(self.hub.requests)
        self.hearth.out("model", "download", f"hf:{REPOSITORY}", "--alias", "tiny-q8_0")
        self.assertEqual(len(self.hub.requests), n_requests, "what is there is not asked for again")
        self.assertIn("as it was brought", self.hearth.out("model", "verify"))
        self.assertIn("as it was brought", self.hearth.out("model", "verify", "tiny-q8_0"))

    def test_a_model_that_was_changed_since_is_found_out(self):
        self.hearth.out("model", "download", f"hf:{REPOSITORY}", "--alias", "tiny")
        path = self.hearth.home / "models/tiny/model.gguf"
        data = bytearray(path.read_bytes())
        data[-1] ^= 1
        path.write_bytes(data)
        done = self.hearth.run("model", "verify", "tiny")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"the SHA-256 of model.gguf is", done.stdout)

    def test_names_of_the_catalogue_and_a_run_that_needs_one(self):
        self.hearth.write("catalog.json", json.dumps({"models": [{
            "alias": "tiny", "names": ["Tiny-Instruct"], "stands_in_for": ["huge"], "family": "", "architecture": "llama",
            "task": "chat", "publisher": "someone", "license": "MIT", "parameters": "1M", "context": 128,
            "hub": f"hf:{REPOSITORY}:q8_0", "megabytes": 1}]}))
        self.assertIn("tiny", self.hearth.out("model", "list", "--available"))
        done = self.hearth.run("model", "run", "huge", "--prompt", "a", "--no-template", "--max-tokens", "3")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(b"huge cannot be run here; tiny stands in for it", done.stderr)
        self.assertIn("tiny", self.models())
        self.hearth.out("model", "run", "Tiny-Instruct", "--prompt", "a", "--no-template", "--max-tokens", "3")

    def test_a_url_is_downloaded_without_a_hub(self):
        url = f"{self.hub.url}/stored/{REPOSITORY}/tiny-Q8_0.gguf?x=1"
        self.hearth.out("model", "download", url, "--alias", "by-url")
        self.assertEqual(self.models()["by-url"]["bytes"], len(TINY))

    def test_faults_that_pass_are_outlived(self):
        self.hub.repositories[REPOSITORY]["tiny-Q8_0.gguf"] = LARGE
        for fault, times in (("busy", 3), ("broken", 3), ("cut", 6)):
            self.hub.faults[fault] = times
            self.hearth.out("model", "download", f"hf:{REPOSITORY}", "--alias", f"after-{fault}")
            self.assertEqual(self.hub.faults[fault], 0)
            self.assertEqual(self.models()[f"after-{fault}"]["sha256"], hashlib.sha256(LARGE).hexdigest())

    def test_a_server_without_ranges_is_taken_as_it_is(self):
        self.hub.repositories[REPOSITORY]["tiny-Q8_0.gguf"] = LARGE
        self.hub.ranges = False
        self.hearth.out("model", "download", f"hf:{REPOSITORY}", "--alias", "whole")
        self.assertEqual(self.models()["whole"]["sha256"], hashlib.sha256(LARGE).hexdigest())

    def recorded(self, alias, size):
        """The bytes that an unfinished download knows it has."""
        record = self.hearth.home / f"models/.download-{alias}/model.gguf.progress"
        n_segments = -(-size // (8 << 20))
        counts = record.read_bytes()[-8 * n_segments:] if record.exists() else b""
        return sum(int.from_bytes(counts[i:i + 8], "little") for i in range(0, len(counts), 8))

    def test_a_download_goes_on_where_it_was_killed(self):
        self.hub.repositories[REPOSITORY]["tiny-Q8_0.gguf"] = LARGE
        self.hub.bytes_per_second = 100_000_000 // KILLS  # of each of three connections: it outlasts the kills
        rng = random.Random(3)
        arguments = [BINARY, "model", "download", f"hf:{REPOSITORY}", "--alias", "killed"]
        for kill in range(KILLS):
            n_requests = len(self.hub.requests)
            running = subprocess.Popen(arguments, env=self.hearth.environment, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
            # Most kills come while bytes arrive, some before and after the first of them; the last one when some have
            # been recorded, however slow the machine.
            while running.poll() is None and len(self.hub.requests) < n_requests + rng.choice((1, 3, 4, 5)):
                time.sleep(0.001)
            while running.poll() is None and kill == KILLS - 1 and not self.recorded("killed", len(LARGE)):
                time.sleep(0.001)
            time.sleep(rng.uniform(0, 0.1))
            running.send_signal(signal.SIGKILL)
            running.wait()
        self.hub.bytes_per_second = None
        written = self.recorded("killed", len(LARGE))
        self.assertGreater(written, 0)
        # The hub may still come to a request of the last one that was killed: this run's have a name.
        self.hearth.environment["HF_TOKEN"] = "goes-on"
        self.hearth.out(*arguments[1:])
        self.assertEqual(self.models()["killed"]["sha256"], hashlib.sha256(LARGE).hexdigest())
        self.assertEqual(self.leftovers(), [])
        ranges = [h["Range"][6:].split("-") for _, _, h in self.hub.requests
                  if h.get("Authorization") == "Bearer goes-on" and h.get("Range", "bytes=0-0") != "bytes=0-0"]
        self.assertEqual(sum(int(last) - int(first) + 1 for first, last in ranges), len(LARGE) - written)

    def test_two_at_once_bring_one_model(self):
        self.hub.repositories[REPOSITORY]["tiny-Q8_0.gguf"] = LARGE
        self.hub.bytes_per_second = 20_000_000
        arguments = [BINARY, "model", "download", f"hf:{REPOSITORY}", "--alias", "shared"]
        running = [subprocess.Popen(arguments, env=self.hearth.environment, stdout=subprocess.DEVNULL,
                                    stderr=subprocess.PIPE) for _ in range(3)]
        for process in running:
            _, said = process.communicate(timeout=120)
            self.assertEqual(process.returncode, 0, said)
        self.assertEqual(self.models()["shared"]["sha256"], hashlib.sha256(LARGE).hexdigest())
        sent = sum(int(h["Range"][6:].split("-")[1]) - int(h["Range"][6:].split("-")[0]) + 1
                   for _, p, h in self.hub.requests if "Range" in h)
        self.assertLess(sent, 1.2 * len(LARGE), "only one of them asked for the bytes")


class Refusals(DownloadTest):
    def test_a_hash_that_is_not_what_came_leaves_nothing(self):
        self.hub.announced["tiny-Q8_0.gguf"] = {"lfs": {"sha256": "0" * 64}}
        said = self.hearth.fails_after_progress("model", "download", f"hf:{REPOSITORY}", "--alias", "liar")
        self.assertIn("was announced; it was thrown away", said)
        self.assertNotIn("liar", self.models())
        self.assertEqual(self.leftovers(), [])

    def test_a_size_that_is_not_what_comes_is_refused(self):
        for lie in (len(TINY) - 1, len(TINY) + 1):
            self.hub.announced["tiny-Q8_0.gguf"] = {"size": lie}
            said = self.hearth.fails_after_progress("model", "download", f"hf:{REPOSITORY}", "--alias", "liar")
            self.assertIn("were announced", said)
        self.hub.announced = {}
        self.hub.faults["lying range"] = 1000
        self.assertIn("announced", self.hearth.fails_after_progress("model", "download", f"hf:{REPOSITORY}", "--alias", "liar"))
        self.assertNotIn("liar", self.models())

    def test_a_file_that_is_no_model_is_refused(self):
        self.hub.repositories[REPOSITORY]["tiny-Q8_0.gguf"] = b"GGUF" + bytes(5000)
        self.hearth.fails_after_progress("model", "download", f"hf:{REPOSITORY}", "--alias", "nothing")
        self.assertNotIn("nothing", self.models())
        self.assertEqual(self.leftovers(), [])

    def test_a_model_larger_than_the_disk_is_refused_before_a_byte_comes(self):
        self.hub.announced["tiny-Q8_0.gguf"] = {"size": 1 << 60}
        said = self.hearth.fails_after_progress("model", "download", f"hf:{REPOSITORY}")
        self.assertRegex(said, "free|room")
        self.assertEqual([p for _, p, _ in self.hub.requests if "/resolve/" in p], [])

    def test_what_is_not_there_is_named(self):
        self.assertIn("no repository no/such", self.hearth.fails_after_progress("model", "download", "hf:no/such"))
        self.assertIn("there are tiny-Q8_0.gguf", self.hearth.fails_after_progress("model", "download", f"hf:{REPOSITORY}:Q2_K"))
        self.assertIn("expected hf:OWNER/REPOSITORY", self.hearth.fails_after_progress("model", "download", "hf:x"))
        self.assertIn("no model \"nonsense\" in the catalogue", self.hearth.fails_after_progress("model", "download", "nonsense"))

    def test_a_token_reaches_the_hub_and_nobody_else(self):
        self.hub.token = "secret"
        self.assertIn("HF_TOKEN", self.hearth.fails_after_progress("model", "download", f"hf:{REPOSITORY}"))
        with Hub({REPOSITORY: {"tiny-Q8_0.gguf": TINY}}) as store:
            self.hub.redirect = store.url
            self.hearth.environment["HF_TOKEN"] = "secret"
            self.hearth.out("model", "download", f"hf:{REPOSITORY}", "--alias", "gated")
            self.assertTrue(any(h.get("Authorization") == "Bearer secret" for _, _, h in self.hub.requests))
            self.assertTrue(store.requests)
            self.assertFalse(any("Authorization" in h for _, _, h in store.requests))

    def test_no_name_or_hash_of_a_hub_leads_out_of_the_cache(self):
        outer = self.hearth.home / "a/b"
        (outer / "home").mkdir(parents=True)
        self.hearth.environment["HEARTH_HOME"] = str(outer / "home")
        cache = outer / "home/models"
        tree = sorted(self.hearth.home.rglob("*"))

        def strangers():  # but for what the cache keeps of a download that may go on
            return [path for path in self.hearth.home.rglob("*") if path not in [*tree, cache] and
                    not (path.is_relative_to(cache) and path.relative_to(cache).parts[0].startswith("."))]

        for name in ("../../evil.gguf", "/tmp/evil.gguf", "a/../../../evil.gguf", "..\\..\\evil.gguf", "C:\\evil.gguf", "%2e%2e/%2e%2e/evil.gguf",
                     "evil.gguf\0", "..", "x" * 10_000 + ".gguf"):
            self.hub.repositories = {REPOSITORY: {name: b"no model"}}
            with self.subTest(name[:40]):
                self.hearth.fails_after_progress("model", "download", f"hf:{REPOSITORY}")
                self.assertEqual(strangers(), [])
        self.hub.repositories = {REPOSITORY: {"tiny-Q8_0.gguf": TINY}}
        for sha256 in ("../../x", "sha256:..%2f", "\0" * 64, "0" * 10_000, "g" * 64):
            self.hub.announced["tiny-Q8_0.gguf"] = {"lfs": {"sha256": sha256}}
            with self.subTest(sha256[:40]):
                self.assertIn("is no SHA-256", self.hearth.fails_after_progress("model", "download", f"hf:{REPOSITORY}"))
                self.assertEqual(strangers(), [])

    def peak_mib(self, *arguments):
        """Runs to a failure; the last line of complaint, and the most memory that was resident."""
        process = subprocess.Popen([BINARY, *arguments], env=self.hearth.environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
        self.addCleanup(process.stderr.close)
        said = process.stderr.read().decode().splitlines()[-1]
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        self.assertIn(process.returncode, (1, 2), said)
        return said, usage.ru_maxrss / 1024

    def test_replies_without_end_are_left(self):
        for fault, words in (("endless 200", "is longer than 16.8 MB"), ("endless 302", "without end"),
                             ("endless 404", "there is no repository"), ("endless headers", "cannot download")):
            self.hub.n_endless = 0
            self.hub.faults = {fault: 1000}
            with self.subTest(fault):
                said = self.hearth.fails_after_progress("model", "download", f"hf:{REPOSITORY}", timeout=60)
                self.assertIn(words, said)
                self.assertLess(self.hub.n_endless, 64 << 20)

    def test_a_reply_that_unpacks_to_a_gigabyte_is_not_unpacked(self):
        member = gzip.compress(bytes(1 << 24))  # 16 MiB in 16 KiB; a stream may have many
        self.hub.faults["broken"] = 5
        _, usual = self.peak_mib("model", "download", f"hf:{REPOSITORY}")
        self.hub.bomb = member * 64
        self.hub.faults["bomb"] = 1
        said, peak = self.peak_mib("model", "download", f"hf:{REPOSITORY}")
        self.assertIn("is not valid JSON: at line 1, column 1", said)
        self.assertLess(peak, usual + 16)

    def test_a_redirect_into_the_private_network_is_not_followed(self):
        with Hub({REPOSITORY: {"tiny-Q8_0.gguf": TINY}}) as inside:
            for host in ("localhost", "127.0.0.2", "[::ffff:127.0.0.1]", "0.0.0.0", "2130706434"):
                self.hub.redirect = f"http://{host}:{inside.server.server_port}"
                said = self.hearth.fails_after_progress("model", "download", f"hf:{REPOSITORY}", "--alias", "inside")
                self.assertIn("refused to go to", said, host)
            self.hub.redirect = "file:///etc"
            self.hearth.fails_after_progress("model", "download", f"hf:{REPOSITORY}", "--alias", "inside")
            self.assertEqual(inside.requests, [])


class Service(DownloadTest):
    def start(self):
        self.hearth.environment["HEARTH_LOG"] = "warn"
        process = subprocess.Popen([BINARY, "serve", "--port", "0"], env=self.hearth.environment, stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        return process.stdout.readline().decode().split()[-1]

    def ask(self, url, body, headers=None):
        request = urllib.request.Request(f"{url}/openai/download", json.dumps(body).encode(),
                                         {"Content-Type": "application/json", **(headers or {})})
        return urllib.request.urlopen(request, timeout=60)

    def test_an_sdk_follows_a_download(self):
        self.hub.repositories[REPOSITORY]["tiny-Q8_0.gguf"] = LARGE
        self.hub.bytes_per_second = 40_000_000
        url = self.start()
        text = self.ask(url, {"model": {"Name": f"hf:{REPOSITORY}", "Uri": "", "Publisher": "", "ProviderType": "AzureFoundryLocal",
                                        "PromptTemplate": None}, "token": "", "IgnorePipeReport": True}).read().decode()
        lines = [line for line in text.split("\n") if line]
        self.assertRegex(lines[0], r"^Total \d+\.\d\d% Downloading tiny-Q8_0.gguf$")
        self.assertIn("[DONE] All Completed!", lines)
        self.assertEqual(json.loads("".join(lines[lines.index("[DONE] All Completed!") + 1:])), {"success": True, "errorMessage": None})
        self.assertTrue(text.endswith("}"))
        self.assertIn("tiny-q8_0", self.models())

    def chunks(self, url, wish):
        """The chunks of the reply. The last one begins what a client that reads at once gets in one piece."""
        host, port = url.removeprefix("http://").split(":")
        body = json.dumps({"model": wish, "IgnorePipeReport": True})
        pieces = []
        with socket.create_connection((host, int(port)), timeout=60) as connection:
            connection.sendall(f"POST /openai/download HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
                               f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode())
            while piece := connection.recv(1 << 16):
                pieces.append(piece.decode())
        head, rest = "".join(pieces).split("\r\n\r\n", 1)
        self.assertIn("transfer-encoding: chunked", head.lower())
        chunks = []
        while (size := int(rest[:rest.index("\r\n")], 16)) > 0:
            begin = rest.index("\r\n") + 2
            chunks.append(rest[begin:begin + size])
            rest = rest[begin + size + 2:]
        self.assertEqual([piece for piece in pieces if chunks[-1] in piece],
                         [piece for piece in pieces if piece.startswith(f"{len(chunks[-1]):x}\r\n{chunks[-1]}")])
        return chunks

    def test_a_line_is_a_chunk_and_the_object_one_of_its_own(self):
        self.hub.repositories[REPOSITORY]["tiny-Q8_0.gguf"] = LARGE
        self.hub.bytes_per_second = 20_000_000
        url = self.start()
        *lines, told = self.chunks(url, f"hf:{REPOSITORY}")
        for line in lines[:-1]:
            self.assertRegex(line, r"\ATotal \d+\.\d\d% Downloading tiny-Q8_0.gguf\n\Z")
        self.assertGreater(len(lines), 3)
        self.assertEqual(lines[-1], "[DONE] All Completed!\n")
        self.assertEqual(json.loads(told), {"success": True, "errorMessage": None})
        self.read_as_cs_does([*lines, told])

        self.hub.repositories["someone/liar-GGUF"] = {"liar-Q8_0.gguf": LARGE}
        self.hub.announced["liar-Q8_0.gguf"] = {"lfs": {"sha256": "0" * 64}}
        *lines, told = self.chunks(url, "hf:someone/liar-GGUF")
        self.assertGreater(len(lines), 3)
        self.assertTrue(all(line.startswith("Total ") for line in lines), lines)
        self.assertTrue(told.startswith("{") and told.endswith("}"), told)
        self.assertIn("was announced", json.loads(told)["errorMessage"])
        whole = "".join([*lines, told])
        self.assertEqual(json.loads(whole[whole.rindex("{"):]), json.loads(told))  # C#, which takes the last brace

    def read_as_cs_does(self, chunks):
        """C#'s reader that follows progress: percents, then the lines from { to } after the one that says DONE."""
        lines = iter("".join(chunks).split("\n"))
        percents = []
        for line in lines:
            if "[DONE]" in line or "All Completed" in line:
                break
            self.assertTrue(line.startswith("Total") and "Downloading" in line, line)
            percents.append(float(line.split("%")[0].split()[-1]))
        self.assertEqual(percents, sorted(percents))
        self.assertEqual(percents[-1], 100)
        rest = list(lines)
        self.assertEqual((rest[0], rest[-1]), ("{", "}"))
        self.assertIs(json.loads("".join(rest))["success"], True)

    def test_a_fault_is_an_object_with_its_words(self):
        url = self.start()
        for wish, words in (("nonsense", "in the catalogue"), ("hf:no/such", "no repository"),
                            (f"{self.hub.url}/stored/{REPOSITORY}/tiny-Q8_0.gguf", "only by hearth model download")):
            text = self.ask(url, {"model": wish}).read().decode()
            told = json.loads(text[text.index("{"):])
            self.assertFalse(told["success"])
            self.assertIn(words, told["errorMessage"])
            self.assertEqual(told["error"], told["errorMessage"])

    def test_who_goes_away_stops_the_download_and_may_come_back(self):
        self.hub.repositories[REPOSITORY]["tiny-Q8_0.gguf"] = LARGE
        self.hub.bytes_per_second = 2_000_000
        url = self.start()
        reply = self.ask(url, {"model": f"hf:{REPOSITORY}"})
        reply.readline()
        reply.close()
        time.sleep(1.5)
        n_requests = len(self.hub.requests)
        time.sleep(1)
        self.assertEqual(len(self.hub.requests), n_requests)
        self.hub.bytes_per_second = None
        self.assertIn("true", self.ask(url, {"model": f"hf:{REPOSITORY}"}).read().decode())

    def test_a_page_cannot_ask_for_one(self):
        url = self.start()
        with self.assertRaises(urllib.error.HTTPError) as refused:
            self.ask(url, {"model": "smollm2-135m"}, {"Origin": "null"})
        self.assertEqual(refused.exception.code, 403)


if __name__ == "__main__":
    unittest.main()
