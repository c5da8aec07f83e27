#!/usr/bin/env python3
"""checks_test [--hearth PROGRAM] - each script tools/check_* sees what it is there for: a copy of the project is broken
in one place, and the check must fail and name that place."""
import argparse
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
HEARTH = None


class ChecksTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="hearth-checks.")
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        for path in (*ROOT.glob("*.md"), *ROOT.glob("CMake*"), ROOT / ".clang-format", ROOT / ".clang-tidy",
                     ROOT / "LICENSE", ROOT / "run", ROOT / "test"):
            shutil.copy(path, self.root)
        for name in ("src", "docs", "tools", "cmake", "fuzz", "bench", "web", "tests", ".ci"):
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, self.root / name, ignore=shutil.ignore_patterns("node_modules", "golden"))
        # Pages may name the reference results; the files themselves are not needed here.
        (self.root / "tests/golden").symlink_to(ROOT / "tests/golden")

    def write(self, path, text):
        (self.root / path).write_text(text, encoding="utf-8")

    def add(self, path, text):
        with open(self.root / path, "a", encoding="utf-8") as file:
            file.write(text)

    def check(self, name, *arguments):
        done = subprocess.run([str(ROOT / "tools" / name), "--root", str(self.root), *arguments],
                              capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    def assert_finds(self, words, name, *arguments):
        status, output = self.check(name, *arguments)
        self.assertEqual(status, 1, output)
        self.assertIn(words, output)

    def test_layers_an_upward_include_is_found(self):
        self.write("src/tensor/stray.h", '#pragma once\n#include "engine/engine.h"\n')
        self.assert_finds('src/tensor/stray.h:2: src/tensor/ may not include "engine/engine.h"', "check_layers")

    def test_layers_a_sideways_include_is_found(self):
        self.write("src/kernels/stray.h", '#pragma once\n#include "text/tokenizer.h"\n')
        self.assert_finds("src/kernels/stray.h:2", "check_layers")

    def test_layers_a_folder_without_a_row_is_found(self):
        (self.root / "src/extra").mkdir()
        self.write("src/extra/stray.h", "#pragma once\n")
        self.assert_finds("no row for src/extra/", "check_layers")

    def test_layers_a_cycle_in_the_table_is_found(self):
        page = (self.root / "docs/architecture.md").read_text(encoding="utf-8")
        row = next(line for line in page.splitlines() if line.startswith("| `src/base/` |"))
        self.write("docs/architecture.md", page.replace(row, row.replace("| std |", "| tensor |")))
        self.assert_finds("cycle", "check_layers")

    def test_core_a_lock_is_found(self):
        self.write("src/text/stray.cc", "#include <mutex>\n")
        self.assert_finds("src/text/stray.cc:1: <mutex>", "check_layers")

    def test_core_an_exception_is_found_but_not_the_word_in_a_comment_or_text(self):
        self.write("src/text/stray.cc", '// throw away\nconst char* a = "throw";\nvoid f() {\n  throw 1;\n}\n')
        status, output = self.check("check_layers")
        self.assertEqual(status, 1, output)
        self.assertIn("src/text/stray.cc:4: `throw`", output)
        self.assertEqual(output.count("stray.cc"), 1, output)

    def test_headers_a_missing_include_is_found(self):
        shutil.rmtree(self.root / "src")
        (self.root / "src/base").mkdir(parents=True)
        self.write("src/base/whole.h", "#pragma once\n#include <string>\ninline std::string f() { return {}; }\n")
        self.assertEqual(self.check("check_headers")[0], 0)
        self.write("src/base/stray.h", "#pragma once\ninline std::string f() { return {}; }\n")
        self.assert_finds("src/base/stray.h does not compile alone", "check_headers")

    def test_format_a_long_line_is_found(self):
        if not shutil.which("clang-format-19"):
            self.skipTest("clang-format-19 is not installed")
        self.write("src/base/stray.h", "#pragma once\n  inline int  f( ) {return 1 ;}\n")
        self.assert_finds("stray.h", "check_format")

    def test_docs_a_missing_file_is_found(self):
        self.add("README.md", "\nSee `src/base/no_such_file.h`.\n")
        self.assert_finds("README.md: there is no src/base/no_such_file.h", "check_docs")

    def test_docs_a_dead_link_is_found(self):
        self.add("README.md", "\nSee [this](docs/no_such_page.md).\n")
        self.assert_finds("docs/no_such_page.md leads nowhere", "check_docs")

    def test_docs_an_unknown_preset_and_variable_are_found(self):
        self.add("docs/words.md", "\n`cmake --preset nothing` and `HEARTH_NO_SUCH`\n")
        self.assert_finds("no preset nothing", "check_docs")
        self.assert_finds("nothing in the sources uses HEARTH_NO_SUCH", "check_docs")

    def test_docs_a_command_or_option_that_hearth_lacks_is_found(self):
        if not HEARTH:
            self.skipTest("no --hearth given")
        self.add("README.md", "\n```sh\nhearth model fly smollm2-135m\nhearth serve --no-such-option\n```\n`--nor-this`\n")
        self.assert_finds("`hearth model` has no command 'fly'", "check_docs", "--hearth", HEARTH)
        self.assert_finds("names no --no-such-option", "check_docs", "--hearth", HEARTH)
        self.assert_finds("no command and no script has --nor-this", "check_docs", "--hearth", HEARTH)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--hearth", type=lambda path: str(Path(path).resolve()))
    options, rest = parser.parse_known_args()
    HEARTH = options.hearth
    unittest.main(argv=[sys.argv[0], *rest])
