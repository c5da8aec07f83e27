#!/usr/bin/env python3
"""chainlit_test - examples/workshop/chainlit_app.py in headless Chromium: a person types questions into the page, and the page
shows the service's streamed answers. Reads HEARTH_BASE_URL and HEARTH_MODEL; CHROMIUM names the browser."""
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request
from pathlib import Path

import openai
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[2]
WORKSHOP = ROOT / "examples/workshop"
sys.path[:0] = [str(WORKSHOP), str(ROOT / "python")]
from rag_pipeline import SYSTEM, prompt_of  # noqa: E402

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
MODEL = os.environ["HEARTH_MODEL"]
CLIENT = openai.OpenAI(base_url=os.environ["HEARTH_BASE_URL"], api_key="any", max_retries=0)
# A question, and the documents (from 0) that share most words with it.
QUESTIONS = {"What is the capital of Japan?": [3, 0], "What does a vector database find?": [2, 0]}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Page(unittest.TestCase):
    def setUp(self):
        # Chainlit writes its settings and its welcome page into the folder it is started in.
        folder = tempfile.TemporaryDirectory(prefix="hearth-chainlit.")
        self.addCleanup(folder.cleanup)
        self.url = f"http://127.0.0.1:{(port := free_port())}"
        environment = {**os.environ, "FOUNDRY_LOCAL_ENDPOINT": os.environ["HEARTH_BASE_URL"], "FOUNDRY_LOCAL_ALIAS": MODEL,
                       "PYTHONPATH": f"{ROOT / 'python'}:{os.environ['PYTHONPATH']}", "PYTHONDONTWRITEBYTECODE": "1"}
        self.log = open(Path(folder.name) / "log", "w+")
        self.addCleanup(self.log.close)
        self.app = subprocess.Popen([sys.executable, "-m", "chainlit", "run", WORKSHOP / "chainlit_app.py", "--headless", "--host",
                                     "127.0.0.1", "--port", str(port)], cwd=folder.name, env=environment, stdout=self.log,
                                    stderr=subprocess.STDOUT)
        self.addCleanup(self.end_app)
        self.wait_for_app()

    def end_app(self):
        self.app.terminate()
        try:
            self.app.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.app.kill()
            self.app.wait()

    def said(self):
        self.log.seek(0)
        return self.log.read()

    def wait_for_app(self):
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and self.app.poll() is None:
            try:
                urllib.request.urlopen(self.url, timeout=5).close()
                return
            except (urllib.error.URLError, OSError):
                time.sleep(0.3)
        self.fail(f"Chainlit does not answer: {self.said()}")

    def expected(self, question, chosen):
        answer = CLIENT.chat.completions.create(model=MODEL, temperature=0, max_tokens=300, messages=[
            {"role": "system", "content": SYSTEM}, {"role": "user", "content": prompt_of(question, chosen)}])
        return answer.choices[0].message.content

    def test_a_person_asks_the_page_and_reads_the_services_answers(self):
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-background-networking"])
            page = browser.new_page()
            faults = []
            page.on("pageerror", lambda error: faults.append(str(error)))
            page.goto(self.url)
            for n, (question, chosen) in enumerate(QUESTIONS.items(), start=1):
                box = page.locator("#chat-input")
                box.wait_for(timeout=60_000)
                box.click()
                page.keyboard.type(question)
                page.keyboard.press("Enter")
                documents = ", ".join(str(i + 1) for i in chosen)
                page.locator(".ai-message").nth(n - 1).filter(has_text=f"Documents: {documents}").wait_for(timeout=120_000)
                shown = page.locator(".ai-message").nth(n - 1).inner_text()
                for word in self.expected(question, chosen).split():
                    self.assertIn(word.strip("*`_#-"), shown, self.said())
            browser.close()
        self.assertEqual(faults, [])


if __name__ == "__main__":
    unittest.main()
