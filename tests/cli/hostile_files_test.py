"""Files that lie: every `bad_*` of the fuzz corpus ends each command in one line of complaint, none in a signal."""
import unittest

from program import ROOT, TINY, CliTest

CORPUS = sorted((ROOT / "fuzz/corpus/gguf").glob("bad_*.gguf"))


class HostileFiles(CliTest):
    def test_the_corpus_is_there(self):
        self.assertGreater(len(CORPUS), 40)

    def test_every_file_is_refused_with_status_1(self):
        for file in CORPUS:
            with self.subTest(file.name):
                self.hearth.fails(1, "model", "inspect", file)

    def test_no_command_that_opens_a_model_is_spared(self):
        for file in CORPUS[::7]:
            for command in (["model", "info", file], ["model", "import", file, "--alias", "bad"],
                            ["model", "run", file, "--prompt", "x"], ["debug", "tokenize", file, "--text", "x"],
                            ["debug", "detokenize", file, "--ids", "1"], ["debug", "logits", file, "--ids", "1"]):
                with self.subTest(file.name, command=command[:2]):
                    self.hearth.fails(1, *command)
        self.assertFalse((self.hearth.home / "models/bad").exists())

    def test_a_real_file_cut_anywhere_is_refused(self):
        whole = TINY.read_bytes()
        for size in (0, 3, 4, 23, 24, 100, 1000, 5000, len(whole) // 2, len(whole) - 1):
            with self.subTest(size):
                self.hearth.fails(1, "model", "run", self.hearth.write("cut.gguf", whole[:size]), "--prompt", "x")


if __name__ == "__main__":
    unittest.main()
