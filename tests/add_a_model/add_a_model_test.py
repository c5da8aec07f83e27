"""docs/add_a_model.md, followed: OLMo 2 is added to a copy of the sources by touching the places it names, no others.

    python3 tests/add_a_model/add_a_model_test.py build/dev

olmo2.patch has the changes of the sources, olmo2/ the reference results (make_golden.py). When the patch no longer applies:
apply it by hand to a clean work tree (git apply --3way), add the new files, and write it anew with
git diff --cached -U1 -- src > tests/add_a_model/olmo2.patch
"""
import json
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = ROOT / "tests/add_a_model"
NAME = "olmo2"


def places_of_the_page():
    page = (ROOT / "docs/add_a_model.md").read_text()
    block = re.search(r"```text places\n(.*?)```", page, re.S)[1]
    return {line.split()[0].replace("NAME", NAME) for line in block.splitlines()}


def touched_by_the_patch():
    return set(re.findall(r"^\+\+\+ b/(.*)$", (HERE / f"{NAME}.patch").read_text(), re.M))


class AddAModel(unittest.TestCase):
    build = None  # the folder of the finished build

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="hearth-add-a-model.")
        self.addCleanup(folder.cleanup)
        self.copy = Path(folder.name)

    def run_here(self, command, **options):
        done = subprocess.run(command, capture_output=True, text=True, **options)
        self.assertEqual(done.returncode, 0, f"{command}:\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
        return done.stdout

    def copy_and_change_the_sources(self):
        shutil.copytree(ROOT / "src", self.copy / "src")
        self.run_here(["git", "apply", "--unsafe-paths", f"--directory={self.copy}", HERE / f"{NAME}.patch"], cwd="/")
        shutil.copytree(HERE / NAME, self.copy / "tests/golden/hf" / NAME)

    def commands(self):
        """source below ROOT -> how the build compiles it."""
        return {str(Path(entry["file"]).relative_to(ROOT)): entry["command"]
                for entry in json.loads((self.build / "compile_commands.json").read_text())
                if Path(entry["file"]).is_relative_to(ROOT)}

    def compile(self, source, like, commands):
        """The object of the copy's `source`, compiled as the build compiles `like`."""
        words = shlex.split(commands[like].replace(str(ROOT / "src"), str(self.copy / "src"))
                            .replace(f'HEARTH_SOURCE_DIR=\\"{ROOT}\\"', f'HEARTH_SOURCE_DIR=\\"{self.copy}\\"'))
        out = self.copy / (Path(source).stem + ".o")
        for option, value in (("-o", out), ("-c", self.copy / source), ("-MF", self.copy / "d"), ("-MT", "o")):
            if option in words:
                words[words.index(option) + 1] = str(value)
        self.run_here(words, cwd=self.build)
        return out

    def link(self, objects):
        """As the build links models_test, the given objects before the archives that hold their older versions."""
        command = self.run_here(["ninja", "-C", self.build, "-t", "commands", "models_test"]).splitlines()[-1]
        command = command.removeprefix("ninja: Entering directory").split("&&")[1].strip()
        words = [word for word in shlex.split(command) if not word.endswith(".cc.o")]
        at = words.index("-o")
        words[at + 1] = str(self.copy / "models_test")
        words[at:at] = map(str, objects)
        self.run_here(words, cwd=self.build)

    def test_the_page_names_what_is_touched(self):
        touched = touched_by_the_patch() | {f"tests/golden/hf/{NAME}/"}
        self.assertEqual(touched, places_of_the_page())

    def test_without_it_the_architecture_is_refused_by_name(self):
        for model in (HERE / NAME, HERE / NAME / "model.gguf"):
            done = subprocess.run([self.build / "hearth", "debug", "logits", model, "--ids", "1 2"],
                                  capture_output=True, text=True)
            self.assertEqual(done.returncode, 1)
            self.assertIn(NAME, done.stderr)

    def test_with_it_the_reference_results_are_met(self):
        self.copy_and_change_the_sources()
        commands = self.commands()
        like = {source: source if source in commands else "src/models/llama.cc"
                for source in sorted(touched_by_the_patch()) if source.endswith(".cc")}
        self.link([self.compile(source, model, commands) for source, model in like.items()])
        said = self.run_here([self.copy / "models_test", f"--gtest_filter=*Golden*{NAME}*"])
        # From the GGUF file and both folders: logits and greedy continuations. Bits: of cuts and of instruction sets.
        self.assertIn("[  PASSED  ] 8 tests.", said)


if __name__ == "__main__":
    AddAModel.build = Path(sys.argv.pop(1)).resolve()
    unittest.main()
