"""hearth bench and bench/peers/run: what their results are made of. Never how fast: machines are shared."""
import json
import statistics
import subprocess
import sys
import unittest

from program import BINARY, GOLDEN, MODEL, ROOT, TINY, CliTest, needs_model

ISAS = ("generic", "avx2", "avx512")


class Machine(CliTest):
    def test_peaks_are_measured_with_the_instructions_of_each_isa(self):
        for isa in ISAS:
            self.hearth.environment["HEARTH_ISA"] = isa
            done = self.hearth.run("bench", "machine", "--threads", "1", "-o", "json")
            if isa != "generic" and done.returncode != 0:
                continue  # this processor has not got it
            found = json.loads(done.stdout)
            self.assertEqual(list(found), ["cpu", "isa", "threads", "read_gb_s", "int8_gop_s", "fp32_gop_s"])
            self.assertEqual((found["isa"], found["threads"]), (isa, 1))
            self.assertGreater(found["read_gb_s"], 0)
            if isa == "generic":
                self.assertEqual((found["int8_gop_s"], found["fp32_gop_s"]), (None, None))
            else:  # four int8 products for a float32 one by their width, half of that without VNNI
                self.assertGreater(found["int8_gop_s"], found["fp32_gop_s"])

    def test_the_text_names_processor_and_peaks(self):
        self.assertRegex(self.hearth.out("bench", "machine"),
                         r"^.+, \w+, \d+ threads?: reads [\d.]+ GB/s, int8 ([\d.]+|-) Gop/s, float32 ([\d.]+|-) Gop/s\n$")


class Kernels(CliTest):
    def test_a_multiplication_is_counted_at_every_batch(self):
        for dtype, bits in (("q4_0", 4.5), ("iq2_xxs", 3.1875)):  # as packed, which is not as in the file
            with self.subTest(dtype):
                self.check(dtype, bits)

    def check(self, dtype, bits):
        told = json.loads(self.hearth.out("bench", "kernels", "--filter", f"{dtype}/3072x3072", "-o", "json"))
        self.assertEqual([figure["rows"] for figure in told["kernels"]], [1, 2, 4, 8, 16, 512])
        n_bytes, n_weights = 3072 * 3072 * bits / 8, 3072 * 3072
        for figure in told["kernels"]:
            self.assertEqual(figure["kernel"], f"matmul/{dtype}/3072x3072")
            self.assertAlmostEqual(figure["gb_s"] * figure["seconds"] * 1e9, n_bytes, delta=1)
            self.assertAlmostEqual(figure["gop_s"] * figure["seconds"] * 1e9, 2 * n_weights * figure["rows"], delta=1e3)
            self.assertAlmostEqual(figure["percent_of_read"], 100 * figure["gb_s"] / figure["read_gb_s"])
            if told["isa"] != "generic":
                self.assertAlmostEqual(figure["percent_of_peak"], 100 * figure["gop_s"] / figure["int8_gop_s"])

    def test_what_stays_in_the_caches_is_no_share_of_the_memory(self):
        out = self.hearth.out("bench", "kernels", "--filter", "rms_norm")
        machine, head, line = out.splitlines()
        self.assertIn("reads ", machine)
        self.assertEqual(head.split(), "kernel rows GB/s % of read Gop/s % of peak".split())
        self.assertRegex(line, r"^rms_norm/3072 +512 +[\d.]+ +- +- +-$")

    def test_attention_is_counted_by_what_its_rows_may_see(self):
        told = json.loads(self.hearth.out("bench", "kernels", "--filter", "attend/prefill/512", "-o", "json"))
        [figure] = told["kernels"]
        self.assertAlmostEqual(figure["gop_s"] * figure["seconds"] * 1e9, 4 * 24 * 128 * 512 * 513 / 2, delta=1e3)

    def test_a_filter_that_fits_nothing_is_refused_with_the_names(self):
        said = self.hearth.fails(2, "bench", "kernels", "--filter", "q9_x")
        self.assertIn('"q9_x" is part of no kernel\'s name', said)
        for name in ("matmul/q4_0/16384x3072", "expert_matmul/mxfp4", "attend/decode/4096", "silu_mul/8192"):
            self.assertIn(name, said)


