// Anthropic's own SDK, with nothing changed but base URL and key, to models of both vendors.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Anthropic, anthropic, limitedModel, models, stack } from "./stack.mjs";

const said = (prompt) => `You said: ${prompt}`;
const ask = (model, prompt) => ({
  model,
  max_tokens: 200,
  system: "Be brief.",
  messages: [{ role: "user", content: prompt }],
});
const textOf = (message) => message.content.map((block) => block.text ?? "").join("");

for (const [vendor, model] of Object.entries(models)) {
  test(`a message by ${vendor}`, async () => {
    const prompt = "Hello from the SDK";
    // No temperature: the version of the protocol that this SDK speaks has none.
    const message = await anthropic().messages.create(ask(model, prompt));
    assert.equal(message.type, "message");
    assert.equal(message.role, "assistant");
    assert.equal(textOf(message), said(prompt));
    assert.equal(message.stop_reason, "end_turn");
    assert.ok(message.usage.input_tokens > 0 && message.usage.output_tokens > 0);
  });

  test(`a stream by ${vendor}`, async () => {
    const prompt = "chunks:5 and no more";
    const stream = await anthropic().messages.create({ ...ask(model, prompt), stream: true });
    const events = [];
    for await (const event of stream) events.push(event);
    const types = events.map((event) => event.type);
    assert.equal(types[0], "message_start");
    assert.equal(types.at(-1), "message_stop");
    assert.equal(types.filter((type) => type === "message_stop").length, 1);
    const text = events.filter((event) => event.type === "content_block_delta").map((event) => event.delta.text);
    assert.equal(text.join(""), "1 2 3 4 5 ");
    assert.ok(text.length > 2);
  });

  test(`the stream helper adds up what ${vendor} sends, with its usage`, async () => {
    const whole = await anthropic().messages.create(ask(model, "Add this up"));
    const message = await anthropic().messages.stream(ask(model, "Add this up")).finalMessage();
    assert.equal(textOf(message), said("Add this up"));
    assert.equal(message.stop_reason, "end_turn");
    assert.equal(message.usage.input_tokens, whole.usage.input_tokens);
    assert.equal(message.usage.output_tokens, whole.usage.output_tokens);
  });

  test(`turns and a stop text reach ${vendor}`, async () => {
    const message = await anthropic().messages.create({
      model,
      max_tokens: 200,
      stop_sequences: ["END"],
      messages: [
        { role: "user", content: "What is one and one?" },
        { role: "assistant", content: "Two." },
        { role: "user", content: "and now END tail" },
      ],
    });
    assert.equal(textOf(message), said("and now "));
  });

  test(`a tool of ${vendor} is called`, async () => {
    const message = await anthropic().messages.create({
      ...ask(model, "call:look_up please"),
      tools: [{ name: "look_up", input_schema: { type: "object" } }],
    });
    const call = message.content.find((block) => block.type === "tool_use");
    assert.equal(call.name, "look_up");
    assert.deepEqual(call.input, { input: "call:look_up please" });
    assert.equal(message.stop_reason, "tool_use");
  });

  test(`a stream that ${vendor} cuts is an error`, async () => {
    const stream = await anthropic().messages.create({ ...ask(model, "cut:4 chunks:20 big:2000"), stream: true });
    await assert.rejects(async () => {
      for await (const event of stream) assert.ok(event);
    }, Anthropic.APIError);
  });
}

test("models are listed", async () => {
  const ids = [];
  for await (const model of anthropic().models.list()) ids.push(model.id);
  for (const id of Object.values(models)) assert.ok(ids.includes(id), `${id} in ${ids}`);
});

test("a failure is an error of its own class", async () => {
  const create = (client, body) => client.messages.create(body);
  for (const apiKey of ["sk-ant-wrong", stack.refused_keys.expired, stack.refused_keys.revoked]) {
    await assert.rejects(create(anthropic({ apiKey }), ask(models.anthropic, "Hello")), (error) => {
      assert.ok(error instanceof Anthropic.AuthenticationError, String(error));
      assert.equal(error.status, 401);
      assert.equal(error.error.error.type, "authentication_error");
      assert.ok(error.requestID, "the SDK reads it from `request-id`");
      return true;
    });
  }
  await assert.rejects(create(anthropic(), ask("claude-nobody", "Hello")), Anthropic.NotFoundError);
  const warm = { ...ask(models.anthropic, "Hello"), temperature: "warm" };
  await assert.rejects(create(anthropic(), warm), Anthropic.BadRequestError);
  await assert.rejects(create(anthropic(), ask(models.openai, "fail:500")), Anthropic.InternalServerError);
});

test("a limit is a rate limit error that says when to come back", async () => {
  const model = await limitedModel(1);
  const create = () => anthropic().messages.create(ask(model, "Hello"));
  await create();
  await assert.rejects(create(), (error) => {
    assert.ok(error instanceof Anthropic.RateLimitError, String(error));
    assert.ok(Number(error.headers.get("retry-after")) > 0);
    return true;
  });
});
