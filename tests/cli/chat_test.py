"""hearth model run at a terminal: a conversation, its commands, Ctrl+C."""
import unittest

from program import BINARY, MODEL, CliTest, needs_model
from terminal import Terminal

CTRL_C = "\x03"
CTRL_D = "\x04"
PROMPT = r"(?m)^> $"
LONG = "Count from one to five hundred, one number a line.\n"


@needs_model
class Chat(CliTest):
    def start(self, *flags):
        terminal = Terminal([BINARY, "model", "run", MODEL, "--system", "You are a helpful assistant.", *flags],
                            self.hearth.environment)
        self.addCleanup(terminal.close)
        terminal.wait_for(PROMPT)
        return terminal

    def test_it_answers_remembers_forgets_and_leaves(self):
        terminal = self.start("--max-tokens", "40")
        terminal.type("What is the capital of Japan?\n")
        self.assertIn("The capital of Japan is Tokyo.", terminal.wait_for(PROMPT))
        terminal.type("And now?\n")
        terminal.wait_for(PROMPT)
        terminal.type("/stats\n")
        used = terminal.wait_for(PROMPT)
        self.assertRegex(used, r"answers +2,")
        self.assertRegex(used, r"prompt tokens \(\d+ reused\)")
        terminal.type("/clear\n")
        terminal.wait_for(PROMPT)
        terminal.type("What is the capital of Japan?\n")
        self.assertIn("The capital of Japan is Tokyo.", terminal.wait_for(PROMPT))
        terminal.type("/exit\n")
        self.assertEqual(terminal.ends(), 0)

    def test_help_names_the_commands_and_a_wrong_one_is_answered(self):
        terminal = self.start()
        for question in ("/help\n", "/?\n"):
            terminal.type(question)
            text = terminal.wait_for(PROMPT)
            for command in ("/clear", "/stats", "/exit"):
                self.assertIn(command, text)
        terminal.type("/exot\n")
        self.assertIn("did you mean /exit?", terminal.wait_for(PROMPT))
        terminal.type(CTRL_D)
        self.assertEqual(terminal.ends(), 0)

    def test_ctrl_c_stops_the_answer_and_not_the_program(self):
        terminal = self.start()
        terminal.type(LONG)
        terminal.wait_for(r"\d|[a-z]")  # the echo
        terminal.wait_for(r"\n.+\n?.*")  # something of the answer
        terminal.type(CTRL_C)
        self.assertIn("(stopped)", terminal.wait_for(PROMPT, seconds=20))
        terminal.type("/clear\n")
        terminal.wait_for(PROMPT)
        terminal.type("What is the capital of Japan?\n")
        self.assertIn("The capital of Japan is Tokyo.", terminal.wait_for(PROMPT))

    def test_two_ctrl_c_at_the_prompt_leave_after_a_hint(self):
        terminal = self.start()
        terminal.type("half a line" + CTRL_C)
        self.assertIn("Ctrl+C again or /exit leaves", terminal.wait_for(PROMPT))
        terminal.type("/stats\n")
        terminal.wait_for(PROMPT)
        terminal.type(CTRL_C)
        self.assertIn("Ctrl+C again or /exit leaves", terminal.wait_for(PROMPT))
        terminal.type(CTRL_C)
        self.assertEqual(terminal.ends(), 130)

    def test_a_message_that_does_not_fit_is_told_and_taken_back(self):
        terminal = self.start("--context", "64", "--max-tokens", "8")
        terminal.type("word " * 100 + "\n")
        said = terminal.wait_for(PROMPT)
        self.assertIn("64 tokens", said)
        self.assertIn("/clear begins a new conversation", said)
        terminal.type("Hi\n")
        self.assertNotIn("hearth:", terminal.wait_for(PROMPT))


if __name__ == "__main__":
    unittest.main()
