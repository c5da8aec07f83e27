// foundry_sdk_test.mjs - Foundry Local's own SDK for JavaScript (0.5.0): in Node it finds `foundry` on the PATH and starts
// the service, in a browser it is given the service's address. Reads HEARTH_BINARY and HEARTH_MODEL_FILE.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { FoundryLocalManager } from "foundry-local-sdk";
import { FoundryLocalManager as BrowserManager } from "foundry-local-sdk/browser";
import OpenAI from "openai";

const home = mkdtempSync(join(tmpdir(), "hearth-sdk."));
process.env.HEARTH_HOME = home;
process.env.PATH = `${home}/bin:${process.env.PATH}`;
const hearth = (...words) => execFileSync(process.env.HEARTH_BINARY, words, { encoding: "utf8" });

before(() => {
  hearth("alias", "install", "foundry", "--folder", `${home}/bin`);
  hearth("config", "set", "service.port", "0");
  hearth("model", "import", process.env.HEARTH_MODEL_FILE, "--alias", "phi-4-mini");
});
after(() => {
  hearth("service", "stop");
  rmSync(home, { recursive: true, force: true });
});

test("an alias is started, loaded and answers", async () => {
  const manager = new FoundryLocalManager();
  const info = await manager.init("phi-4-mini");
  assert.equal(info.alias, "phi-4-mini");
  assert.ok(await manager.isServiceRunning());
  const client = new OpenAI({ baseURL: manager.endpoint, apiKey: manager.apiKey, maxRetries: 0 });
  const answer = await client.chat.completions.create({
    model: info.id, temperature: 0, max_tokens: 20,
    messages: [{ role: "system", content: "You are a helpful assistant." },
               { role: "user", content: "What is the capital of Japan?" }],
  });
  assert.equal(answer.choices[0].message.content, "The capital of Japan is Tokyo.");
  assert.deepEqual((await manager.listLoadedModels()).map((model) => model.alias), ["phi-4-mini"]);
  assert.deepEqual((await manager.listCachedModels()).map((model) => model.alias), ["phi-4-mini"]);
});

test("a page is given the address and reads the catalogue", async () => {
  const node = new FoundryLocalManager();
  await node.startService();
  const fromPage = (url, options = {}) => fetch(url, { ...options, headers: { ...options.headers, Origin: "http://localhost:3000" } });
  const manager = new BrowserManager({ serviceUrl: node.serviceUrl, fetch: fromPage });
  const names = (await manager.listCatalogModels()).map((model) => model.alias);
  assert.ok(names.includes("gpt-oss-20b"));
  assert.deepEqual((await manager.listCachedModels()).map((model) => model.alias), ["phi-4-mini"]);
});
