#!/usr/bin/env python3
"""soak [--minutes M] [--streams N] - a service under mixed load for a while: streams, clients that leave in the middle, models
that load and unload. Its memory and its descriptors must be as flat at the end as after the first tenth, nothing may answer
5xx (but 503 with Retry-After), and it must end in peace. Reads HEARTH_BINARY; a tiny model of the repository, loopback only.
"""
import argparse
import http.client
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MODELS = {"one": ROOT / "tests/golden/hf/llama_tied/model.gguf", "two": ROOT / "tests/golden/hf/qwen2/model.gguf"}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "s", "schema": {
    "type": "object", "properties": {"n": {"type": "integer", "maximum": 999}, "s": {"type": "string", "maxLength": 20}}, "required": ["n", "s"]}}}


class Client(threading.Thread):
    def __init__(self, port, rng, until, faults):
        super().__init__()
        self.port, self.rng, self.until, self.faults, self.n = port, rng, until, faults, 0

    def ask(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), {"Content-Type": "application/json"})
            reply = connection.getresponse()
            self.n += 1
            if reply.status >= 500 and not (reply.status == 503 and reply.getheader("Retry-After")):
                self.faults.append(f"{path}: {reply.status} {reply.read(300)!r}")
            elif body is not None and body.get("stream") and self.rng.random() < 0.3:
                reply.read(self.rng.randrange(1, 2000))  # and away
            else:
                reply.read()
        except (OSError, http.client.HTTPException) as error:
            self.faults.append(f"{path}: {error!r}")
        finally:
            connection.close()

    def run(self):
        while time.monotonic() < self.until:
            model, kind = self.rng.choice(list(MODELS)), self.rng.random()
            if kind < 0.03:
                self.ask("GET", f"/openai/unload/{model}")
                continue
            if kind < 0.05:
                self.ask("GET", f"/openai/load/{model}")
                continue
            words = " ".join(self.rng.choice(("tide", "storm", "harbour", "light")) for _ in range(self.rng.randrange(1, 30)))
            body = {"model": model, "max_tokens": self.rng.randrange(1, 48), "stream": self.rng.random() < 0.8,
                    "temperature": self.rng.choice((0, 1)), "messages": [{"role": "user", "content": words}]}
            if self.rng.random() < 0.15:
                body["response_format"] = SCHEMA
            path = "/v1/chat/completions"
            if self.rng.random() < 0.15:
                path, body = "/v1/responses", {"model": model, "input": words, "max_output_tokens": 8, "stream": body["stream"]}
            self.ask("POST", path, body)


def measure(pid):
    fields = Path(f"/proc/{pid}/statm").read_text().split()
    return int(fields[1]) * os.sysconf("SC_PAGESIZE"), len(os.listdir(f"/proc/{pid}/fd"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--streams", type=int, default=16)
    options = parser.parse_args()
    binary = os.environ["HEARTH_BINARY"]
    with tempfile.TemporaryDirectory(prefix="hearth-soak.") as home:
        environment = dict(os.environ, HEARTH_HOME=home, HEARTH_LOG="error")
        for alias, file in MODELS.items():
            subprocess.run([binary, "model", "import", file, "--alias", alias], env=environment, check=True, capture_output=True)
        service = subprocess.Popen([binary, "serve", "--port", "0"], env=environment, stdout=subprocess.PIPE)
        port = int(service.stdout.readline().decode().strip().rsplit(":", 1)[1])
        seconds = options.minutes * 60
        begin, faults, samples = time.monotonic(), [], []
        clients = [Client(port, random.Random(i), begin + seconds, faults) for i in range(options.streams)]
        for client in clients:
            client.start()
        while time.monotonic() < begin + seconds:
            time.sleep(max(seconds / 100, 0.5))
            samples.append(measure(service.pid))
        for client in clients:
            client.join()
        time.sleep(2)
        idle = measure(service.pid)
        service.terminate()
        status = service.wait(timeout=60)
    settled = samples[len(samples) // 10:]
    half = len(settled) // 2
    early, late = (sorted(rss for rss, _ in part)[len(part) // 2] for part in (settled[:half], settled[half:]))
    most_fds = max(fds for _, fds in samples)
    print(f"{sum(c.n for c in clients)} requests in {options.minutes} min; resident {early / 1e6:.1f} MB in the first half, {late / 1e6:.1f} MB "
          f"in the second; descriptors at most {most_fds}, {idle[1]} when idle; ended with {status}; {len(faults)} faults")
    for fault in faults[:10]:
        print("  " + fault[:400])
    grew = late > 1.1 * early + 4e6
    return 1 if faults or grew or status != 0 or idle[1] > 60 else 0


if __name__ == "__main__":
    sys.exit(main())
