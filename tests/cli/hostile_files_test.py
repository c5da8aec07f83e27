"""Files that lie, and what is no file: each ends every command in one line of complaint, none in a signal, none in waiting.
A client of the service cannot find out by a name whether a file is there."""
import http.client
import json
import os
import socket
import subprocess
import unittest
from urllib.parse import quote

from program import BINARY, ROOT, TINY, CliTest

CORPUS = sorted((ROOT / "fuzz/corpus/gguf").glob("bad_*.gguf"))


class HostileFiles(CliTest):
    def test_the_corpus_is_there(self):
        self.assertGreater(len(CORPUS), 40)

    def test_every_file_is_refused_with_status_1(self):
        for file in CORPUS:
            with self.subTest(file.name):
                self.hearth.fails(1, "model", "inspect", file)

    def test_no_command_that_opens_a_model_is_spared(self):
        for file in CORPUS[::7]:
            for command in (["model", "info", file], ["model", "import", file, "--alias", "bad"],
                            ["model", "run", file, "--prompt", "x"], ["debug", "tokenize", file, "--text", "x"],
                            ["debug", "detokenize", file, "--ids", "1"], ["debug", "logits", file, "--ids", "1"]):
                with self.subTest(file.name, command=command[:2]):
                    self.hearth.fails(1, *command)
        self.assertFalse((self.hearth.home / "models/bad").exists())

    def test_a_real_file_cut_anywhere_is_refused(self):
        whole = TINY.read_bytes()
        for size in (0, 3, 4, 23, 24, 100, 1000, 5000, len(whole) // 2, len(whole) - 1):
            with self.subTest(size):
                self.hearth.fails(1, "model", "run", self.hearth.write("cut.gguf", whole[:size]), "--prompt", "x")


class NoFiles(CliTest):
    def places(self):
        home = self.hearth.home
        os.mkfifo(home / "pipe.gguf")
        (home / "folder.gguf").mkdir()
        os.symlink("/dev/zero", home / "zero.gguf")
        os.symlink(home / "loop.gguf", home / "loop.gguf")
        listening = socket.socket(socket.AF_UNIX)
        self.addCleanup(listening.close)
        listening.bind(str(home / "socket.gguf"))
        return ["/proc/self/mem", "/proc/self/maps", "/dev/zero", "/dev/random", "/dev/stdin",
                *(home / f"{name}.gguf" for name in ("pipe", "folder", "zero", "loop", "socket", "absent"))]

    def test_what_is_no_file_is_refused_at_once_by_every_command(self):
        for place in self.places():
            for command in (["model", "inspect", place], ["model", "import", place, "--alias", "bad"],
                            ["model", "run", place, "--prompt", "x"], ["serve", "--port", "0", "--model", place],
                            ["model", "convert", place, "-o", self.hearth.home / "out.gguf", "--quant", "f16"],
                            ["debug", "tokenize", place, "--text", "x"]):
                with self.subTest(place, command=command[:2]):
                    said = self.hearth.fails_after_progress(*command, timeout=20)
                    self.assertIn(str(place), said)
        self.assertFalse((self.hearth.home / "models/bad").exists())
        self.assertFalse((self.hearth.home / "out.gguf").exists())

    def ask(self, connection, method, path, body):
        connection.request(method, path, body and json.dumps(body), {"Content-Type": "application/json"} if body else {})
        reply = connection.getresponse()
        return reply.status, reply.read().decode()

    def test_a_client_cannot_tell_which_files_are_there(self):
        self.hearth.environment["HF_ENDPOINT"] = "http://127.0.0.1:9"  # nobody is asked
        service = subprocess.Popen([BINARY, "serve", "--port", "0"], env=self.hearth.environment, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(service.stdout.close)
        self.addCleanup(service.wait)
        self.addCleanup(service.terminate)
        connection = http.client.HTTPConnection("127.0.0.1", int(service.stdout.readline().rsplit(":", 1)[1]), timeout=20)
        self.addCleanup(connection.close)
        user = [{"role": "user", "content": "x"}]
        questions = [("POST", "/v1/chat/completions", lambda name: {"model": name, "messages": user}),
                     ("POST", "/v1/chat/completions/tokenizer/encode/count", lambda name: {"model": name, "messages": user}),
                     ("POST", "/v1/completions", lambda name: {"model": name, "prompt": "x"}),
                     ("POST", "/v1/responses", lambda name: {"model": name, "input": "x"}),
                     ("POST", "/v1/embeddings", lambda name: {"model": name, "input": "x"}),
                     ("POST", "/openai/download", lambda name: {"model": name}),
                     ("POST", "/openai/download", lambda name: {"model": {"Name": name, "Uri": name}}),
                     *(("GET", route, None) for route in ("/v1/models/", "/models/load/", "/models/unload/", "/openai/load/",
                                                          "/openai/unload/"))]
        names = [str(place) for place in self.places()] + [str(TINY), "/etc/passwd", "../../../etc/passwd", "/no/such/file"]
        for method, route, body in questions:
            replies = set()
            for name in names:
                path = route if body else route + quote(name, safe="")
                status, text = self.ask(connection, method, path, body and body(name))
                self.assertTrue(400 <= status < 500 or "success" in text, f"{path} {status} {text}")
                replies.add((status, text.replace(json.dumps(name)[1:-1], "NAME")))
            with self.subTest(route):
                self.assertEqual(len(replies), 1, replies)


if __name__ == "__main__":
    unittest.main()
