"""hearth zip-logs: what a helper needs to see, and nothing that a helper must not."""
import json
import unittest
import urllib.error
import urllib.request
import zipfile

from program import TINY, CliTest

KEY = "the-key-of-this-test"
PROMPT = "a most private question"


class ZipLogs(CliTest):
    def setUp(self):
        super().setUp()
        self.hearth.environment["HEARTH_API_KEY"] = KEY
        self.addCleanup(self.hearth.run, "service", "stop")

    def ask(self, url, key):
        body = json.dumps({"model": "tiny", "prompt": PROMPT, "max_tokens": 2}).encode()
        request = urllib.request.Request(f"{url}/v1/completions?api_key={key}", body, {
            "Content-Type": "application/json", "Authorization": f"Bearer {key}"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def test_logs_and_diagnostics_without_secrets(self):
        self.hearth.out("model", "import", TINY, "--alias", "tiny")
        began = json.loads(self.hearth.out("service", "start", "--port", "0", "-o", "json"))
        self.ask(began["url"], KEY)
        with self.assertRaises(urllib.error.HTTPError):
            self.ask(began["url"], "sk-a-stolen-key")
        with open(self.hearth.home / "logs/service.log", "a") as log:  # as if a fault had told more than it should
            log.write(f"key {KEY} Bearer {KEY} hf_0123456789 https://u:p@host/f?token=1\n")

        told = json.loads(self.hearth.out("zip-logs", self.hearth.home, "-o", "json"))
        with zipfile.ZipFile(told["path"]) as archive:
            self.assertIsNone(archive.testzip())
            self.assertEqual(archive.namelist(), told["files"])
            parts = {name: archive.read(name).decode() for name in archive.namelist()}
        self.assertEqual(set(parts), {"about.json", "status.json", "settings.json", "models.json", "logs/service.log"})
        self.assertIn("path=\"/v1/completions\" status=200", parts["logs/service.log"])
        self.assertIn("key [redacted] Bearer [redacted] hf_[redacted] https://[redacted]@host/f?[redacted]",
                      parts["logs/service.log"])
        self.assertEqual(json.loads(parts["status.json"])["service"]["loaded"], ["tiny:0"])
        self.assertEqual(json.loads(parts["models.json"])[0]["alias"], "tiny")
        self.assertEqual(json.loads(parts["settings.json"])["service.port"], "5273")
        everything = "\n".join(parts.values())
        for secret in (KEY, PROMPT, "stolen", "0123456789", "u:p", "token=1"):
            self.assertNotIn(secret, everything)

    def test_where_it_is_written(self):
        place = self.hearth.home / "mine.zip"
        self.assertEqual(self.hearth.out("report", place), f"{place}\n")
        self.assertTrue(zipfile.is_zipfile(place))
        self.assertIn("exists already", self.hearth.fails(1, "zip-logs", place))
        self.assertIn("nowhere", self.hearth.fails(1, "zip-logs", self.hearth.home / "nowhere"))
        self.hearth.write("config.json", "{")  # a fault is part of the report
        self.hearth.out("zip-logs", self.hearth.home / "broken.zip")
        with zipfile.ZipFile(self.hearth.home / "broken.zip") as archive:
            self.assertIn("config.json", json.loads(archive.read("settings.json"))["fault"])


if __name__ == "__main__":
    unittest.main()
