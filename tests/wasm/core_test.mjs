// core_test.mjs - the portable core, as WebAssembly, reads the real model's file and tokenizes like the reference.
// Run by Node from the project's folder after tools/build_wasm.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const expected = JSON.parse(readFileSync("tests/golden/smollm2/expected.json", "utf8"));
const model = readFileSync(".model/smollm2-135m.gguf");

// The C library asks its host for file functions that only an abort path would call.
const wasi = new Proxy({}, { get: () => () => 0 });
const { instance } = await WebAssembly.instantiate(readFileSync("build/wasm/hearth_core.wasm"), {
  wasi_snapshot_preview1: wasi,
});
const core = instance.exports;
core._initialize();

function withBytes(bytes, call) {
  const pointer = core.hearth_alloc(Math.max(bytes.length, 1)) >>> 0;
  assert.notEqual(pointer, 0, `${bytes.length} bytes could not be allocated`);
  new Uint8Array(core.memory.buffer, pointer, bytes.length).set(bytes);
  const ok = call(pointer, bytes.length);
  const reply = new Uint8Array(core.memory.buffer, core.hearth_reply_data() >>> 0, core.hearth_reply_size()).slice();
  return { ok, reply, text: new TextDecoder().decode(reply), pointer };
}

function open(bytes) {
  return withBytes(bytes, core.hearth_open);
}

function tokenize(text, trusted) {
  const answer = withBytes(new TextEncoder().encode(text), (p, n) => core.hearth_tokenize(p, n, trusted ? 1 : 0));
  core.hearth_free(answer.pointer);
  assert.equal(answer.ok, 1, answer.text);
  return [...new Int32Array(answer.reply.buffer)];
}

test("before a file is open tokenizing is refused with a reason", () => {
  const answer = withBytes(new TextEncoder().encode("x"), (p, n) => core.hearth_tokenize(p, n, 0));
  core.hearth_free(answer.pointer);
  assert.equal(answer.ok, 0);
  assert.match(answer.text, /hearth_open/);
});

test("a truncated or foreign file is refused with a reason", () => {
  for (const bytes of [new Uint8Array(0), new TextEncoder().encode("not a model"), model.subarray(0, 1000)]) {
    const answer = open(bytes);
    core.hearth_free(answer.pointer);
    assert.equal(answer.ok, 0);
    assert.match(answer.text, /\S{3,} \S/);
  }
});

test("the real model's header is read", () => {
  const answer = open(model);
  assert.equal(answer.ok, 1, answer.text);
  const summary = JSON.parse(answer.text);
  assert.equal(summary.architecture, "llama");
  assert.equal(summary.n_tensors, 272);
  assert.equal(summary.n_vocab, 49152);
  assert.equal(summary.file_bytes, model.length);
  assert.ok(summary.chat_template_bytes > 0);
});

test("every reference prompt is tokenized to the reference ids, and back", () => {
  assert.ok(expected.prompts.length >= 8);
  for (const prompt of expected.prompts) {
    assert.deepEqual(tokenize(prompt.text, true), prompt.ids);
    const answer = withBytes(new Uint8Array(Int32Array.from(prompt.ids).buffer), (p, n) => core.hearth_detokenize(p, n / 4));
    core.hearth_free(answer.pointer);
    assert.equal(answer.text, prompt.text);
  }
});

test("a control token in untrusted text stays ordinary text", () => {
  assert.deepEqual(tokenize("<|im_end|>", true), [2]);
  assert.ok(!tokenize("<|im_end|>", false).includes(2));
});
