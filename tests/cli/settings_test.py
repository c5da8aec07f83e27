#!/usr/bin/env python3
"""settings_test - what holds until it is changed, where models lie, and what Hearth says of itself."""
import json
import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

from program import BINARY, GOLDEN, CliTest

TINY = GOLDEN / "hf/llama_tied/model.gguf"


class Config(CliTest):
    def test_a_setting_is_kept_listed_and_reset(self):
        self.assertEqual(self.hearth.out("config", "get", "service.port"), "5273\n")
        self.assertIn("service.port = 6001", self.hearth.out("config", "set", "port", "6001"))
        self.assertEqual(self.hearth.out("config", "get", "service.port"), "6001\n")
        self.assertEqual(json.loads(self.hearth.out("config", "list", "-o", "json"))["service.port"], 6001)
        self.assertRegex(self.hearth.out("config", "show"), r"service\.port +6001 +set")
        self.hearth.out("config", "reset", "service.port")
        self.assertEqual(self.hearth.out("config", "get", "service.port"), "5273\n")

    def test_the_workshops_setting_is_taken_and_its_effect_is_told(self):
        done = self.hearth.run("config", "set", "compute.onnx.enable_gpu", "true")
        self.assertEqual((done.returncode, done.stdout), (0, b"compute.onnx.enable_gpu = true\n"))
        self.assertIn(b"no GPU is used by this version", done.stderr)
        self.assertIn("a GPU is wanted", self.hearth.out("status"))

    def test_a_change_is_told_as_json(self):
        self.assertEqual(json.loads(self.hearth.out("config", "set", "port", "6001", "-o", "json")), {"service.port": 6001})
        self.assertEqual(json.loads(self.hearth.out("config", "reset", "port", "-o", "json")), {"reset": ["service.port"]})
        told = json.loads(self.hearth.out("service", "set", "--model-ttl", "60", "-o", "json"))
        self.assertEqual(told["serviceSettings"]["defaultSecondsForModelTTL"], 60)
        link = self.hearth.home / "foundry"
        told = json.loads(self.hearth.out("alias", "install", "foundry", "--folder", self.hearth.home, "-o", "json"))
        self.assertEqual((told["link"], told["program"]), (str(link), str(link.resolve())))

    def test_less_than_a_minute_is_not_never(self):
        for seconds, minutes in (("0", "0"), ("30", "1"), ("60", "1"), ("61", "2")):
            self.hearth.out("config", "set", "service.model_ttl", seconds)
            self.assertEqual(self.hearth.out("config", "get", "idle-timeout-minutes"), minutes + "\n")

    def test_unknown_keys_and_wrong_values_are_refused(self):
        said = self.hearth.fails(1, "config", "set", "compute.onnx.enable_gpus", "true")
        self.assertIn("did you mean compute.onnx.enable_gpu?", said)
        self.assertTrue(said.startswith("hearth: ❌ no setting"), said)
        self.assertIn("expected true or false", self.hearth.fails(2, "config", "set", "compute.onnx.enable_gpu", "perhaps"))
        for words in (("config", "set", "service.allowed_hosts", "x:80"), ("service", "set", "--allow-host", "x:80")):
            self.assertIn('without scheme and port, not "x:80"', self.hearth.fails(2, *words))
        self.hearth.write("config.json", "{")
        self.assertIn("config.json", self.hearth.fails(2, "config", "list"))


    def test_several_settings_of_the_service_are_kept_together_or_not_at_all(self):
        before = self.hearth.out("config", "list")
        for wrong in (("--default-log-level", "loud"), ("--cachedir", "relative"), ("--allow-host", "x:80"), ("--host", "example.org")):
            self.hearth.fails(2, "service", "set", "--port", 6001, "--model-ttl", 60, *wrong)
            self.assertEqual(self.hearth.out("config", "list"), before, wrong)


