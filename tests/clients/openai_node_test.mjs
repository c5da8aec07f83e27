// openai_node_test.mjs - the official openai package for Node against a running Hearth (tests/clients/run_with_server
// starts one). Reads HEARTH_BASE_URL and HEARTH_MODEL.
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";

const model = process.env.HEARTH_MODEL;
// No retries: an answer that only came at the second try is a failure here.
const client = new OpenAI({ baseURL: process.env.HEARTH_BASE_URL, apiKey: "any", maxRetries: 0, timeout: 120_000 });
const messages = [
  { role: "system", content: "You are a helpful assistant." },
  { role: "user", content: "What is the capital of Japan?" },
];
const tokyo = "The capital of Japan is Tokyo.";

test("the model is listed and can be retrieved", async () => {
  const ids = [];
  for await (const entry of client.models.list()) ids.push(entry.id);
  assert.ok(ids.includes(model));
  assert.equal((await client.models.retrieve(model)).id, model);
});

test("a question is answered", async () => {
  const answer = await client.chat.completions.create({ model, messages, temperature: 0 });
  assert.equal(answer.choices[0].message.content, tokyo);
  assert.equal(answer.choices[0].finish_reason, "stop");
  assert.equal(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens);
});

test("a stream is the same text and ends with its usage", async () => {
  const stream = await client.chat.completions.create({
    model, messages, temperature: 0, stream: true, stream_options: { include_usage: true },
  });
  let text = "";
  let usage;
  for await (const chunk of stream) {
    assert.equal(usage, undefined, "a chunk came after the usage");
    text += chunk.choices[0]?.delta.content ?? "";
    usage = chunk.usage ?? undefined;
  }
  assert.equal(text, tokyo);
  assert.equal(usage.completion_tokens, 8);
});

test("the package's own stream helper puts the message together", async () => {
  const runner = client.chat.completions.stream({ model, messages, temperature: 0 });
  const answer = await runner.finalChatCompletion();
  assert.equal(answer.choices[0].message.content, tokyo);
  assert.equal(answer.choices[0].finish_reason, "stop");
});

test("an aborted stream leaves the service usable", async () => {
  const stream = await client.chat.completions.create({
    model, messages: [{ role: "user", content: "Count to one thousand." }], stream: true,
  });
  for await (const chunk of stream) {
    if (chunk.choices[0]?.delta.content) stream.controller.abort();
  }
  const answer = await client.chat.completions.create({ model, messages, temperature: 0 });
  assert.equal(answer.choices[0].message.content, tokyo);
});

test("parallel answers are those given alone", async () => {
  const ask = async (n) => {
    const answer = await client.chat.completions.create({
      model, messages: [{ role: "user", content: `Name ${n} colours.` }], temperature: 0, max_tokens: 24,
    });
    return answer.choices[0].message.content;
  };
  const numbers = [2, 3, 4, 5, 6, 7];
  const alone = [];
  for (const n of numbers) alone.push(await ask(n));
  assert.deepEqual(await Promise.all(numbers.map(ask)), alone);
});

test("faults are the package's own error classes, with the field at fault", async () => {
  await assert.rejects(client.chat.completions.create({ model: "no-such-model", messages }), (error) => {
    assert.ok(error instanceof OpenAI.NotFoundError, String(error));
    assert.equal(error.code, "model_not_found");
    return true;
  });
  await assert.rejects(client.chat.completions.create({ model, messages, temperature: 9 }), (error) => {
    assert.ok(error instanceof OpenAI.BadRequestError, String(error));
    assert.equal(error.param, "temperature");
    return true;
  });
  const long = [{ role: "user", content: "word ".repeat(9000) }];
  await assert.rejects(client.chat.completions.create({ model, messages: long }), (error) => {
    assert.equal(error.code, "context_length_exceeded");
    return true;
  });
});

test("a text goes on", async () => {
  const answer = await client.completions.create({ model, prompt: "One, two, three,", max_tokens: 6, temperature: 0 });
  assert.ok(answer.choices[0].text.length > 0);
  assert.equal(answer.usage.completion_tokens, 6);
});
