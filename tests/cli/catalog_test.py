"""The cache by its commands: import, list, info, inspect, remove."""
import hashlib
import json
import shutil
import unittest

from program import GOLDEN, MODEL, TINY, CliTest, needs_model


class Catalog(CliTest):
    def test_a_model_is_imported_shown_and_removed(self):
        self.assertEqual(self.hearth.out("model", "list", "--cached", "-o", "json"), "[]\n")
        imported = json.loads(self.hearth.out("model", "import", TINY, "--alias", "tiny", "-o", "json"))
        self.assertEqual(imported["alias"], "tiny")
        [entry] = json.loads(self.hearth.out("model", "list", "--cached", "-o", "json"))
        self.assertEqual(entry["alias"], "tiny")
        self.assertEqual(entry["bytes"], TINY.stat().st_size)
        self.assertEqual(entry["sha256"], hashlib.sha256(TINY.read_bytes()).hexdigest())
        self.assertEqual(entry["path"], str(self.hearth.home / "models/tiny/model.gguf"))

        info = json.loads(self.hearth.out("model", "info", "TINY", "-o", "json"))
        self.assertEqual((info["alias"], info["architecture"], info["chat_template"]), ("tiny", "llama", True))
        size = TINY.stat().st_size
        self.assertEqual((info["bytes"], info["memory"]["context"]), (size, 512))
        told = self.hearth.out("model", "info", "tiny")
        self.assertIn("sha256", told)
        self.assertRegex(told, rf"(?m)^file +{self.hearth.home}/models/tiny/model.gguf \({size / 1e3:.3g} kB\)$")
        self.assertIn("memory for a context of 512 tokens", told)
        self.assertEqual(json.loads(self.hearth.out("model", "info", "Tiny:0", "-o", "json"))["alias"], "tiny")

        self.hearth.out("model", "remove", "tiny")
        self.assertEqual(self.hearth.out("model", "list", "--cached", "-o", "json"), "[]\n")
        self.assertIn("no model \"tiny\"", self.hearth.fails(1, "model", "remove", "tiny"))

    def test_importing_again_is_fine_and_a_taken_alias_is_not(self):
        other = GOLDEN / "hf/llama/model.gguf"
        self.hearth.out("model", "import", TINY, "--alias", "tiny")
        self.hearth.out("model", "import", TINY, "--alias", "tiny")
        self.assertIn("taken by another file", self.hearth.fails(1, "model", "import", other, "--alias", "tiny"))

    def test_the_default_alias_is_the_file_name(self):
        source = self.hearth.home / "My Model.Q4.gguf"
        shutil.copy(TINY, source)
        self.hearth.out("model", "import", source)
        [entry] = json.loads(self.hearth.out("model", "list", "--cached", "-o", "json"))
        self.assertEqual(entry["alias"], "my-model.q4")

    def test_an_alias_cannot_leave_the_cache(self):
        for alias in ("../x", "a/b", ".x", "UPPER", "a b", "x" * 65):
            self.assertIn("alias", self.hearth.fails(2, "model", "import", TINY, "--alias", alias))
        for alias in ("..", "../models", "/", "."):
            self.hearth.fails(1, "model", "remove", alias)

    def test_a_damaged_entry_is_skipped_with_a_warning(self):
        self.hearth.out("model", "import", TINY, "--alias", "tiny")
        (self.hearth.home / "models/tiny/hearth.json").write_text("{}")
        done = self.hearth.run("model", "list", "--cached", "-o", "json")
        self.assertEqual((done.returncode, done.stdout), (0, b"[]\n"))
        self.assertIn(b"tiny", done.stderr)


