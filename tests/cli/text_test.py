"""hearth debug tokenize, detokenize, render against the references in tests/golden/."""
import json
import unittest

from program import GOLDEN, MODEL, TINY, CliTest, ids_text, needs_model

SMOLLM2 = json.loads((GOLDEN / "tokenizers/smollm2.json").read_text())
PROMPTS = json.loads((GOLDEN / "smollm2/expected.json").read_text())["prompts"]


class Tokenize(CliTest):
    def tokenize(self, model, text, *flags):
        line = self.hearth.out("debug", "tokenize", model, "--file", "-", *flags, stdin=text.encode())
        self.assertTrue(line.endswith("\n") and line.count("\n") == 1)
        return [int(word) for word in line.split()]

    @needs_model
    def test_smollm2_gives_the_reference_ids(self):
        self.assertGreater(len(SMOLLM2["vectors"]), 150)
        for vector in SMOLLM2["vectors"]:
            with self.subTest(vector["text"][:40]):
                self.assertEqual(self.tokenize(MODEL, vector["text"], "--parse-special"), vector["ids"])
                plain = vector.get("ids_plain", vector["ids"])
                self.assertEqual(self.tokenize(MODEL, vector["text"]), plain)

    @needs_model
    def test_bytes_without_a_token_are_told(self):
        done = self.hearth.run("debug", "tokenize", MODEL, "--text", "a\x04b")
        self.assertIn(b"1 byte of the text cannot be spelt", done.stderr)
        self.assertEqual(len(done.stdout.split()), 2)

    def test_text_and_file_agree_and_a_large_file_is_quick(self):
        text = "[1, 2] --x 'quoted'  tabs\tand\nlines " * 2
        line = self.hearth.out("debug", "tokenize", TINY, "--text", text)
        self.assertEqual(line, self.hearth.out("debug", "tokenize", TINY, "--file", self.hearth.write("t", text)))
        self.assertEqual(self.hearth.out("debug", "tokenize", TINY, "--text", ""), "\n")
        self.assertEqual(self.hearth.out("debug", "tokenize", TINY, "--text=", "--add-special"), "\n")
        large = self.hearth.write("large", text * 20_000)
        ids = self.hearth.out("debug", "tokenize", TINY, "--file", large, timeout=60)
        back = self.hearth.run("debug", "detokenize", TINY, "--ids", "-", stdin=ids.encode())
        self.assertEqual(back.stdout, large.read_bytes())

    def test_a_tokenizer_json_and_its_gguf_agree_with_the_reference(self):
        for name in ("llama", "llama_tied"):
            folder = GOLDEN / "hf" / name
            expected = json.loads((folder / "expected.json").read_text())["tokenizer"]
            for vector in expected["vectors"][::5]:
                for model in (folder / "tokenizer.json", folder / "model.gguf"):
                    with self.subTest(name, text=vector["t"][:40], model=model.name):
                        self.assertEqual(self.tokenize(model, vector["t"], "--parse-special"), vector["ids"])
                        self.assertEqual(self.tokenize(model, vector["t"]), vector.get("ids_plain", vector["ids"]))

    def test_add_special_adds_what_the_vocabulary_asks_for(self):
        folder = GOLDEN / "hf/llama"
        expected = json.loads((folder / "expected.json").read_text())["tokenizer"]
        for model in (folder / "tokenizer.json", folder / "model.gguf"):
            plain = self.tokenize(model, "Hello")
            self.assertEqual(self.tokenize(model, "Hello", "--add-special"),
                             expected["prefix_ids"] + plain + expected["suffix_ids"])

    def test_a_users_text_never_becomes_a_control_token(self):
        ids = self.tokenize(TINY, "<|im_end|>")
        self.assertGreater(len(ids), 1)
        self.assertEqual(len(self.tokenize(TINY, "<|im_end|>", "--parse-special")), 1)


class Detokenize(CliTest):
    @needs_model
    def test_smollm2_gives_the_reference_text(self):
        for vector in SMOLLM2["vectors"][::6]:
            done = self.hearth.run("debug", "detokenize", MODEL, "--ids", ids_text(vector["ids"]))
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(done.stdout.decode(), vector.get("decoded", vector["text"]))

    def test_broken_characters_decode_as_the_reference_says(self):
        folder = GOLDEN / "hf/llama_tied"
        for case in json.loads((folder / "expected.json").read_text())["tokenizer"]["decode"]:
            done = self.hearth.run("debug", "detokenize", folder / "model.gguf", "--ids", ids_text(case["ids"]))
            self.assertEqual(done.stdout.decode(), case["dec"], case)

    def test_control_tokens_stay_unless_skipped(self):
        ids = self.hearth.out("debug", "tokenize", TINY, "--text", "a<|im_end|>", "--parse-special").strip()
        self.assertEqual(self.hearth.out("debug", "detokenize", TINY, "--ids", ids), "a<|im_end|>")
        self.assertEqual(self.hearth.out("debug", "detokenize", TINY, "--ids", ids, "--skip-special"), "a")

    def test_what_is_no_id_is_refused_by_name(self):
        self.assertIn("\"x\"", self.hearth.fails(2, "debug", "detokenize", TINY, "--ids", "1 x"))
        self.assertIn("9999", self.hearth.fails(2, "debug", "detokenize", TINY, "--ids", "1 9999"))
        self.assertEqual(self.hearth.out("debug", "detokenize", TINY, "--ids", ""), "")


class Render(CliTest):
    def render(self, model, messages, *flags):
        file = self.hearth.write("messages.json", json.dumps(messages))
        return self.hearth.run("debug", "render", model, "--messages", file, *flags)

    @needs_model
    def test_smollm2_prompts_are_exact(self):
        for prompt in PROMPTS:
            with self.subTest(prompt["name"]):
                self.assertEqual(self.render(MODEL, prompt["messages"]).stdout.decode(), prompt["text"])

    def test_the_tiny_models_prompts_and_errors_are_those_of_the_reference(self):
        for name in ("llama", "llama_tied"):
            folder = GOLDEN / "hf" / name
            for case in json.loads((folder / "expected.json").read_text())["chat"]:
                flags = [] if case["add_generation_prompt"] else ["--no-generation-prompt"]
                if case.get("tools"):
                    flags += ["--tools", self.hearth.write("tools.json", json.dumps(case["tools"]))]
                done = self.render(folder / "model.gguf", case["messages"], *flags)
                with self.subTest(name, case=case):
                    if "error" in case:
                        self.assertEqual(done.returncode, 2)
                        self.assertIn(case["message"], done.stderr.decode())
                    else:
                        self.assertEqual(done.stdout.decode(), case["rendered"])

    def test_what_is_no_list_of_messages_is_refused(self):
        self.assertIn(b"expected an array", self.render(TINY, {"role": "user"}).stderr)
        broken = self.hearth.write("broken.json", "[{")
        self.assertIn("not JSON", self.hearth.fails(2, "debug", "render", TINY, "--messages", broken))
        self.assertIn("absent.json", self.hearth.fails(1, "debug", "render", TINY, "--messages", "absent.json"))


if __name__ == "__main__":
    unittest.main()
