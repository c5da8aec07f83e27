"""What a model thinks before it answers, on the streams of hearth model run and in the service.

The thinker is the tiny qwen3 with a template of our own, of the same length, whose prompts end inside <think>. Its weights
are random, so what it "thinks" is what it writes after the same prompt given as it is.
"""
import json
import unittest

from program import BINARY, GOLDEN, TINY, CliTest
from serve_test import Service
from terminal import Terminal

GPT_OSS = GOLDEN / "hf/gpt_oss/model.gguf"
TEMPLATE = ("{%- for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + (m.reasoning_content or '') + m.content "
            "+ '<|im_end|>\\n' }}{% endfor -%}{{ '<|im_start|>assistant\\n<think>\\n' }}")
RUN = ["--prompt", "Hi", "--max-tokens", "12"]


class ReasoningTest(CliTest):
    def thinker(self):
        """The path of a model whose answers begin inside <think>."""
        folder = GOLDEN / "hf/qwen3"
        model, template = (folder / "model.gguf").read_bytes(), (folder / "chat_template.jinja").read_bytes()
        self.assertEqual(model.count(template), 1)
        padding = len(template) - len(TEMPLATE) - len("{##}")
        return self.hearth.write("thinker.gguf", model.replace(template, f"{TEMPLATE}{{#{' ' * padding}#}}".encode()))

    def written(self, model):
        """What the model writes after the same prompt when nobody takes it apart."""
        messages = self.hearth.write("m.json", json.dumps([{"role": "user", "content": "Hi"}]))
        prompt = self.hearth.out("debug", "render", model, "--messages", messages)
        self.assertTrue(prompt.endswith("<think>\n"))
        return self.hearth.out("model", "run", model, "--no-template", "--prompt", prompt, *RUN[2:])


class OneAnswer(ReasoningTest):
    def test_the_answer_is_alone_on_standard_output(self):
        model = self.thinker()
        done = self.hearth.run("model", "run", model, *RUN)
        self.assertEqual((done.returncode, done.stdout), (0, b"\n"), done.stderr)
        thought, _, rest = done.stderr.decode().rpartition("\n\n")
        self.assertEqual(thought.strip(), self.written(model).strip())
        self.assertTrue(thought.strip())
        self.assertRegex(rest, "prompt tokens")

    def test_a_stop_text_does_not_end_the_reasoning(self):
        model = self.thinker()
        stop = self.written(model).strip()[:1]
        plain, stopped = (self.hearth.run("model", "run", model, *RUN, *flags).stderr.decode().rpartition("\n\n")[0]
                          for flags in ([], ["--stop", stop]))
        self.assertEqual(plain, stopped)

    def test_a_terminal_shows_it_dimmed(self):
        terminal = Terminal([BINARY, "model", "run", self.thinker(), *RUN], self.hearth.environment)
        self.addCleanup(terminal.close)
        self.assertIn("\x1b[2m", terminal.wait_for(r"prompt tokens"))

    def test_control_tokens_of_gpt_oss_are_never_shown(self):
        for seed in range(4):
            done = self.hearth.run("model", "run", GPT_OSS, "--prompt", "Hi", "--max-tokens", "60", "--seed", seed)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertNotIn(b"<|", done.stdout + done.stderr)

    def test_the_effort_reaches_the_template_that_reads_it(self):
        counts = {self.hearth.run("model", "run", GPT_OSS, *RUN, "--reasoning-effort", effort).stderr.rpartition(b"\n\n")[2]
                  .split()[0] for effort in ("low", "medium")}
        self.assertEqual(len(counts), 2, counts)

    def test_an_effort_that_would_change_nothing_is_refused(self):
        effort = ["--prompt", "Hi", "--reasoning-effort"]
        self.assertIn("does not read reasoning_effort", self.hearth.fails(2, "model", "run", TINY, *effort, "low"))
        self.assertIn("expected low, medium or high", self.hearth.fails(2, "model", "run", GPT_OSS, *effort, "much"))
        self.assertIn("--no-template", self.hearth.fails(2, "model", "run", GPT_OSS, *effort, "low", "--no-template"))


class Conversation(ReasoningTest):
    def test_an_answer_that_was_only_thought_takes_the_message_back(self):
        terminal = Terminal([BINARY, "model", "run", self.thinker(), "--max-tokens", "12"], self.hearth.environment)
        self.addCleanup(terminal.close)
        terminal.wait_for(r"(?m)^> $")
        terminal.type("Hi\n")
        said = terminal.wait_for(r"(?m)^> $")
        self.assertIn("\x1b[2m", said)
        self.assertIn("\x1b[22m", said)
        self.assertIn("your message was taken back", said)
        terminal.type("/exit\n")
        self.assertEqual(terminal.ends(), 0)


class OverHttp(ReasoningTest):
    def test_reasoning_is_apart_from_content(self):
        model = self.thinker()
        service = Service(self, "--model", model)
        name = service.get("/v1/models")["data"][0]["id"]
        answer = json.loads(service.post("/v1/chat/completions", {
            "model": name, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 12, "temperature": 0}).read())
        message = answer["choices"][0]["message"]
        self.assertEqual(message["content"], "")
        self.assertEqual(message["reasoning_content"], self.written(model).strip())
        self.assertEqual(message["reasoning"], message["reasoning_content"])
        self.assertGreater(answer["usage"]["completion_tokens_details"]["reasoning_tokens"], 0)

    def test_gpt_oss_leaks_no_control_token_and_hears_the_effort(self):
        service = Service(self, "--model", GPT_OSS)
        name = service.get("/v1/models")["data"][0]["id"]

        def ask(**fields):
            return json.loads(service.post("/v1/chat/completions", {
                "model": name, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 60, "seed": 3,
                **fields}).read())
        plain, low = ask(), ask(reasoning_effort="low")
        self.assertNotIn("<|", json.dumps(plain["choices"]))
        self.assertNotEqual(plain["usage"]["prompt_tokens"], low["usage"]["prompt_tokens"])


if __name__ == "__main__":
    unittest.main()