class Info(CliTest):
    def test_a_file_with_a_catalogue_models_name_is_not_that_model(self):
        path = self.hearth.home / "phi-4-mini.gguf"
        path.write_bytes(TINY.read_bytes())
        info = self.info(path)
        self.assertEqual((info["id"], info["license"]), ("phi-4-mini:0", ""))

    def info(self, model):
        return json.loads(self.hearth.out("model", "info", model, "-o", "json"))

    def test_of_a_model_that_is_not_here_it_tells_what_the_catalogue_knows(self):
        known = self.info("Phi-4-Mini-Instruct")
        self.assertEqual((known["alias"], known["cached"], known["license"]), ("phi-4-mini", False, "MIT"))
        self.assertEqual((known["tool_calls"], known["reasoning"]), ("phi4", "none"))
        self.assertEqual(known["stop_tokens"], ["<|end|>", "<|endoftext|>"])
        self.assertEqual(known["id"], "Phi-4-mini-instruct-generic-cpu:1")
        self.assertEqual((known["context"], known["megabytes"]), (131072, 2490))
        told = self.hearth.out("model", "info", "phi-4-mini")
        self.assertRegex(told, r"(?m)^context +131072$")
        self.assertRegex(told, r"(?m)^download .*, about 2\.49 GB$")
        self.assertEqual(self.info("gpt-oss-20b")["reasoning"], "harmony")
        self.assertIn("not on this machine", self.hearth.out("model", "info", "qwen3-0.6b"))
        self.hearth.environment.update(HF_ENDPOINT="http://127.0.0.1:9", no_proxy="*")
        said = self.hearth.fails_after_progress("model", "run", "qwen3-0.6b", "--prompt", "x")
        self.assertIn("cannot download from 127.0.0.1", said)
        self.assertIn("no model", self.hearth.fails(1, "model", "info", "gpt-5"))

    def test_the_license_alone(self):
        told = json.loads(self.hearth.out("model", "info", "phi-4-mini", "--license", "-o", "json"))
        self.assertEqual((told["alias"], told["license"], told["publisher"]), ("phi-4-mini", "MIT", "Microsoft"))
        self.assertRegex(told["link"], r"^https://[a-z.]+/[^/:]+/[^/:]+$")
        self.assertRegex(self.hearth.out("model", "info", "Phi-4-mini-instruct-generic-cpu:1", "--license"),
                         r"(?m)^license +MIT$")
        self.hearth.out("model", "import", TINY, "--alias", "tiny")  # its file says nothing
        self.assertRegex(self.hearth.out("model", "info", "tiny", "--license"), r"(?m)^license +unknown")
        self.hearth.out("model", "import", GOLDEN / "hf/qwen2/model.gguf", "--alias", "qwen2.5-0.5b")
        self.assertEqual(self.info("qwen2.5-0.5b")["license"], "Apache-2.0")
        self.assertEqual(self.info("qwen2.5-0.5b")["id"], "Qwen2.5-0.5B-Instruct-generic-cpu:1")

    def test_an_alias_of_the_catalogue_brings_its_familys_presets(self):
        self.hearth.out("model", "import", GOLDEN / "hf/qwen2/model.gguf", "--alias", "qwen2.5-0.5b")
        self.assertEqual(self.info("qwen2.5-0.5B-instruct-generic-CPU:4")["sha256"], self.info("qwen2.5-0.5b")["sha256"])
        info = self.info("Qwen2.5-0.5B-Instruct")
        self.assertEqual((info["alias"], info["family"], info["tool_calls"]), ("qwen2.5-0.5b", "qwen2.5", "hermes"))
        self.assertEqual(info["sampling"]["top_k"], 20)
        self.assertIn("<|im_end|>", info["stop_tokens"])

    def test_an_unknown_file_works_from_its_own_metadata_and_tells_what_was_assumed(self):
        info = self.info(TINY)
        self.assertEqual((info["family"], info["sampling"], info["assumed"]), (None, {}, []))
        bare = self.hearth.home / "bare"
        shutil.copytree(GOLDEN / "hf/qwen2", bare)
        settings = json.loads((bare / "tokenizer_config.json").read_text())
        settings.pop("chat_template", None)
        (bare / "tokenizer_config.json").write_text(json.dumps(settings))
        (bare / "chat_template.jinja").unlink(missing_ok=True)
        info = self.info(bare)
        self.assertIs(info["chat_template"], False)
        self.assertIn("chatml is taken", info["assumed"][0])
        self.assertIn("chatml", self.hearth.out("model", "info", bare))
        messages = self.hearth.write("messages", json.dumps([{"role": "user", "content": "Hi"}]))
        self.assertEqual(self.hearth.out("debug", "render", bare, "--messages", messages),
                         "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n")


class Inspect(CliTest):
    def test_memory_follows_from_the_file_and_the_context(self):
        seen = json.loads(self.hearth.out("model", "inspect", TINY, "-o", "json", "--context", "64"))
        self.assertEqual(seen["architecture"], "llama")
        self.assertEqual(seen["metadata"]["llama.block_count"], 2)
        memory = seen["memory"]
        # 2 (keys, values) x 2 layers x 3 heads x 8 wide x 2 bytes, or more: so narrow a head is padded.
        self.assertGreaterEqual(memory["kv_bytes_per_token"], 2 * 2 * 3 * 8 * 2)
        self.assertLessEqual(memory["kv_bytes_per_token"], 2 * 2 * 3 * 16 * 2)
        self.assertEqual((memory["context"], memory["kv_bytes"]), (64, 64 * memory["kv_bytes_per_token"]))
        self.assertEqual(memory["total_bytes"],
                         memory["weight_bytes"] + memory["kv_bytes"] + memory["scratch_bytes"])
        names = [tensor["name"] for tensor in seen["tensors"]]
        self.assertIn("token_embd.weight", names)

    def test_a_context_the_model_was_not_made_for_is_refused(self):
        self.assertIn("100000", self.hearth.fails(2, "model", "inspect", TINY, "--context", "100000"))

    @needs_model
    def test_the_real_model(self):
        text = self.hearth.out("model", "inspect", MODEL)
        for part in ("llama.block_count", "token_embd.weight", "q4_1", "23040 a token"):
            self.assertIn(part, text)
        seen = json.loads(self.hearth.out("model", "inspect", MODEL, "-o", "json"))
        self.assertEqual(len(seen["tensors"]), 272)
        self.assertEqual(seen["memory"]["context"], 8192)
        self.assertEqual(seen["memory"]["kv_bytes_per_token"], 2 * 30 * 3 * 64 * 2)
        self.assertEqual(len(seen["metadata"]["tokenizer.ggml.tokens"]), 49152)


if __name__ == "__main__":
    unittest.main()
