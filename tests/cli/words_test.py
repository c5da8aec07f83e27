"""Words of other programs and of tutorials: they do what is meant, and say what Hearth calls it."""
import json
import unittest

from program import MODEL, TINY, CliTest, needs_model


class Words(CliTest):
    def hinted(self, said, meant, *words):
        """Standard output of a run whose standard error begins with the hint."""
        done = self.hearth.run(*said.split(), *words)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stderr.decode().splitlines()[0], f"hearth: {said} is taken as: hearth {meant}")
        return done.stdout.decode()

    def test_the_service_by_its_bare_verbs(self):
        self.addCleanup(self.hearth.run, "service", "stop")
        self.hearth.out("model", "import", TINY, "--alias", "tiny")
        self.assertIn("Service is Started", self.hinted("start", "service start", "--port", "0"))
        self.hearth.out("model", "load", "tiny")
        self.assertIn("tiny:0", self.hinted("ps", "service ps"))
        self.assertEqual([m["alias"] for m in json.loads(self.hearth.out("model", "list", "--running", "-o", "json"))],
                         ["tiny"])
        self.assertEqual(self.hinted("model stop", "model unload", "tiny"), "Model tiny was unloaded\n")
        self.hearth.out("model", "load", "tiny")
        self.assertEqual(self.hearth.out("model", "unload", "--all"), "All models were unloaded\n")
        self.assertEqual(json.loads(self.hearth.out("service", "ps", "-o", "json")), [])
        self.assertIn("Service is Started", self.hinted("restart", "service restart"))
        self.assertIn("listening on", self.hinted("logs", "service logs"))
        self.assertEqual(self.hinted("stop", "service stop"), "🔴 Service is stopped.\n")

    def test_models_by_other_words(self):
        self.hearth.out("model", "import", TINY, "--alias", "tiny")
        found = json.loads(self.hinted("model search", "model list", "mini", "-o", "json"))
        self.assertIn("phi-4-mini", [m["alias"] for m in found])
        self.assertTrue(all("mini" in m["alias"] for m in found))
        self.assertEqual(self.hinted("model search", "model list"), self.hearth.out("model", "list"))
        self.assertNotIn("tiny", self.hinted("model catalog", "model list"))
        self.assertIn("llama", self.hinted("model stats", "model info", "tiny"))
        self.assertIn("tiny", self.hinted("list", "model list", "--cached"))
        measured = self.hinted("model benchmark", "bench model", "tiny", "--prompt", "8", "--gen", "2", "--depth", "0",
                               "--reps", "1", "-o", "json")
        self.assertEqual(json.loads(measured)["prefill"][0]["tokens"], 8)
        self.assertEqual(self.hinted("rm", "model remove", "tiny"), "removed tiny\n")

    def test_one_answer_by_every_word_for_it(self):
        run = (TINY, "--prompt", "a", "--no-template", "--max-tokens", "3")
        answer = self.hearth.out("model", "run", *run)
        for words in (["run"], ["chat"], ["model", "chat"]):
            self.assertEqual(self.hearth.out(*words, *run), answer)
            self.assertEqual(self.hearth.out(*words, *run, "--device", "CPU"), answer)

    def test_what_hearth_does_not_do_is_refused_with_what_comes_nearest(self):
        self.assertIn("not speech", self.hearth.fails(1, "transcribe", "whisper-tiny", "a.wav"))
        self.assertIn("expected a MODEL, or --all", self.hearth.fails(2, "model", "unload"))
        self.assertIn("expected a MODEL, or --all", self.hearth.fails(2, "model", "unload", "tiny", "--all"))
        for words in (["model", "load", "tiny"], ["model", "run", "tiny", "--prompt", "x"]):
            self.assertIn("CPU only", self.hearth.fails(1, *words, "--device", "NPU"))

    def test_a_question_mark_asks_for_help(self):
        self.assertEqual(self.hearth.out("-?"), self.hearth.out("--help"))
        self.assertEqual(self.hearth.out("model", "run", "-?"), self.hearth.out("model", "run", "--help"))

    def test_foundry_locals_minutes(self):
        self.assertIn("service.model_ttl = 600", self.hearth.out("config", "set", "idle-timeout-minutes", "10"))
        self.assertEqual(self.hearth.out("config", "get", "idle-timeout-minutes"), "10\n")
        self.assertIn("whole number", self.hearth.fails(2, "config", "set", "idle-timeout-minutes", "soon"))


class Json(CliTest):
    def test_commands_tell_what_they_did_as_json(self):
        def told(*words):
            return json.loads(self.hearth.out(*words, "-o", "json"))

        self.addCleanup(self.hearth.run, "service", "stop")
        self.hearth.out("model", "import", TINY, "--alias", "tiny")
        self.assertEqual(told("cache", "location"), {"path": f"{self.hearth.home}/models"})
        self.assertEqual(told("model", "verify"), [{"alias": "tiny", "whole": True, "said": "as it was brought"}])
        self.assertEqual(told("config", "get", "port"), {"service.port": 5273})
        began = told("service", "start", "--port", "0")
        self.assertEqual(began, told("service", "status"))
        self.assertEqual(told("model", "load", "tiny"), {"loaded": "tiny"})
        self.assertEqual(told("model", "unload", "tiny"), {"unloaded": "tiny"})
        self.assertNotEqual(told("service", "restart")["pid"], began["pid"])
        self.assertEqual(told("service", "stop"), {"running": False})
        self.assertEqual(told("cache", "clean"), {"removed_bytes": 0})
        self.assertEqual(told("cache", "remove", "*"), {"removed": ["tiny"]})
        self.assertEqual(told("cache", "cd", self.hearth.home / "x"), {"path": f"{self.hearth.home}/x"})

    def test_an_answer_as_json(self):
        run = ("run", TINY, "--prompt", "a", "--no-template", "--max-tokens", "3")
        told = json.loads(self.hearth.out(*run, "-o", "json"))
        self.assertEqual(told["text"] + "\n", self.hearth.out(*run))
        self.assertEqual((told["finish_reason"], told["usage"]["completion_tokens"]), ("length", 3))
        self.assertEqual(told["usage"]["total_tokens"], told["usage"]["prompt_tokens"] + 3)

    @needs_model
    def test_complete_is_one_answer(self):
        question = "What is the capital of Japan?"
        answer = self.hearth.out("complete", MODEL, question, "--max-tokens", "12")
        self.assertIn("Tokyo", answer)
        self.assertEqual(answer, self.hearth.out("run", MODEL, "--prompt", question, "--max-tokens", "12"))


if __name__ == "__main__":
    unittest.main()
