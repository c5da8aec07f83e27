"""Nothing leaves the machine: a cached model answers, from the command line and over HTTP, where there is no network at all; and
where there is one, no connection is made. Needs unshare and strace; skipped where the machine forbids what they do."""
import fcntl
import json
import os
import re
import socket
import struct
import subprocess
import sys
import unittest
import urllib.request
from pathlib import Path

from program import BINARY, GOLDEN, TINY, CliTest

sys.path.insert(0, str(GOLDEN.parents[0] / "hub"))
from hub import Hub  # noqa: E402

os.environ["no_proxy"] = "*"  # what is asked here is this machine
RUN = ("model", "run", "tiny", "--no-template", "--prompt", "Please open", "--max-tokens", "3")
# As strace writes where to: sin_addr=inet_addr("127.0.0.1"), inet_pton(AF_INET6, "::1", …)
ADDRESS = re.compile(r'(?:inet_addr\(|inet_pton\(AF_INET6, )"([0-9a-fA-F.:]+)"')
TRACE = ("strace", "-f", "-qq", "-e", "trace=connect,sendto,sendmsg,sendmmsg", "-o")


def works(*command):
    try:
        return subprocess.run(command, capture_output=True, timeout=60).returncode == 0
    except FileNotFoundError:
        return False


def post(url, body):
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def serve_one_chat(environment, tracer=()):
    """Begins the service, asks it for its catalogue and an answer, has it end itself; how many tokens the answer has."""
    service = subprocess.Popen([*tracer, BINARY, "serve", "--port", "0", "--model", "tiny"], env=environment, stdout=subprocess.PIPE,
                               text=True)
    try:
        url = service.stdout.readline().split()[-1]
        urllib.request.urlopen(f"{url}/foundry/list", timeout=60).close()
        answer = post(f"{url}/v1/chat/completions", {"model": "tiny", "max_tokens": 3, "ignore_eos": True,
                                                     "messages": [{"role": "user", "content": "Please open"}]})
        post(f"{url}/shutdown", {})
        service.wait(timeout=60)
        return answer["usage"]["completion_tokens"]
    finally:
        service.terminate()  # which strace passes on
        service.wait(timeout=60)
        service.stdout.close()


def answer_without_a_network():
    """In a network of its own: only its loopback device is there, once it is raised."""
    siocsifflags, iff_up = 0x8914, 1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        fcntl.ioctl(probe, siocsifflags, struct.pack("16sh", b"lo", iff_up))
        try:
            probe.connect(("198.51.100.1", 9))
            sys.exit("there is a network")
        except OSError:
            pass
    answer = subprocess.run([BINARY, *RUN], check=True, capture_output=True, text=True).stdout
    print(json.dumps({"run": answer, "served": serve_one_chat(os.environ)}))


class Offline(CliTest):
    def setUp(self):
        super().setUp()
        self.hearth.out("model", "import", TINY, "--alias", "tiny")

    @unittest.skipUnless(works("unshare", "-rn", "true"), "this machine lets nobody make a network of his own (unshare -rn)")
    def test_without_a_network_a_model_of_the_cache_answers(self):
        done = subprocess.run(["unshare", "-rn", sys.executable, __file__, "without-a-network"], env=self.hearth.environment,
                              capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout.splitlines()[-1]), {"run": self.hearth.out(*RUN), "served": 3})

    @unittest.skipUnless(works(*TRACE, "/dev/null", "true"), "strace is absent (tools/install test brings it), or may not trace")
    def test_with_a_network_no_connection_is_made(self):
        trace = self.hearth.home / "trace"
        subprocess.run([*TRACE, trace, BINARY, *RUN], env=self.hearth.environment, check=True, capture_output=True)
        self.assertEqual(self.addresses(trace), set())
        self.assertEqual(serve_one_chat(self.hearth.environment, (*TRACE, trace)), 3)
        self.assertEqual(self.addresses(trace), set())
        # What is made is seen.
        with Hub({"someone/tiny-GGUF": {"tiny-Q8_0.gguf": TINY.read_bytes()}}) as hub:
            subprocess.run([*TRACE, trace, BINARY, "model", "download", "hf:someone/tiny-GGUF"], check=True, capture_output=True,
                           env=self.hearth.environment | {"HF_ENDPOINT": hub.url})
        self.assertEqual(self.addresses(trace), {"127.0.0.1"})

    def addresses(self, trace):
        return set(ADDRESS.findall(Path(trace).read_text()))


if __name__ == "__main__":
    if sys.argv[1:] == ["without-a-network"]:
        answer_without_a_network()
    else:
        unittest.main()
