"""hearth model list: Foundry Local's table and filters, over the catalogue and the cache."""
import json
import unittest

from program import GOLDEN, TINY, CliTest

HEAD = "Alias                          Device     Task               File Size    License      Model ID"
RULE = "-" * 95


class List(CliTest):
    def listed(self, *words):
        return json.loads(self.hearth.out("model", "list", *words, "-o", "json"))

    def aliases(self, *words):
        return [model["alias"] for model in self.listed(*words)]

    def test_the_table_is_foundry_locals(self):
        self.hearth.out("model", "import", TINY, "--alias", "my-tiny")
        lines = self.hearth.out("model", "ls").splitlines()
        self.assertEqual(lines[:2], [HEAD, RULE])
        self.assertEqual(set(lines[3::2]), {RULE})
        rows = lines[2::2]
        phi = "phi-4-mini                     CPU        chat-completion    2.49 GB      MIT          "
        self.assertIn(phi + "Phi-4-mini-instruct-generic-cpu:1", rows)
        size = f"{TINY.stat().st_size / 1e6:.2f} MB"
        self.assertIn(f"my-tiny                        CPU        chat-completion    {size:<13}-            my-tiny:0", rows)
        self.assertEqual([row.split()[0] for row in rows], sorted(row.split()[0] for row in rows))
        self.assertEqual(self.hearth.out("model", "list"), self.hearth.out("model", "ls"))

    def test_the_cache_the_catalogue_and_both(self):
        self.hearth.out("model", "import", TINY, "--alias", "my-tiny")
        self.assertEqual(self.aliases("--cached"), ["my-tiny"])
        self.assertEqual(set(self.aliases()) - set(self.aliases("--available")), {"my-tiny"})
        [mine] = self.listed("--cached")
        self.assertEqual((mine["id"], mine["cached"], mine["device"]), ("my-tiny:0", True, "CPU"))
        known = {model["alias"]: model for model in self.listed()}["phi-4-mini"]
        self.assertEqual((known["cached"], known["license"], known["provider"]), (False, "MIT", "CPUExecutionProvider"))
        done = self.hearth.run("model", "list", "--cached")
        self.assertIn(b"1 of 1 in the cache", done.stderr)

    def test_filters_choose_and_negate(self):
        everything = self.aliases()
        phis = [alias for alias in everything if alias.startswith("phi")]
        self.assertGreater(len(phis), 2)
        self.assertEqual(self.aliases("--filter", "alias=PHI*"), phis)
        self.assertEqual(self.aliases("--filter", "alias=!phi*"), [a for a in everything if a not in phis])
        self.assertEqual(self.aliases("--filter", "alias=phi-4"), ["phi-4"])
        self.assertEqual(self.aliases("--filter", "device=cpu"), everything)
        self.assertEqual(self.aliases("--device", "GPU"), [])
        self.assertEqual(self.aliases("--filter", "device=!GPU"), everything)
        self.assertEqual(self.aliases("--filter", "provider=CPUExecutionProvider"), everything)
        embedders = self.aliases("--filter", "task=embeddings")
        self.assertIn("all-minilm-l6-v2", embedders)
        self.assertEqual(self.aliases("--filter", "task=!chat-completion"), embedders)
        self.assertEqual(self.aliases("--type", "embeddings"), embedders)
        self.assertEqual(self.aliases("--filter", "task=chat", "--filter", "alias=*mini"),
                         [a for a in everything if a.endswith("mini") and a not in embedders])

    def test_wrong_filters_are_told(self):
        self.assertIn("no key \"devise\"; expected alias, device, provider or task; did you mean device?",
                      self.hearth.fails(2, "model", "list", "--filter", "devise=GPU"))
        for text in ("alias", "alias=", "alias=!"):
            self.assertIn("expected alias=VALUE", self.hearth.fails(2, "model", "list", "--filter", text))
        self.assertIn("only an alias may have a *", self.hearth.fails(2, "model", "list", "--filter", "task=chat*"))

    def test_the_task_of_a_model_that_the_catalogue_lacks_is_its_files(self):
        self.hearth.out("model", "import", GOLDEN / "hf/bert/model.gguf", "--alias", "my-bert")
        self.hearth.out("model", "import", TINY, "--alias", "my-tiny")
        self.assertEqual({m["alias"]: m["task"] for m in self.listed("--cached")},
                         {"my-bert": "embeddings", "my-tiny": "chat-completion"})
        self.assertIn("my-bert", self.aliases("--type", "embeddings"))

    def test_many_stars_take_no_time(self):
        self.hearth.out("model", "import", TINY, "--alias", "a" * 60)
        self.assertEqual(self.aliases("--filter", "alias=" + "*a" * 30 + "*b"), [])
        self.assertEqual(self.aliases("--filter", "alias=" + "*a" * 30 + "**"), ["a" * 60])

    def test_what_is_running_is_not_filtered(self):
        for words in (["--filter", "alias=phi*"], ["--device", "CPU"], ["--type", "chat"], ["--cached"], ["--available"],
                      ["--variants"]):
            self.assertIn(words[0], self.hearth.fails(2, "model", "list", "--running", *words))

    def test_variants(self):
        lines = self.hearth.out("model", "list", "--variants", "--filter", "alias=phi-4-mini").splitlines()
        self.assertEqual(lines[0].split(), ["Alias", "Variant", "ID", "Type", "Device", "Provider", "Size", "Cached"])
        self.assertEqual(lines[1].split(), ["phi-4-mini", "Phi-4-mini-instruct-generic-cpu:1", "chat", "CPU",
                                            "CPUExecutionProvider", "2.49", "GB", "○"])
        self.assertEqual(len(lines), 2)


if __name__ == "__main__":
    unittest.main()