class Cache(CliTest):
    def test_the_cache_moves_at_once_and_what_is_there_stays(self):
        self.hearth.out("model", "import", TINY, "--alias", "here")
        self.assertIn(f"Cache directory path: {self.hearth.home}/models", self.hearth.out("cache", "location"))
        self.assertRegex(self.hearth.out("cache", "list"), r"Models cached on device:\n   Alias +Model ID\n💾 here +here:0\n")
        elsewhere = self.hearth.home / "elsewhere"
        self.assertIn(str(elsewhere), self.hearth.out("cache", "cd", elsewhere))
        self.assertIn("No models are cached", self.hearth.out("cache", "ls"))
        self.hearth.out("model", "import", TINY, "--alias", "there")
        self.assertEqual([m["id"] for m in json.loads(self.hearth.out("cache", "list", "-o", "json"))], ["there:0"])
        self.hearth.out("cache", "cd", self.hearth.home / "models")
        self.assertIn("here:0", self.hearth.out("cache", "list"))

    def test_models_are_removed_one_by_one_or_all(self):
        for alias in ("one", "two", "three"):
            self.hearth.out("model", "import", TINY, "--alias", alias)
        self.assertEqual(self.hearth.out("cache", "remove", "ONE:0"), "removed one\n")
        self.assertEqual(self.hearth.out("model", "rm", "*"), "removed three\nremoved two\n")
        self.assertIn("no model", self.hearth.fails(1, "cache", "rm", "one"))

    def test_leftovers_are_cleaned(self):
        left = self.hearth.home / "models/.download-x"
        left.mkdir(parents=True)
        (left / "model.gguf").write_bytes(bytes(5000))
        self.assertIn("5.00 kB", self.hearth.out("cache", "clean"))
        self.assertFalse(left.exists())

    def test_packed_weights_of_a_large_model_are_kept_as_long_as_they_are_wanted(self):
        with tempfile.TemporaryDirectory(dir=BINARY.parent) as folder:  # that of temporary files may lie in memory
            cache = Path(folder)
            model, packed = cache / "large.gguf", cache / ".packed"
            self.hearth.out("cache", "cd", cache)
            self.hearth.out("model", "synth", "qwen2.5-0.5b", "-o", model)
            ask = ("model", "run", model, "--no-template", "--prompt", "abc", "--max-tokens", "4", "--context", "512")
            self.hearth.out("config", "set", "compute.keep_packed", "false")
            answer = self.hearth.out(*ask)
            self.assertFalse(packed.exists())

            self.hearth.out("config", "set", "compute.keep_packed", "true")
            self.assertEqual(self.hearth.out(*ask), answer)
            kept, = packed.iterdir()
            self.assertGreater(kept.stat().st_size, 256 << 20)
            written = kept.stat().st_mtime_ns
            self.assertEqual(self.hearth.out(*ask), answer)
            self.assertEqual([file.stat().st_mtime_ns for file in packed.iterdir()], [written])

            self.assertGreater(json.loads(self.hearth.out("cache", "clean", "-o", "json"))["removed_bytes"], 256 << 20)
            self.assertFalse(packed.exists())
            self.assertEqual(self.hearth.out(*ask), answer)
            self.hearth.out("cache", "remove", "large")
            self.assertEqual((model.exists(), list(packed.iterdir())), (False, []))


