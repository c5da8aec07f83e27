// ai_sdk_test.mjs - the AI SDK (npm ai) against a running Hearth (tests/clients/run_with_server starts one), through both of
// its providers: @ai-sdk/openai-compatible (chat completions) and @ai-sdk/openai (responses, chat). Reads HEARTH_BASE_URL and
// HEARTH_MODEL; expects a model `embedder`.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { embedMany, generateText, isStepCount, Output, streamText, tool } from "ai";
import { z } from "zod";

const baseURL = process.env.HEARTH_BASE_URL;
const name = process.env.HEARTH_MODEL;
const compatible = createOpenAICompatible({ name: "hearth", baseURL, includeUsage: true, supportsStructuredOutputs: true });
const openai = createOpenAI({ baseURL, apiKey: "any" });
const models = { compatible: compatible(name), responses: openai.responses(name), chat: openai.chat(name) };

// No retries: an answer that only came at the second try is a failure here.
const common = { maxRetries: 0, temperature: 0, maxOutputTokens: 200, instructions: "You are a helpful assistant." };
const japan = { ...common, prompt: "What is the capital of Japan?" };
const tokyo = "The capital of Japan is Tokyo.";
const town = z.object({ name: z.string().max(20), country: z.enum(["Japan", "Peru"]), population: z.int().min(1).max(100_000_000) });

function tide(seen) {
  return tool({
    description: "The height of the tide at a port",
    inputSchema: z.object({ port: z.enum(["Kobe", "Lima"]) }),
    execute: async ({ port }) => {
      seen.push(port);
      return `${port}: 1.2 m`;
    },
  });
}

// The call is demanded in the first step and forbidden in the second, which is told its result.
function voyage(model, seen) {
  return {
    ...common, model, prompt: "How high is the tide in Kobe?", tools: { tide: tide(seen) }, stopWhen: isStepCount(2),
    providerOptions: { hearth: { parallel_tool_calls: false }, openai: { parallelToolCalls: false } },
    prepareStep: ({ stepNumber }) => ({ toolChoice: stepNumber === 0 ? "required" : "none" }),
  };
}

for (const [provider, model] of Object.entries(models)) {
  test(`${provider}: a question is answered with its usage`, async () => {
    const answer = await generateText({ ...japan, model });
    assert.equal(answer.text, tokyo);
    assert.equal(answer.finishReason, "stop");
    assert.equal(answer.usage.outputTokens, 8);
    assert.equal(answer.usage.totalTokens, answer.usage.inputTokens + 8);
    assert.deepEqual(answer.warnings ?? [], []);
    assert.equal((await generateText({ ...japan, model, maxOutputTokens: 3 })).finishReason, "length");
  });

  test(`${provider}: a stream adds up to the answer`, async () => {
    const parts = [];
    const result = streamText({ ...japan, model });
    for await (const part of result.fullStream ?? result.stream) parts.push(part);
    assert.deepEqual(parts.filter((part) => part.type === "error"), []);
    assert.equal(parts.filter((part) => part.type === "text-delta").map((part) => part.text).join(""), tokyo);
    assert.ok(parts.filter((part) => part.type === "text-delta").length > 3);
    const kinds = parts.map((part) => part.type);
    assert.ok(kinds.indexOf("text-start") < kinds.indexOf("text-delta") && kinds.lastIndexOf("text-delta") < kinds.indexOf("text-end"));
    assert.equal(await result.finishReason, "stop");
    assert.equal((await result.usage).outputTokens, 8);
  });

  test(`${provider}: a tool is run and the next step has its result`, async () => {
    const seen = [];
    const answer = await generateText(voyage(model, seen));
    assert.ok(["Kobe", "Lima"].includes(seen[0]));
    assert.equal(answer.steps.length, 2);
    assert.deepEqual(answer.steps[0].toolResults.map((result) => result.output), seen.map((port) => `${port}: 1.2 m`));
    assert.equal(answer.steps[0].finishReason, "tool-calls");
    assert.ok(answer.text.length > 0);

    const streamedSeen = [];
    const streamed = streamText(voyage(model, streamedSeen));
    let text = "";
    for await (const part of streamed.textStream) text += part;
    assert.deepEqual(streamedSeen, seen);
    assert.equal(text, answer.text);
  });

  test(`${provider}: an object is what its schema says, whole and streamed`, async () => {
    const question = { ...japan, model, output: Output.object({ schema: town }) };
    const { output } = await generateText(question);
    assert.deepEqual(town.parse(output), output);
    const streamed = streamText(question);
    let partials = 0;
    for await (const partial of streamed.partialOutputStream) partials += typeof partial === "object";
    assert.ok(partials > 1);
    assert.deepEqual(await streamed.output, output);
  });

  test(`${provider}: a choice is one of its options`, async () => {
    const choice = await generateText({ ...japan, model, output: Output.choice({ options: ["sunny", "rainy"] }) });
    assert.ok(["sunny", "rainy"].includes(choice.output));
  });

  test(`${provider}: a fault is the SDK's own class, with the status`, async () => {
    const wrong = { ...japan, model, temperature: 9 };
    await assert.rejects(generateText(wrong), (error) => {
      assert.equal(error.name, "AI_APICallError");
      assert.equal(error.statusCode, 400);
      assert.match(error.message, /temperature/);
      return true;
    });
  });

  test(`${provider}: an aborted stream leaves the service usable`, async () => {
    const controller = new AbortController();
    const result = streamText({ ...common, model, prompt: "Count to one thousand.", abortSignal: controller.signal, onError() {} });
    for await (const text of result.textStream) if (text) controller.abort();
    assert.equal((await generateText({ ...japan, model })).text, tokyo);
  });
}

test("texts are vectors, each the same alone", async () => {
  for (const model of [compatible.embeddingModel("embedder"), openai.embedding("embedder")]) {
    const values = ["a small cat", "the sea at night", "a small cat"];
    const { embeddings } = await embedMany({ model, values, maxRetries: 0 });
    assert.deepEqual(embeddings[0], embeddings[2]);
    assert.notDeepEqual(embeddings[0], embeddings[1]);
    for (const vector of embeddings) assert.ok(Math.abs(Math.hypot(...vector) - 1) < 1e-4);
  }
});
