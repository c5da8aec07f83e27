"""program.py - what the tests of the command line share: running `hearth` as a user's shell would.

HEARTH_BINARY names the program. Every Hearth() has a model cache of its own; standard input is /dev/null unless a test
gives one. Tests that need the real model are skipped, with the command that fetches it, where it is absent.
"""
import os
import socket
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests/golden"
MODEL = ROOT / ".model/smollm2-135m.gguf"
MINILM = ROOT / ".model/all-minilm-l6-v2"
TINY = GOLDEN / "hf/llama_tied/model.gguf"
BINARY = Path(os.environ["HEARTH_BINARY"]).resolve()

needs_model = unittest.skipUnless(MODEL.exists(), f"{MODEL} is absent: tools/fetch_default_model brings it")
needs_minilm = unittest.skipUnless(MINILM.exists(), f"{MINILM} is absent: tools/fetch_minilm brings it")


class Hearth:
    """One cache, many runs."""

    def __init__(self, test):
        folder = tempfile.TemporaryDirectory(prefix="hearth-cli.")
        test.addCleanup(folder.cleanup)
        self.test = test
        self.home = Path(folder.name)
        self.environment = dict(os.environ, HEARTH_HOME=folder.name)
        for name in ("HEARTH_API_KEY", "HEARTH_LOG", "HEARTH_THREADS"):
            self.environment.pop(name, None)

    def run(self, *arguments, stdin=None, timeout=300):
        """stdin: bytes, or None for /dev/null. The result's stdout and stderr are bytes."""
        source = {"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}
        return subprocess.run([BINARY, *map(str, arguments)], env=self.environment, capture_output=True,
                              timeout=timeout, **source)

    def out(self, *arguments, **options):
        """Standard output as text, of a run that must succeed."""
        done = self.run(*arguments, **options)
        self.test.assertEqual(done.returncode, 0, done.stderr.decode(errors="replace"))
        return done.stdout.decode()

    def fails(self, status, *arguments, **options):
        """The one line of complaint of a run that must end with this status and print nothing else."""
        done = self.run(*arguments, **options)
        said = done.stderr.decode(errors="replace")
        self.test.assertEqual(done.returncode, status, f"{arguments}: {said}")
        self.test.assertEqual(done.stdout, b"", f"{arguments}")
        self.test.assertTrue(said.startswith("hearth: ") and said.endswith("\n"), repr(said))
        self.test.assertEqual(said.count("\n"), 1, f"more than one line: {said!r}")
        return said

    def fails_after_progress(self, *arguments, **options):
        """The last line of complaint of a run that must fail, whatever it told before."""
        done = self.run(*arguments, **options)
        self.test.assertIn(done.returncode, (1, 2), f"{arguments}: {done.stderr!r}")
        said = done.stderr.decode(errors="replace").splitlines()[-1]
        self.test.assertTrue(said.startswith("hearth: "), repr(said))
        return said

    def write(self, name, content):
        path = self.home / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path


class CliTest(unittest.TestCase):
    def setUp(self):
        self.hearth = Hearth(self)


def own_address():
    """An address of this machine that is no loopback address; None when it has no network. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("198.51.100.1", 9))
        except OSError:
            return None
        return probe.getsockname()[0]


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def ids_text(ids):
    return " ".join(map(str, ids))
