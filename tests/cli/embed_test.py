"""hearth debug embed against Hugging Face's float32 results in tests/golden/hf/bert, and what embedding models refuse."""
import json
import math
import unittest
import urllib.error

from program import GOLDEN, MINILM, TINY, CliTest, ids_text, needs_minilm
from serve_test import Service

FOLDER = GOLDEN / "hf/bert"
FILE = FOLDER / "model.gguf"
EXPECTED = json.loads((FOLDER / "expected.json").read_text())


def golden_texts():
    """(ids, mean_pooled, mean_normalised, hidden states or None) of each text without its padding, of type 0."""
    for case in EXPECTED["cases"]:
        if "token_type_ids" in case:
            continue
        for row, ids in enumerate(case["input_ids"]):
            whole = "positions" not in case
            yield (ids[:sum(case["attention_mask"][row])], case["mean_pooled"][row], case["mean_normalised"][row],
                   case["last_hidden_state"][row] if whole else None)


class EmbedTest(CliTest):
    def embed(self, model, *flags, **options):
        return json.loads(self.hearth.out("debug", "embed", model, "-o", "json", *flags, **options))

    def assert_near(self, got, expected):
        self.assertEqual(len(got), len(expected))
        largest = max(map(abs, expected))
        for x, y in zip(got, expected):
            self.assertLessEqual(abs(x - y), 2e-5 * largest)


class Tiny(EmbedTest):
    def test_vectors_equal_the_reference_from_a_file_and_from_a_folder(self):
        texts = list(golden_texts())
        self.assertEqual(len(texts), 4)
        flags = [flag for ids, *_ in texts for flag in ("--ids", ids_text(ids))]
        for model in (FILE, FOLDER):
            unit = self.embed(model, "--exact", *flags)
            self.assertEqual(unit["prompt_tokens"], sum(len(ids) for ids, *_ in texts))
            raw = self.embed(model, "--exact", "--no-normalize", *flags)["embeddings"]
            hidden = self.embed(model, "--exact", "--pooling", "none", *flags)["embeddings"]
            for i, (ids, mean, normalised, states) in enumerate(texts):
                self.assert_near(unit["embeddings"][i], normalised)
                self.assert_near(raw[i], mean)
                self.assertEqual(len(hidden[i]), len(ids))
                for got, expected in zip(hidden[i], states or []):
                    self.assert_near(got, expected)

    def test_a_text_and_its_ids_give_one_vector_and_a_line_of_text_is_the_same_numbers(self):
        ids = self.hearth.out("debug", "tokenize", FILE, "--text", "the window is open", "--add-special")
        self.assertEqual(ids.split()[0], "2")
        by_ids = self.hearth.out("debug", "embed", FILE, "--ids", "-", stdin=ids.encode())
        by_text = self.hearth.out("debug", "embed", FILE, "--text", "the window is open")
        self.assertEqual(by_ids, by_text)
        [vector] = self.embed(FILE, "--text", "the window is open")["embeddings"]
        self.assertEqual(list(map(float, by_text.split())), vector)
        self.assertAlmostEqual(math.hypot(*vector), 1, places=6)

    def test_every_instruction_set_thread_count_and_order_gives_the_same_bytes(self):
        texts = ["the window is open", "", "a longer text about nothing " * 8]
        flags = [flag for text in texts for flag in ("--text", text)]
        expected = self.hearth.out("debug", "embed", FOLDER, *flags).splitlines()
        for isa in ("generic", "avx2", "avx512"):
            self.hearth.environment["HEARTH_ISA"] = isa
            done = self.hearth.run("debug", "embed", FOLDER, *flags)
            if isa == "generic" or done.returncode == 0:
                self.assertEqual(done.stdout.decode().splitlines(), expected, isa)
        del self.hearth.environment["HEARTH_ISA"]
        self.hearth.environment["HEARTH_THREADS"] = "3"
        backwards = [flag for text in texts[::-1] for flag in ("--text", text)]
        self.assertEqual(self.hearth.out("debug", "embed", FOLDER, *backwards).splitlines()[::-1], expected)

    def test_what_cannot_be_embedded_is_refused(self):
        fails = self.hearth.fails
        self.assertIn("--text", fails(2, "debug", "embed", FILE))
        self.assertIn("not both", fails(2, "debug", "embed", FILE, "--text", "a", "--ids", "1"))
        self.assertIn("vocabulary", fails(2, "debug", "embed", FILE, "--ids", "1 99999"))
        self.assertIn("at least one token", fails(2, "debug", "embed", FILE, "--ids", ""))
        self.assertIn("mean, first, last or none", fails(2, "debug", "embed", FILE, "--text", "a", "--pooling", "max"))
        longer = fails(1, "debug", "embed", FILE, "--text", "a", "--text", "the " * 400)
        self.assertIn("256 tokens. Text 1 has 402", longer)
        self.assertIn("made for 256", fails(2, "debug", "embed", FILE, "--text", "a", "--context", "257"))
        self.assertIn("Use an embedding model", fails(1, "debug", "embed", TINY, "--text", "a"))

    def test_an_embedding_model_writes_no_answer(self):
        self.assertIn("is an embedding model (bert)", self.hearth.fails(1, "model", "run", FILE, "--prompt", "Hello"))
        self.assertIn("is an embedding model", self.hearth.fails(1, "model", "run", FOLDER, "--no-template",
                                                                 "--prompt", "Hello"))
        self.assertIn("is an embedding model", self.hearth.fails(1, "debug", "logits", FILE, "--ids", "1 2"))
        service = Service(self, "--model", FILE)
        for path, ask in (("chat/completions", {"messages": [{"role": "user", "content": "Hello"}]}),
                          ("completions", {"prompt": "Hello"})):
            with self.assertRaises(urllib.error.HTTPError) as refused:
                service.post(f"/v1/{path}", {"model": "model", **ask})
            self.assertEqual(refused.exception.code, 400)
            self.assertIn("is an embedding model", json.loads(refused.exception.read())["error"]["message"])
            refused.exception.close()

    def test_inspect_tells_the_memory_of_a_step(self):
        memory = json.loads(self.hearth.out("model", "inspect", FILE, "-o", "json"))["memory"]
        self.assertEqual(memory["context"], 256)
        # Keys and values of one layer, for the rows of one step and a page more a text: whatever the context.
        self.assertEqual(memory["kv_bytes"], (288 + 32 * 16) * memory["kv_bytes_per_token"])


@needs_minilm
class RealModel(EmbedTest):
    def test_a_converted_and_quantised_model_stays_close_to_the_reference(self):
        texts = json.loads((GOLDEN / "minilm/expected.json").read_text())["texts"]
        flags = [flag for text in texts for flag in ("--ids", ids_text(text["ids"]))]
        for quantisation, least in (("f32", 0.999999), ("q8_0", 0.998)):
            path = self.hearth.home / f"{quantisation}.gguf"
            said = self.hearth.out("model", "convert", MINILM, "-o", path, "--quant", quantisation, "--verify")
            self.assertGreater(float(said.splitlines()[-1].rpartition(": ")[2]), least)
            for vector, text in zip(self.embed(path, *flags)["embeddings"], texts, strict=True):
                expected = text["embedding"]
                cosine = sum(x * y for x, y in zip(vector, expected, strict=True))
                self.assertGreaterEqual(cosine / math.hypot(*vector) / math.hypot(*expected), least, text["text"])


if __name__ == "__main__":
    unittest.main()
