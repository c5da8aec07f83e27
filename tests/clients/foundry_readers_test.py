#!/usr/bin/env python3
"""foundry_readers_test - what readers that cannot run here make of the service: GET /foundry/list as the SDKs of Foundry Local
0.x for Rust, C# and Python take it apart, and the choice of the workshop's notebook. Reads HEARTH_URL and HEARTH_MODEL; the service also has
`embedder` (an encoder) and `a-brought` (a decoder), which no catalogue knows."""
import json
import os
import re
import unittest
import urllib.error
import urllib.request

URL, MODEL = os.environ["HEARTH_URL"], os.environ["HEARTH_MODEL"]

TEXTS = ("name", "displayName", "modelType", "providerType", "uri", "version", "publisher", "task", "alias", "license", "licenseDescription",
         "parentModelUri", "minFLVersion")
INTEGERS = ("fileSizeMb", "maxOutputTokens")
# Rust knows no others, and one that it does not know fails the whole list.
PROVIDERS = ("CPUExecutionProvider", "WebGpuExecutionProvider", "CUDAExecutionProvider", "QNNExecutionProvider")


def once(pairs):
    """Serde refuses a key that comes twice."""
    keys = [key for key, _ in pairs]
    if len(set(keys)) != len(keys):
        raise ValueError(f"a key comes twice: {keys}")
    return dict(pairs)


def ask(path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(URL + path, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.loads(answer.read().decode("utf-8", "strict"), object_pairs_hook=once)


def found(catalogue, wanted):
    """As the SDKs look: the exact id, else the highest version of that name, else the first of that alias; in any case."""
    key = wanted.lower()
    exact = [entry for entry in catalogue if entry["name"].lower() == key]
    versions = [entry for entry in catalogue if entry["name"].lower().startswith(f"{key}:")]
    aliases = [entry for entry in catalogue if entry["alias"].lower() == key]
    if exact or not versions:
        return (exact or aliases)[0]
    return max(versions, key=lambda entry: int(entry["version"]))


class Catalogue(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.catalogue = ask("/foundry/list")

    def test_every_element_is_what_the_strictest_reader_takes(self):
        self.assertGreater(len(self.catalogue), 30)
        for entry in self.catalogue:
            with self.subTest(entry.get("alias")):
                for key in TEXTS:
                    self.assertIs(type(entry[key]), str, key)
                for key in INTEGERS:
                    self.assertIs(type(entry[key]), int, key)
                    self.assertIn(entry[key], range(1 << 31), key)  # Rust: i32
                self.assertIs(type(entry["supportsToolCalling"]), bool)
                self.assertIsInstance(entry["promptTemplate"], (dict, type(None)))
                self.assertIs(type(entry["modelSettings"]["parameters"]), list)
                self.assertEqual(set(entry["runtime"]), {"deviceType", "executionProvider"})
                self.assertIn(entry["runtime"]["deviceType"], ("CPU", "GPU", "NPU"))
                self.assertIn(entry["runtime"]["executionProvider"], PROVIDERS)
                # C# appends "Local" to any provider, the others to this one only: so that they agree.
                self.assertEqual(entry["providerType"], "AzureFoundry")
                self.assertIn(entry["task"], ("chat-completion", "embeddings"))
                self.assertEqual(entry["name"], f"{entry['displayName']}:{entry['version']}")
                self.assertRegex(entry["version"], r"^\d+$")
                self.assertTrue(entry["alias"] and entry["uri"])

    def test_no_alias_means_two_models(self):
        aliases = [entry["alias"].lower() for entry in self.catalogue]
        self.assertEqual(len(aliases), len(set(aliases)))

    def test_a_model_that_its_user_brought_says_what_it_is_for(self):
        embedder, brought, known = (found(self.catalogue, alias) for alias in ("embedder", "a-brought", MODEL))
        self.assertEqual((embedder["task"], embedder["supportsToolCalling"]), ("embeddings", False))
        self.assertEqual([entry["task"] for entry in (brought, known)], ["chat-completion"] * 2)
        self.assertEqual([entry["name"] for entry in (embedder, brought)], ["embedder:0", "a-brought:0"])

    def test_every_cached_and_loaded_id_is_found_again_and_answers(self):
        self.assertEqual(len(ask("/openai/models")), 3)
        for name in {*ask("/openai/models"), *ask("/openai/loadedmodels")}:
            entry = found(self.catalogue, name)
            self.assertEqual([found(self.catalogue, other)["name"] for other in (entry["alias"], entry["displayName"])], [name] * 2)
            if entry["task"] == "embeddings":
                self.assertTrue(ask("/v1/embeddings", {"model": name, "input": "Hi"})["data"][0]["embedding"])
            else:
                self.assertEqual(ask("/v1/completions", {"model": name, "prompt": "Hi", "max_tokens": 1})["usage"]["completion_tokens"], 1)


def canonical(name):
    return re.sub(r"-cuda.*", "", name.split(":")[0])


def chosen(ids, alias):
    """The notebook's model: the alias itself, else one that is the same but for version and device, else the first."""
    if alias in ids:
        return alias
    return next((name for name in ids if canonical(name) == canonical(alias)), ids[0])


def tries(model, question):
    """The routes that the notebook asks until one answers, and where each has its text."""
    yield ("/v1/chat/completions", {"model": model, "max_tokens": 20, "temperature": 0, "messages": [{"role": "user", "content": question}]},
           lambda answer: answer["choices"][0]["message"]["content"])
    yield ("/v1/completions", {"model": model, "max_tokens": 20, "temperature": 0, "prompt": question},
           lambda answer: answer["choices"][0]["text"])
    yield ("/v1/responses", {"model": model, "max_output_tokens": 20, "temperature": 0, "input": question},
           lambda answer: answer["output"][0]["content"][0]["text"])


class Notebook(unittest.TestCase):
    def test_it_finds_its_model_by_alias_by_id_and_else_takes_the_first(self):
        ids = [model["id"] for model in ask("/v1/models")["data"]]
        self.assertEqual([chosen(ids, name) for name in (MODEL, f"{MODEL}:1", f"{MODEL}-cuda-gpu:1")], [MODEL] * 3)
        self.assertEqual(chosen(ids, "no-such-model"), "a-brought")

    def test_each_of_its_three_tries_answers_in_place_of_those_before(self):
        for name in (MODEL, "no-such-model"):
            model = chosen([model["id"] for model in ask("/v1/models")["data"]], name)
            texts = [text_of(ask(route, body)) for route, body, text_of in tries(model, "The capital of Japan is")]
            self.assertTrue(all(texts), texts)
            if model == MODEL:
                self.assertTrue(all("Tokyo" in text for text in texts), texts)


if __name__ == "__main__":
    unittest.main(verbosity=2)
