"""hearth service: the lines that SDKs read, one service whatever happens, and no caller kept waiting."""
import json
import os
import re
import signal
import subprocess
import unittest

from program import BINARY, TINY, CliTest

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

    def test_a_service_that_cannot_start_says_why(self):
        self.assertIn("no-such-model", self.hearth.fails(1, "service", "start", "--port", 0, "--model", "no-such-model"))


if __name__ == "__main__":
    unittest.main()
