"""Models of several files in the cache (split GGUF files, Hugging Face folders), and those put there by hand."""
import hashlib
import json
import os
import shutil
import sys
import unittest

from program import GOLDEN, TINY, CliTest
from serve_test import Service
from split_gguf import split

sys.path.insert(0, str(GOLDEN.parents[0] / "hub"))
from hub import Hub  # noqa: E402

FOLDER = GOLDEN / "hf/llama"
SETTINGS = ("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja")


class Models(CliTest):
    def setUp(self):
        super().setUp()
        self.cache = self.hearth.home / "models"

    def write_parts(self, folder, name):
        folder.mkdir(parents=True, exist_ok=True)
        paths = [folder / f"{name}-{number:05}-of-00002.gguf" for number in (1, 2)]
        for path, data in zip(paths, split(TINY.read_bytes())):
            path.write_bytes(data)
        return paths

    def write_folder(self, folder, index=False):
        folder.mkdir(parents=True)
        for name in (*SETTINGS, "model.safetensors"):
            shutil.copy(FOLDER / name, folder / name)
        (folder / "README.md").write_text("hello")
        if index:
            (folder / "model.safetensors").rename(folder / "model-00001-of-00001.safetensors")
            header_bytes = int.from_bytes((FOLDER / "model.safetensors").read_bytes()[:8], "little")
            header = json.loads((FOLDER / "model.safetensors").read_bytes()[8:8 + header_bytes])
            weights = {name: "model-00001-of-00001.safetensors" for name in header if name != "__metadata__"}
            (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": weights}))
        return folder

    def models(self):
        return {m["alias"]: m for m in json.loads(self.hearth.out("model", "list", "--cached", "-o", "json"))}

    def says(self, model):
        return self.hearth.out("model", "run", model, "--prompt", "Please open", "--no-template", "--max-tokens", "8",
                               "--temperature", "0")

    def check_life(self, alias, as_the_same=None):
        """Listed, run, verified, served, damaged and found out, removed."""
        self.assertEqual(self.says(alias), self.says(as_the_same))
        self.assertIn("as it was brought", self.hearth.out("model", "verify", alias))
        service = Service(self, "--threads", "1")
        self.assertEqual([m["id"] for m in service.get("/v1/models")["data"]], [alias])
        service.post("/v1/completions", {"model": alias, "prompt": "Please open", "max_tokens": 2}).close()
        service.close()
        last = max(p for p in (self.cache / alias).iterdir() if p.suffix in (".gguf", ".safetensors"))
        data = bytearray(last.read_bytes())
        data[-1] ^= 1
        last.write_bytes(data)
        self.assertIn("the SHA-256 of " + last.name, self.hearth.run("model", "verify", alias).stdout.decode())
        last.write_bytes(data[:-1])
        self.assertIn(last.name.encode(), self.hearth.run("model", "list").stderr)
        last.unlink()
        self.assertIn("is missing", self.hearth.fails(1, "model", "run", alias, "--prompt", "x"))
        self.hearth.out("model", "remove", alias)
        self.assertEqual([p for p in self.cache.iterdir() if not p.name.endswith("lock")], [])


class Imports(Models):
    def test_a_split_model_by_any_of_its_parts(self):
        parts = self.write_parts(self.hearth.home / "elsewhere", "Tiny")
        self.hearth.out("model", "import", parts[1])
        self.hearth.out("model", "import", parts[0])  # the same again
        model = self.models()["tiny"]
        self.assertEqual(model["path"], str(self.cache / "tiny/model-00001-of-00002.gguf"))
        self.assertEqual(model["bytes"], sum(p.stat().st_size for p in parts))
        names = ("model-00001-of-00002.gguf", "model-00002-of-00002.gguf")
        listed = "".join(f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {name}\n" for p, name in zip(parts, names))
        self.assertEqual(model["sha256"], hashlib.sha256(listed.encode()).hexdigest())
        self.check_life("tiny", TINY)

    def test_a_split_model_whose_part_lacks_is_refused(self):
        parts = self.write_parts(self.hearth.home / "elsewhere", "Tiny")
        parts[1].unlink()
        self.assertIn("Tiny-00002-of-00002.gguf", self.hearth.fails(1, "model", "import", parts[0]))
        self.assertEqual(self.models(), {})

    def test_a_folder_of_safetensors_without_what_is_not_read(self):
        folder = self.write_folder(self.hearth.home / "My Llama")
        self.hearth.out("model", "import", folder)
        self.assertEqual({p.name for p in (self.cache / "my-llama").iterdir()}, {*SETTINGS, "model.safetensors", "hearth.json"})
        self.assertIn("taken by another file", self.hearth.fails(1, "model", "import", TINY, "--alias", "my-llama"))
        self.check_life("my-llama", FOLDER)

    def test_a_folder_of_shards(self):
        folder = self.write_folder(self.hearth.home / "sharded", index=True)
        self.hearth.out("model", "import", folder)
        self.check_life("sharded", FOLDER)

    def test_a_card_names_no_file_elsewhere(self):
        self.hearth.out("model", "import", self.write_folder(self.hearth.home / "llama"))
        card = self.cache / "llama/hearth.json"
        whole = card.read_text()
        for name in ("../../llama/config.json", "/etc/passwd", ".hidden", "a//b", ""):
            card.write_text(whole.replace('"config.json"', json.dumps(name)))
            self.assertIn("lists no files, or wrongly", self.hearth.fails(1, "model", "run", "llama", "--prompt", "x"))


class Downloads(Models):
    def serve(self, files):
        hub = self.enterContext(Hub({"someone/Some-Model": files}))
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "HF_TOKEN"):
            self.hearth.environment.pop(name, None)
        self.hearth.environment["HF_ENDPOINT"] = hub.url
        return hub

    def test_a_split_model(self):
        parts = self.write_parts(self.hearth.home / "elsewhere", "tiny-Q8_0")
        hub = self.serve({"README.md": b"hello", **{f"q8/{p.name}": p.read_bytes() for p in parts}})
        hub.faults["cut"] = 2
        done = self.hearth.run("model", "download", "hf:someone/Some-Model:Q8_0")
        self.assertEqual(done.returncode, 0, done.stderr)
        total = sum(p.stat().st_size for p in parts)
        self.assertRegex(done.stderr.decode(), rf"100\.00 % of {total / 1000:.0f}[.\d]* kB")
        self.assertEqual(self.models()["tiny-q8_0"]["bytes"], total)
        self.check_life("tiny-q8_0", TINY)

    def test_a_folder_whose_sizes_the_hub_does_not_say(self):
        folder = self.write_folder(self.hearth.home / "elsewhere")
        hub = self.serve({p.name: p.read_bytes() for p in folder.iterdir()})
        hub.announced = {p.name: {"size": None, "lfs": None} for p in folder.iterdir()}
        self.hearth.out("model", "download", "hf:someone/Some-Model")
        self.check_life("some-model", FOLDER)

    def test_a_folder_whose_small_files_have_git_ids(self):
        folder = self.write_folder(self.hearth.home / "elsewhere", index=True)
        hub = self.serve({p.name: p.read_bytes() for p in folder.iterdir()})
        for path in folder.glob("*.json"):
            data = path.read_bytes()
            hub.announced[path.name] = {"lfs": None, "blobId": hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()}
        self.hearth.out("model", "download", "hf:someone/Some-Model")
        self.assertFalse(any("README" in path for _, path, _ in hub.requests), "only what is read is brought")
        self.check_life("some-model", FOLDER)
        hub.announced["tokenizer.json"]["blobId"] = "0" * 40
        said = self.hearth.fails_after_progress("model", "download", "hf:someone/Some-Model")
        self.assertIn("(tokenizer.json) has the hash", said)
        self.assertEqual(self.models(), {})

    def test_what_was_cut_goes_on_and_what_is_not_there_is_named(self):
        folder = self.write_folder(self.hearth.home / "elsewhere")
        hub = self.serve({p.name: p.read_bytes() for p in folder.iterdir()})
        weights = hub.repositories["someone/Some-Model"].pop("model.safetensors")
        hub.repositories["someone/Some-Model"]["model.safetensors.index.json"] = json.dumps(
            {"weight_map": {"x": "model.safetensors"}}).encode()
        self.assertIn("which its index names", self.hearth.fails_after_progress("model", "download", "hf:someone/Some-Model"))
        hub.repositories["someone/Some-Model"]["model.safetensors"] = weights
        del hub.repositories["someone/Some-Model"]["tokenizer.json"]
        hub.repositories["someone/Some-Model"]["tokenizer.json"] = b"{"
        self.hearth.fails_after_progress("model", "download", "hf:someone/Some-Model")
        self.assertEqual(self.models(), {})
        hub.repositories["someone/Some-Model"]["tokenizer.json"] = (FOLDER / "tokenizer.json").read_bytes()
        self.hearth.out("model", "download", "hf:someone/Some-Model")
        self.check_life("some-model", FOLDER)


    def test_what_is_in_the_way_is_told_before_anything_comes(self):
        hub = self.serve({"tiny.gguf": TINY.read_bytes()})
        for alias in ("tiny", "other"):
            (self.cache / alias).mkdir(parents=True)
            (self.cache / alias / "genai_config.json").write_text("{}")
        self.assertIn("is in the way", self.hearth.fails_after_progress(
            "model", "download", "hf:someone/Some-Model", "--alias", "other"))
        self.assertEqual(hub.requests, [], "the hub was asked for a model that has no place")
        self.assertIn("is in the way", self.hearth.fails_after_progress("model", "download", "hf:someone/Some-Model"))
        self.assertFalse(any("/resolve/" in path for _, path, _ in hub.requests))

    def test_what_has_come_stays_when_it_cannot_be_shown(self):
        hub = self.serve({"tiny.gguf": TINY.read_bytes()})
        (self.cache / ".lock").mkdir(parents=True)  # where a file is expected: no entry can be made
        self.assertIn(".lock", self.hearth.fails_after_progress("model", "download", "hf:someone/Some-Model"))
        (self.cache / ".lock").rmdir()
        hub.requests.clear()
        self.hearth.out("model", "download", "hf:someone/Some-Model")
        self.assertFalse(any("/resolve/" in path for _, path, _ in hub.requests), "it came again")
        self.assertEqual({p.name for p in (self.cache / "tiny").iterdir()}, {"model.gguf", "hearth.json"})


class ByHand(Models):
    def test_what_is_put_into_the_cache_is_listed_run_served_and_removed(self):
        self.cache.mkdir()
        shutil.copy(TINY, self.cache / "Dropped.Q8.gguf")
        (self.cache / "publisher/repository").mkdir(parents=True)
        shutil.copy(TINY, self.cache / "publisher/repository/nested.gguf")
        shutil.copy(TINY, self.cache / "publisher/repository/mmproj-nested.gguf")
        (self.cache / "folder").mkdir()
        shutil.copy(TINY, self.cache / "folder/model.gguf")
        self.write_parts(self.cache, "in-parts")
        self.write_folder(self.cache / "My Llama")
        os.symlink(TINY, self.cache / "linked.gguf")
        aliases = {"dropped.q8", "nested", "folder", "in-parts", "my-llama", "linked"}
        done = self.hearth.run("model", "list", "--cached", "-o", "json")
        self.assertEqual({m["alias"] for m in json.loads(done.stdout)}, aliases, done.stderr)
        self.assertEqual(done.stderr, b"")
        service = Service(self, "--threads", "1")
        self.assertEqual({m["id"] for m in service.get("/v1/models")["data"]}, aliases)
        for alias in sorted(aliases):
            self.assertEqual(self.says(alias), self.says(FOLDER if alias == "my-llama" else TINY), alias)
            self.assertIn("can be opened", self.hearth.out("model", "verify", alias))
            service.post("/v1/completions", {"model": alias, "prompt": "Please open", "max_tokens": 2}).close()
        self.assertIn("taken by", self.hearth.fails(1, "model", "import", FOLDER / "model.gguf", "--alias", "folder"))
        for alias in aliases:
            self.hearth.out("model", "remove", alias)
        self.assertEqual(self.models(), {})
        self.assertEqual(sorted(p.name for p in self.cache.rglob("*") if not p.name.endswith("lock")),
                         ["mmproj-nested.gguf", "publisher", "repository"])
        self.assertTrue(TINY.exists(), "a link goes, not what it leads to")

    def test_what_is_broken_is_named_and_harms_nothing(self):
        self.cache.mkdir()
        self.hearth.out("model", "import", TINY, "--alias", "tiny")
        (self.cache / "page.gguf").write_text("<!doctype html>")
        (self.cache / "cut.gguf").write_bytes(TINY.read_bytes()[:5000])
        self.write_parts(self.cache, "lacking")[1].unlink()
        (self.cache / "no-weights").mkdir()
        (self.cache / "no-weights/config.json").write_text("{}")
        (self.cache / "onnx").mkdir()
        (self.cache / "onnx/genai_config.json").write_text("{}")
        os.symlink(self.cache, self.cache / "loop")
        os.mkfifo(self.cache / "pipe.gguf")
        os.symlink("/dev/zero", self.cache / "zero.gguf")
        shutil.copy(TINY, self.cache / "tiny.gguf")
        done = self.hearth.run("model", "list", "--cached", "-o", "json", timeout=20)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual({m["alias"] for m in json.loads(done.stdout)}, {"tiny", "cut"})
        said = done.stderr.decode()
        for words in ("page.gguf", "web page", "lacking-00002-of-00002.gguf", "neither model.safetensors nor", "onnx",
                      "holds no model that this version reads", "another model has the alias \"tiny\""):
            self.assertIn(words, said)
        self.assertIn("cut.gguf", self.hearth.fails_after_progress("model", "run", "cut", "--prompt", "x"))
        self.assertIn("damaged", self.hearth.run("model", "verify", "cut").stdout.decode())
        refused = self.hearth.run("model", "import", TINY, "--alias", "onnx")
        self.assertEqual(refused.returncode, 1)
        self.assertIn(b"is in the way", refused.stderr)
        self.assertNotIn(b" % of ", refused.stderr, "it was copied before its place was looked at")
        self.assertTrue((self.cache / "onnx/genai_config.json").exists())
        service = Service(self, "--threads", "1")
        self.assertEqual({m["id"] for m in service.get("/v1/models")["data"]}, {"tiny", "cut"})


del Models

if __name__ == "__main__":
    unittest.main()
