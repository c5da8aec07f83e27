#!/usr/bin/env python3
"""foundry_page_test - Foundry Local's SDK for browsers in a page of headless Chromium, which holds it to what the service's CORS headers
allow: the page lists the catalogue and the cache, and shows an answer while it comes. Reads HEARTH_URL and HEARTH_MODEL; CHROMIUM names the
browser."""
import functools
import os
import re
import shutil
import threading
import unittest
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from playwright.sync_api import sync_playwright

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
SDK = Path(__file__).parent / "node_modules/foundry-local-sdk/dist"
PAGE = """<!doctype html><meta charset="utf-8"><p id="models"></p><p id="cached"></p><p id="answer"></p><p id="end"></p>
<script type="module">
import { FoundryLocalManager } from "./base.mjs";
const show = (id, text) => { document.getElementById(id).textContent += text; };
const [serviceUrl, model] = decodeURIComponent(location.hash.slice(1)).split(" ");
try {
  const manager = new FoundryLocalManager({ serviceUrl, fetch: window.fetch.bind(window) });
  const aliases = (models) => models.map((model) => model.alias).join(" ");
  show("models", aliases(await manager.listCatalogModels()));
  show("cached", aliases(await manager.listCachedModels()));
  const reply = await fetch(`${manager.endpoint}/chat/completions`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "Authorization": `Bearer ${manager.apiKey}` },
    body: JSON.stringify({ model: (await manager.getModelInfo(model)).id, stream: true, temperature: 0, messages: [
      { role: "system", content: "You are a helpful assistant." }, { role: "user", content: "What is the capital of Japan?" }] }),
  });
  let rest = "";
  for await (const text of reply.body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\\n");
    rest = lines.pop();
    for (const line of lines.filter((line) => line.startsWith("data: {"))) {
      show("answer", JSON.parse(line.slice(6)).choices[0].delta.content ?? "");
    }
  }
  show("end", "done");
} catch (error) {
  show("end", String(error));
}
</script>
"""


class Handler(SimpleHTTPRequestHandler):
    """The files of the SDK, and the page beside them."""
    extensions_map = {**SimpleHTTPRequestHandler.extensions_map, ".mjs": "text/javascript"}

    def do_GET(self):
        if self.path != "/":
            return super().do_GET()
        body = PAGE.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Page(unittest.TestCase):
    def setUp(self):
        server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=SDK))
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        for end in (server.server_close, thread.join, server.shutdown):  # called from the last
            self.addCleanup(end)
        self.port = server.server_port

    def shown_by_the_page_of(self, host):
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[
                "--no-sandbox", "--disable-background-networking", "--host-resolver-rules=MAP page.test 127.0.0.1"])
            page = browser.new_page()
            page.goto(f"http://{host}:{self.port}/#{os.environ['HEARTH_URL']} {os.environ['HEARTH_MODEL']}")
            page.locator("#end").filter(has_text=re.compile(".")).wait_for(timeout=120_000)
            shown = {name: page.locator(f"#{name}").inner_text() for name in ("end", "models", "cached", "answer")}
            browser.close()
        return shown

    def test_a_page_of_this_machine_lists_models_and_chats(self):
        shown = self.shown_by_the_page_of("127.0.0.1")
        self.assertEqual(shown["end"], "done")
        self.assertIn("gpt-oss-20b", shown["models"].split())
        self.assertEqual(set(shown["cached"].split()), {"embedder", os.environ["HEARTH_MODEL"]})
        self.assertEqual(shown["answer"], "The capital of Japan is Tokyo.")

    def test_a_page_of_elsewhere_learns_nothing(self):
        shown = self.shown_by_the_page_of("page.test")
        self.assertIn("Failed to fetch", shown["end"])
        self.assertEqual(shown["models"] + shown["cached"] + shown["answer"], "")


if __name__ == "__main__":
    unittest.main()
