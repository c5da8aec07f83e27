// foundry_sdk_test.mjs - Foundry Local's own SDK for JavaScript (0.5.0): in Node it finds `foundry` on the PATH and starts
// the service, in a browser it is given the service's address. Reads HEARTH_BINARY and HEARTH_MODEL_FILE.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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

let hub;

// A hub with one of the catalogue's models, made large enough that it takes a while.
async function startHub() {
  const tiny = readFileSync(new URL("../golden/hf/qwen2/model.gguf", import.meta.url));
  writeFileSync(`${home}/large.gguf`, Buffer.concat([tiny, Buffer.alloc(12 << 20, 7)]));
  const program = new URL("../hub/hub.py", import.meta.url).pathname;
  hub = spawn("python3", [program, "--bytes-per-second", "8000000",
    `Qwen/Qwen2.5-0.5B-Instruct-GGUF/qwen2.5-0.5b-instruct-q4_k_m.gguf=${home}/large.gguf`],
  { stdio: ["pipe", "pipe", "inherit"] });
  const [url] = await once(hub.stdout.setEncoding("utf8"), "data");
  process.env.HF_ENDPOINT = url.trim();
}

before(async () => {
  await startHub();
  hearth("alias", "install", "foundry", "--folder", `${home}/bin`);
  hearth("config", "set", "service.port", "0");
  hearth("model", "import", process.env.HEARTH_MODEL_FILE, "--alias", "phi-4-mini");
});
after(() => {
  hearth("service", "stop");
  hub.stdin.end();
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

test("a download tells how far it is, and the model is there", async () => {
  const manager = new FoundryLocalManager();
  await manager.startService();
  const told = [];
  const info = await manager.downloadModel("qwen2.5-0.5b", undefined, undefined, false, (percent) => told.push(percent));
  assert.equal(info.alias, "qwen2.5-0.5b");
  assert.ok(told.length > 2, `${told}`);
  assert.deepEqual(told, [...told].sort((a, b) => a - b));
  assert.equal(told.at(-1), 100);
  assert.ok((await manager.listCachedModels()).some((model) => model.id === info.id));
  const again = [];
  await manager.downloadModel("qwen2.5-0.5b", undefined, undefined, false, (percent) => again.push(percent));
  assert.deepEqual(again, [100]);
});

test("a download that fails says why", async () => {
  const manager = new FoundryLocalManager();
  await manager.startService();
  await assert.rejects(manager.downloadModel("qwen2.5-1.5b", undefined, undefined, false, () => {}),
    /Failed to download model with alias 'qwen2.5-1.5b'.*there is no repository/s);
});
