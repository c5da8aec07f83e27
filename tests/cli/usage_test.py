"""Help, versions and wrong use: what is said, where, and with which status."""
import re
import subprocess
import unittest

from program import BINARY, TINY, CliTest


class Help(CliTest):
    def test_version_and_help_go_to_standard_output(self):
        self.assertRegex(self.hearth.out("--version"), r"^hearth \d+\.\d+\.\d+\n$")
        text = self.hearth.out("--help")
        for command in ("model", "serve", "debug"):
            self.assertRegex(text, rf"(?m)^ +{command} ")

    def test_every_command_has_help_with_its_options(self):
        commands = {
            ("model", "run"): ["--prompt", "--system", "--max-tokens", "--temperature", "--top-k", "--top-p", "--min-p",
                               "--typical-p", "--repetition-penalty", "--presence-penalty", "--frequency-penalty",
                               "--seed", "--stop", "--context", "--threads", "--no-template", "--verbose"],
            ("model", "list"): ["--output", "--filter", "--variants"], ("model", "info"): ["--output"], ("model", "import"): ["--alias"],
            ("model", "inspect"): ["--output", "--context"], ("model", "remove"): [],
            ("serve",): ["--host", "--allow-host", "--port", "--model", "--api-key", "--allow-unauthenticated", "--context",
                         "--threads", "--model-ttl"],
            ("debug", "tokenize"): ["--text", "--file", "--parse-special", "--add-special"],
            ("debug", "detokenize"): ["--ids"],
            ("debug", "render"): ["--messages", "--tools", "--no-generation-prompt"],
            ("debug", "embed"): ["--text", "--ids", "--pooling", "--no-normalize", "--exact", "--context", "--output"],
            ("debug", "logits"): ["--ids", "--last", "--exact", "--context"],
            ("debug", "perplexity"): ["--file", "--exact"],
        }
        for command, options in commands.items():
            text = self.hearth.out(*command, "--help")
            for option in options:
                self.assertIn(option, text, command)


class WrongUse(CliTest):
    def test_names_the_word_and_the_nearest_that_exists(self):
        cases = [
            (["modle", "list"], "unknown command \"modle\"; did you mean model?"),
            (["model", "lst"], "unknown command \"lst\"; did you mean list?"),
            (["debug", "tokenise", "x"], "did you mean tokenize?"),
            (["model", "list", "--outptu", "json"], "unknown option \"--outptu\"; did you mean --output?"),
            (["serve", "--prot", "1"], "unknown option \"--prot\"; did you mean --port?"),
            ([], "expected a command of hearth: model, run, complete, cache, service, serve, status, system"),
            (["model"], "expected a command of hearth model: run, list"),
            (["model", "info"], "MODEL is required"),
            (["model", "list", "extra"], "unexpected argument \"extra\""),
            (["model", "list", "-o", "xml"], "expected text or json, not \"xml\""),
            (["serve", "--port", "70000"], "from 0 to 65535, not \"70000\""),
            (["serve", "--port", "http"], "not \"http\""),
        ]
        for arguments, expected in cases:
            self.assertIn(expected, self.hearth.fails(2, *arguments), arguments)

    def test_wrong_sampling_flags_are_refused_before_a_model_is_looked_for(self):
        cases = [("--temperature", "3"), ("--temperature", "-1"), ("--temperature", "hot"), ("--top-p", "0"),
                 ("--top-p", "1.5"), ("--min-p", "1"), ("--typical-p", "0"), ("--repetition-penalty", "0"),
                 ("--presence-penalty", "3"), ("--frequency-penalty", "-3"), ("--top-k", "-1"), ("--max-tokens", "0"),
                 ("--max-tokens", "1e3"), ("--seed", "-1"), ("--stop", ""), ("--context", "0"), ("--threads", "0")]
        for option, value in cases:
            said = self.hearth.fails(2, "model", "run", "absent", "--prompt", "x", option, value)
            name = option.lstrip("-")
            self.assertRegex(said, re.compile(name.replace("-", "[-_]")), (option, value))

    def test_a_switch_is_on_or_off(self):
        for command in (["model", "run", "nothing", "--prompt", "x"], ["serve"]):
            said = self.hearth.fails(2, *command, "--speculation", "maybe")
            self.assertIn('--speculation: expected on or off, not "maybe"', said)

    def test_flags_that_exclude_or_need_each_other_are_told(self):
        run = ["model", "run", TINY]
        self.assertIn("--system", self.hearth.fails(2, *run, "--prompt", "x", "--no-template", "--system", "y"))
        self.assertIn("--prompt", self.hearth.fails(2, *run, "--stdin"))
        self.assertIn("--text", self.hearth.fails(2, "debug", "tokenize", TINY))
        self.assertIn("--text", self.hearth.fails(2, "debug", "tokenize", TINY, "--text", "a", "--file", "b"))
        self.assertIn("--context", self.hearth.fails(2, "serve", "--context", "100"))

    def test_a_model_that_is_not_there_is_named_with_the_nearest(self):
        self.assertIn("hearth: ❌ no model \"nothing\"", self.hearth.fails(1, "model", "run", "nothing", "--prompt", "x"))
        self.hearth.out("model", "import", TINY, "--alias", "tiny-llama")
        self.assertIn("did you mean \"tiny-llama\"?", self.hearth.fails(1, "model", "info", "tiny-lama"))
        self.assertIn("did you mean \"phi-4-mini\"?", self.hearth.fails(1, "model", "run", "phi-4-minni", "--prompt", "x"))
        self.assertIn("no model file", self.hearth.fails(1, "debug", "tokenize", "a/b.gguf", "--text", "x"))
        self.assertIn("neither a regular file nor a folder", self.hearth.fails(2, "model", "inspect", "/"))

    def test_output_that_cannot_be_written_is_a_failure(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([BINARY, "model", "inspect", TINY], stdout=full, stderr=subprocess.PIPE,
                                  env=self.hearth.environment)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"hearth: cannot write to standard output", done.stderr)


if __name__ == "__main__":
    unittest.main()
