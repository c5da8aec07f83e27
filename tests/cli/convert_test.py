"""hearth model convert and hearth model synth: the same model in another file, for Hearth and for llama.cpp.

llama.cpp is the prebuilt library of bench/peers/llama_cpp.py. It keeps keys and values in half precision and quantises
activations, so that even a float32 file's logits differ from ours by thousandths of the largest.
"""
import json
import shutil
import sys
import unittest

from program import GOLDEN, MODEL, ROOT, TINY, CliTest, ids_text, needs_model

sys.path.insert(0, str(ROOT / "bench/peers"))
import llama_cpp  # noqa: E402

FOLDERS = [folder for folder in sorted((GOLDEN / "hf").iterdir())
           if (folder / "model.safetensors").exists() and folder.name not in ("bert", "gpt_oss_dequant")]

# Of the weights' rounding, and of llama.cpp's arithmetic with these weights (it rounds activations to bf16 or q8).
TOLERANCES = {"f32": (0, 8e-3), "f16": (6e-3, 8e-3), "bf16": (4e-2, 3e-2), "q8_0": (8e-2, 6e-2), "mxfp4": (8e-2, 6e-2)}


def difference(got, expected):
    """The largest, as a share of the largest expected value."""
    return max(abs(x - y) for x, y in zip(got, expected, strict=True)) / max(map(abs, expected))


class ConvertTest(CliTest):
    def convert(self, model, quant, *flags):
        out = self.hearth.home / f"{quant}.gguf"
        out.unlink(missing_ok=True)
        said = self.hearth.out("model", "convert", model, "--quant", quant, "-o", out, *flags)
        return out, said

    def exact(self, model, ids):
        return json.loads(self.hearth.out("debug", "logits", model, "--ids", "-", "--exact", "--last",
                                          stdin=ids_text(ids).encode()))["logits"][0]

    def llama_cpp(self, model, ids):
        with llama_cpp.LlamaCpp(model, 2, 2048) as peer:
            return peer.last_logits(ids)


class TinyModels(ConvertTest):
    def source(self, folder):
        """A copy with a plain name: llama.cpp takes a name with "phi3" in it for a vocabulary that has "</s>"."""
        copy = self.hearth.home / "model"
        shutil.rmtree(copy, ignore_errors=True)
        return shutil.copytree(folder, copy)

    def test_every_folder_becomes_a_file_that_computes_the_same_here_and_in_llama_cpp(self):
        self.assertGreaterEqual(len(FOLDERS), 8)
        for folder in FOLDERS:
            expected = json.loads((folder / "expected.json").read_text())
            # llama.cpp chooses LongRoPE's factors by its context, Hearth by the request's length.
            ids = expected["long" if folder.name == "phi3" else "short"]["ids"]
            source = self.source(folder)
            reference = self.exact(source, ids)
            for quant, (rounding, of_peer) in TOLERANCES.items():
                if quant == "mxfp4" and folder.name != "gpt_oss":
                    continue
                with self.subTest(folder=folder.name, quant=quant):
                    file, _ = self.convert(source, quant)
                    ours = self.exact(file, ids)
                    self.assertLessEqual(difference(ours, reference), rounding)
                    self.assertLessEqual(difference(self.llama_cpp(file, ids), ours), of_peer)

    def test_a_file_converted_again_and_a_gguf_that_is_one_already(self):
        file, said = self.convert(TINY, "f32")
        self.assertRegex(said, r"f32\.gguf  [\d.]+ kB  llama, \d+ tensors\n")
        self.assertIn("exists already", self.hearth.fails(1, "model", "convert", TINY, "--quant", "f32", "-o", file))
        self.assertEqual(self.exact(file, [1, 2, 3]), self.exact(TINY, [1, 2, 3]))
        again = self.hearth.home / "again.gguf"
        self.hearth.out("model", "convert", file, "--quant", "f32", "-o", again)
        self.assertEqual(again.read_bytes(), file.read_bytes())

    def test_verify_reports_each_tensor_and_the_perplexity(self):
        folder = self.source(GOLDEN / "hf/llama_tied")
        text = self.hearth.write("text", "abc def " * 20)
        _, said = self.convert(folder, "q8_0", "--verify", "--text", text)
        self.assertRegex(said, r"blk\.0\.ffn_down\.weight +q8_0 +0\.\d+ % +0\.\d+")
        self.assertRegex(said, r"(?m)^output_norm\.weight +f32 +0 % +0$")
        self.assertRegex(said, r"(?m)^perplexity [\d.]+ before, [\d.]+ after \(-?[\d.e-]+ %\)$")

    def test_what_cannot_be_written_is_refused_and_leaves_nothing(self):
        out = self.hearth.home / "out.gguf"
        for status, words, part in (
                (2, (TINY, "--quant", "q5_k_s"), "q4_k_m"),
                (2, (TINY,), "--quant"),
                (1, (TINY, "--quant", "mxfp4"), "experts"),
                (1, (self.hearth.home / "absent", "--quant", "f16"), "absent"),
                (1, (self.hearth.write("no.gguf", "GGUF no"), "--quant", "f16"), "no.gguf")):
            self.assertIn(part, self.hearth.fails(status, "model", "convert", *words, "-o", out))
            self.assertEqual(list(self.hearth.home.glob("*out.gguf*")), [])


class Synth(ConvertTest):
    def test_a_model_of_published_size_answers_here_and_loads_in_llama_cpp(self):
        file = self.hearth.home / "synth.gguf"
        self.hearth.out("model", "synth", "smollm2-135m", "-o", file)
        info = json.loads(self.hearth.out("model", "info", file, "-o", "json"))
        self.assertEqual((info["architecture"], info["parameters"]), ("llama", 134515008))
        ids = [1, 5, 9, 200, 17, 300, 42]
        self.assertLessEqual(difference(self.llama_cpp(file, ids), self.exact(file, ids)), 6e-2)
        again = self.hearth.home / "again.gguf"
        self.hearth.out("model", "synth", "smollm2-135m", "-o", again)
        self.assertEqual(again.read_bytes(), file.read_bytes())

    def test_an_unknown_architecture_is_refused_with_those_there_are(self):
        self.assertIn("phi-4-mini", self.hearth.fails(1, "model", "synth", "gpt-5", "-o", self.hearth.home / "x.gguf"))


@needs_model
class RealModel(ConvertTest):
    IDS = [1, 5, 9, 200, 17, 300, 42, 8, 77, 400, 23, 11]

    def test_llama_cpp_computes_every_quantisation_as_hearth_does(self):
        # Against our exact logits: what is left is the peer's rounding of activations.
        for quant in ("f16", "bf16", "q8_0", "q4_0", "q4_1", "q5_0", "q4_k_m", "q6_k"):
            with self.subTest(quant):
                file, _ = self.convert(MODEL, quant)
                _, of_peer = TOLERANCES.get(quant, (None, 8e-2))
                self.assertLessEqual(difference(self.llama_cpp(file, self.IDS), self.exact(file, self.IDS)), of_peer)
                file.unlink()


if __name__ == "__main__":
    unittest.main()
