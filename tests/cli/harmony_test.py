"""hearth debug harmony render, parse against the reference library's results in tests/golden/harmony."""
import json
import unittest

from program import GOLDEN, ROOT, CliTest, ids_text

REFERENCE = json.loads((GOLDEN / "harmony/expected.json").read_text())
SMALL = GOLDEN / "hf/gpt_oss/tokenizer.json"
REAL = ROOT / "build/tokenizers/gptoss.json"

needs_vocabulary = unittest.skipUnless(REAL.exists(), f"{REAL} is absent: tools/fetch_tokenizers brings it")


class Render(CliTest):
    def render(self, case, tokenizer):
        flags = ["--mode", case["mode"]]
        flags += ["--next-role", case["next_role"]] if "next_role" in case else []
        flags += [] if case["auto_drop_analysis"] else ["--keep-analysis"]
        conversation = json.dumps(case["conversation"]).encode()
        return json.loads(self.hearth.out("debug", "harmony", "render", tokenizer, "--messages", "-", *flags,
                                          stdin=conversation))

    def test_texts_are_those_of_the_reference(self):
        cases = [case for case in REFERENCE["rendering"] if "text" in case]
        self.assertGreater(len(cases), 40)
        for case in cases:
            with self.subTest(case["name"]):
                self.assertEqual(self.render(case, SMALL)["text"], case["text"])

    @needs_vocabulary
    def test_ids_are_those_of_the_reference(self):
        for case in [case for case in REFERENCE["rendering"] if "ids" in case][::15]:
            with self.subTest(case["name"]):
                self.assertEqual(self.render(case, REAL)["ids"], case["ids"])

    def test_what_is_no_conversation_is_refused_by_name(self):
        def refused(text, *flags):
            return self.hearth.fails(2, "debug", "harmony", "render", SMALL, "--messages", "-", *flags,
                                     stdin=text.encode())
        self.assertIn("is not JSON", refused("{"))
        self.assertIn("messages", refused("{}"))
        self.assertIn("robot", refused('{"messages": [{"role": "robot", "content": "x"}]}'))
        self.assertIn("expected completion, conversation or training", refused('{"messages": []}', "--mode", "x"))
        self.assertIn("expected system, developer, user", refused('{"messages": []}', "--next-role", "x"))


class Parse(CliTest):
    def parse(self, *arguments, tokenizer=SMALL):
        return json.loads(self.hearth.out("debug", "harmony", "parse", tokenizer, *arguments))

    def test_messages_of_well_formed_text_are_those_of_the_reference(self):
        cases = [case for case in REFERENCE["parsing"]
                 if case["text"] and "stream" in case and "messages" in case and case["role"] == "assistant"]
        names = {case["name"] for case in cases}
        self.assertLess({"final", "analysis then final", "call, recipient in channel part"}, names)
        for case in cases:
            with self.subTest(case["name"]):
                self.assertEqual(self.parse("--text", case["text"])["messages"], case["messages"])

    @needs_vocabulary
    def test_ids_are_read_with_the_real_vocabulary(self):
        case = next(case for case in REFERENCE["parsing"] if case["name"] == "emoji across tokens")
        parsed = self.parse("--ids", ids_text(case["ids"]), tokenizer=REAL)
        self.assertEqual(parsed["messages"], case["messages"])
        self.assertEqual("".join(event["text"] for event in parsed["events"]), case["messages"][0]["content"][0]["text"])

    def test_events_tell_content_from_reasoning_and_calls(self):
        parsed = self.parse("--text", "<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>commentary "
                                      "to=functions.f <|constrain|>json<|message|>{}<|call|>")
        joined = {}
        for event in parsed["events"]:
            joined[event["kind"]] = joined.get(event["kind"], "") + event.get("text", "")
        self.assertEqual(joined, {"reasoning": "hm", "tool_call_begin": "f", "tool_call_arguments": "{}",
                                  "tool_call_end": ""})

    def test_what_cannot_be_parsed_is_refused_by_name(self):
        parse = ["debug", "harmony", "parse", SMALL]
        self.assertIn("expected one of --ids", self.hearth.fails(2, *parse))
        self.assertIn("expected one of --ids", self.hearth.fails(2, *parse, "--ids", "1", "--text", "x"))
        self.assertIn("9999", self.hearth.fails(2, *parse, "--ids", "1 9999"))
        said = self.hearth.fails(1, "debug", "harmony", "parse", GOLDEN / "hf/llama/tokenizer.json", "--ids", "1")
        self.assertIn("<|start|>", said)


if __name__ == "__main__":
    unittest.main()