class Model(CliTest):
    SMALL = ("--prompt", "8,24", "--gen", "4", "--depth", "0,32", "--reps", "3")

    def check(self, model, *flags):
        told = json.loads(self.hearth.out("bench", "model", model, *self.SMALL, *flags, "-o", "json"))
        self.assertEqual(list(told), ["cpu", "isa", "threads", "load_s", "peak_rss_mib", "prefill", "decode"])
        self.assertEqual([figure["tokens"] for figure in told["prefill"]], [8, 24])
        self.assertEqual([figure["depth"] for figure in told["decode"]], [0, 32])
        for figure in told["prefill"] + told["decode"]:
            self.assertEqual(len(figure["tok_s"]), 3)
            self.assertEqual(figure["median"], statistics.median(figure["tok_s"]))
            self.assertGreater(min(figure["tok_s"]), 0)
        for figure in told["decode"]:
            self.assertAlmostEqual(figure["percent"], 100 * figure["median"] / figure["roofline_tok_s"])
        return told

    def test_a_model_without_text_is_measured(self):
        told = self.check(TINY, "--threads", "1")
        self.assertEqual(told["threads"], 1)
        self.assertGreater(told["load_s"], 0)

    @needs_model
    def test_smollm2s_roofline_is_its_file_read_once_a_token(self):
        told = self.check(MODEL)
        [shallow, _] = told["decode"]
        # The weights that a token reads are the file without its vectors and vocabulary: the embedding is tied.
        bytes_a_token = shallow["read_gb_s"] * 1e9 / shallow["roofline_tok_s"]
        self.assertAlmostEqual(bytes_a_token, MODEL.stat().st_size, delta=0.04 * MODEL.stat().st_size)
        # The probes' gigabyte is not in it, the packed weights are.
        self.assertGreater(told["peak_rss_mib"], 90)
        self.assertLess(told["peak_rss_mib"], 900)
        if told["isa"] != "generic":
            long = told["prefill"][1]
            ops_a_token = long["int8_gop_s"] * 1e9 / long["roofline_tok_s"]
            n_matrices, n_output = 106.2e6, 49152 * 576  # the output is computed for the last token only
            self.assertAlmostEqual(ops_a_token, 2 * (n_matrices + n_output / 24), delta=0.02 * ops_a_token)

    def test_the_text_has_a_row_for_each_figure(self):
        out = self.hearth.out("bench", "model", TINY, *self.SMALL)
        self.assertRegex(out, r"^.+ threads?; \S+ loaded in [\d.]+ s, at most [\d.]+ MiB\n")
        for name in ("prefill 8 ", "prefill 24 ", "decode after 0 ", "decode after 32 "):
            self.assertIn(f"\n{name}", out)

    def test_wrong_flags_are_named(self):
        fails = self.hearth.fails
        self.assertIn("--prompt", fails(2, "bench", "model", TINY, "--prompt", "8,,9"))
        self.assertIn('from 1 to 1048576, not "0"', fails(2, "bench", "model", TINY, "--prompt", "8,0"))
        self.assertIn("--depth", fails(2, "bench", "model", TINY, "--depth", "-1"))
        self.assertIn("--gen", fails(2, "bench", "model", TINY, "--gen", "many"))
        self.assertIn("--reps", fails(2, "bench", "model", TINY, "--reps", "0"))
        self.assertIn("--turns", fails(2, "bench", "model", TINY, "--turns", "--reps", "2"))
        self.assertIn("absent", fails(1, "bench", "model", "absent"))
        self.assertIn("is an embedding model", fails(1, "bench", "model", GOLDEN / "hf/bert/model.gguf",
                                                     "--prompt", "8", "--depth", "0", "--gen", "4"))
        self.assertIn("context", fails(2, "bench", "model", TINY, "--prompt", "1000000"))

    def test_turns_answer_line_by_line(self):
        out = self.hearth.out("bench", "model", TINY, "--turns", stdin=b"prefill 16\ndecode 0 4\ndecode 16 4\n")
        self.assertEqual(len(out.splitlines()), 3)
        self.assertTrue(all(float(line) > 0 for line in out.splitlines()))
        for line in (b"prefill", b"prefill 0", b"decode 4", b"decode 4 0", b"prefill 4 4", b"stop"):
            said = self.hearth.fails(2, "bench", "model", TINY, "--turns", stdin=line)
            self.assertIn(f'not "{line.decode()}"', said)


class Peers(CliTest):
    def run_peers(self, *flags):
        return subprocess.run([sys.executable, ROOT / "bench/peers/run", "--hearth", BINARY, *flags],
                              env=self.hearth.environment, capture_output=True, text=True, timeout=600)

    @needs_model
    def test_a_row_is_the_ratio_of_turns_with_its_spread_and_is_written(self):
        out = self.hearth.home / "result.md"
        # Against itself: the peer of a real run comes from a package.
        itself = f"{BINARY} bench model {{model}} --threads {{threads}} --turns"
        done = self.run_peers("--rows", "smollm2-135m decode,beside one busy", "--pairs", "2", "--out", out, "--peer-command",
                              itself, "--peer-name", "itself")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(out.read_text(), done.stdout)
        rows = [line.split("|")[1:-1] for line in done.stdout.splitlines() if line.startswith("| smollm2")]
        self.assertEqual([row[0].strip() for row in rows],
                         ["smollm2-135m decode", "smollm2-135m decode beside one busy process",
                          "smollm2-135m decode beside one busy process, kept"])
        for row in rows:
            for cell in row[1], row[2], row[4]:
                middle, least, most = (float(word.strip("[]")) for word in cell.replace("…", " ").split())
                self.assertTrue(0 < least <= middle <= most, cell)
        self.assertIn("Hearth beside itself: ", done.stdout)

    def test_rows_are_chosen_by_their_whole_name_or_a_part_of_it(self):
        def listed(words):
            return self.run_peers("--list", "--rows", words).stdout.splitlines()
        self.assertEqual(listed("smollm2-135m decode"), ["smollm2-135m decode"])
        self.assertEqual(listed("135m decode"), ["smollm2-135m decode", "smollm2-135m decode beside one busy process"])

    def test_what_it_cannot_do_is_said_in_one_line(self):
        self.assertIn("no row's name contains nothing", self.run_peers("--rows", "nothing").stderr)
        self.assertIn("tools/build bench hearth makes it", self.run_peers("--hearth", "/absent/hearth").stderr)
        listed = self.run_peers("--list").stdout
        self.assertIn("phi-4-mini-q4_0 decode at depth 4096\n", listed)
        self.assertNotIn("4096", self.run_peers("--list", "--quick").stdout)


if __name__ == "__main__":
    unittest.main()