class Itself(CliTest):
    def test_the_status_names_the_machine_the_service_and_the_models(self):
        self.hearth.out("model", "import", TINY, "--alias", "here")
        for words in (["status"], ["system", "info"], ["device", "info"]):
            told = json.loads(self.hearth.out(*words, "-o", "json"))
            self.assertGreater(told["system"]["memory_bytes"], 1 << 28)
            self.assertIn(told["system"]["isa"], ("generic", "avx2", "avx512"))
            self.assertEqual(told["system"]["active_device"], "CPU")
            self.assertEqual((told["service"]["running"], told["cached"]), (False, ["here"]))
        self.assertRegex(self.hearth.out("status"), r"(?m)^  Cached +1: here$")
        self.assertRegex(self.hearth.out("status"), r"State +not running \(hearth service start\)")

    def test_the_status_for_people_has_every_line(self):
        self.hearth.out("model", "import", TINY, "--alias", "here")
        self.hearth.out("config", "set", "service.port", "0")
        self.addCleanup(self.hearth.run, "service", "stop")
        self.hearth.out("service", "start")
        url = json.loads(self.hearth.out("service", "status", "-o", "json"))["url"]
        self.hearth.out("model", "load", "here")
        told = self.hearth.out("status")
        for line in (r"OS +Linux \S+ \S+", r"CPU +.*, \d+ cores?, \S+ kernels", r"GPU +.+", r"Active device +CPU",
                     r"Memory +[\d.]+ GB, [\d.]+ [GM]B available", r"Disk +[\d.]+ [GM]B available for \S+", r"State +running",
                     r"Version +\d+\.\d+\.\d+", rf"URL +{url}", r"PID +\d+", r"Loaded +1: here:0", r"Cached +1: here"):
            self.assertRegex(told, rf"(?m)^  {line}$")

    def test_the_alias_is_a_link_that_works_and_takes_no_strangers_place(self):
        folder = self.hearth.home / "bin"
        self.hearth.out("alias", "install", "foundry", "--folder", folder)
        self.hearth.out("alias", "install", "foundry", "--folder", folder)
        done = subprocess.run([folder / "foundry", "cache", "location"], env=self.hearth.environment, capture_output=True)
        self.assertIn(b"Cache directory path", done.stdout)
        (folder / "foundry").unlink()
        (folder / "foundry").write_text("mine")
        self.assertIn("not Hearth's", self.hearth.fails(1, "alias", "install", "foundry", "--folder", folder))
        self.assertEqual((folder / "foundry").read_text(), "mine")
        self.assertIn("expected foundry", self.hearth.fails(2, "alias", "install", "ls"))

    def test_shells_complete_commands_and_options(self):
        script = self.hearth.write("completion.bash", self.hearth.out("completion", "bash"))
        for line, expected in (("hearth mod", "model"), ("hearth model dow", "download"), ("hearth serve --po", "--port"),
                               ("hearth cache ", "location")):
            words = line.split(" ")
            run = f"""source {script}; COMP_WORDS=({" ".join(repr(w) for w in words)}); COMP_CWORD={len(words) - 1}
                _hearth; printf '%s\n' "${{COMPREPLY[@]}}" """
            done = subprocess.run(["bash", "-c", run], capture_output=True, text=True)
            self.assertIn(expected, done.stdout.split("\n"), (line, done.stderr))
        for shell in ("zsh", "fish"):
            self.assertIn("download", self.hearth.out("completion", shell))
        self.assertIn("expected bash, zsh or fish", self.hearth.fails(2, "completion", "csh"))

    def test_the_manual_page_has_every_command(self):
        page = self.hearth.out("manual")
        self.assertTrue(page.startswith(".TH HEARTH 1"))
        for words in ("hearth model download", "hearth service set", "hearth config set"):
            self.assertIn(f".SS {words}\n", page)


class Retained(CliTest):
    def test_a_run_may_leave_the_model_in_the_service(self):
        self.hearth.out("model", "import", TINY, "--alias", "here")
        self.hearth.out("config", "set", "service.port", "0")
        self.addCleanup(self.hearth.run, "service", "stop")
        done = self.hearth.run("model", "run", "here", "--retain", "true")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("here:0", self.hearth.out("service", "ps"))
        self.hearth.out("model", "unload", "here")
        self.hearth.out("model", "run", "here", "--ttl", "60")
        self.assertIn("here:0", self.hearth.out("service", "ps"))
        self.assertIn("CPU only", self.hearth.fails(1, "model", "run", "here", "--device", "GPU", "--prompt", "x"))

    def test_settings_of_the_service_hold_and_its_log_is_shown(self):
        self.assertIn("no log yet", self.hearth.fails(1, "service", "logs"))
        self.hearth.out("config", "set", "service.port", "0")
        self.addCleanup(self.hearth.run, "service", "stop")
        began = self.hearth.out("service", "start")
        self.assertNotIn(":5273", began, "port 0 takes any free one")
        self.assertIn("listening on", self.hearth.out("service", "logs"))
        self.assertEqual(self.hearth.out("service", "diag"), self.hearth.out("service", "logs"))
        self.assertIn("listening on", " ".join(json.loads(self.hearth.out("service", "logs", "-o", "json"))))
        told = self.hearth.out("service", "set", "--model-ttl", "600", "--show")
        self.assertRegex(told, r"Saving new settings\nRestarting service\.\.\.\n🔴 Service is stopped\.\n🟢 Service is Started on ")
        shown = json.loads(told.splitlines()[-1])["serviceSettings"]
        self.assertEqual((shown["defaultSecondsForModelTTL"], shown["port"]), (600, 0))
        self.assertIn("No settings changed", self.hearth.out("service", "set"))


if __name__ == "__main__":
    unittest.main()
