// OpenAI's own SDK, with nothing changed but base URL and key, to models of both vendors.
import assert from "node:assert/strict";
import { test } from "node:test";
import { OpenAI, limitedModel, models, openai, stack, toFile } from "./stack.mjs";

const said = (prompt) => `You said: ${prompt}`;
const messages = (prompt) => [
  { role: "system", content: "Be brief." },
  { role: "user", content: prompt },
];

for (const [vendor, model] of Object.entries(models)) {
  test(`a completion by ${vendor}`, async () => {
    const prompt = "Hello from the SDK";
    const completion = await openai().chat.completions.create({ model, messages: messages(prompt), temperature: 0 });
    assert.equal(completion.object, "chat.completion");
    assert.equal(completion.choices[0].message.role, "assistant");
    assert.equal(completion.choices[0].message.content, said(prompt));
    assert.equal(completion.choices[0].message.refusal, null);
    assert.equal(completion.choices[0].finish_reason, "stop");
    const { prompt_tokens, completion_tokens, total_tokens } = completion.usage;
    assert.ok(prompt_tokens > 0 && completion_tokens > 0);
    assert.equal(total_tokens, prompt_tokens + completion_tokens);
    // The SDK reads it from `x-request-id`.
    assert.ok(completion._request_id);
  });

  test(`a stream by ${vendor}`, async () => {
    const prompt = "chunks:5 and no more";
    const stream = await openai().chat.completions.create({ model, messages: messages(prompt), stream: true });
    const chunks = [];
    for await (const chunk of stream) chunks.push(chunk);
    const choices = chunks.map((chunk) => chunk.choices[0]);
    assert.ok(choices.every(Boolean), "no chunk without a choice, as usage was not asked for");
    assert.equal(choices.map((choice) => choice.delta.content ?? "").join(""), "1 2 3 4 5 ");
    assert.equal(choices.filter((choice) => choice.finish_reason).length, 1);
    assert.ok(chunks.length > 4);
  });

  test(`a stream with usage by ${vendor}`, async () => {
    const ask = { model, messages: messages("How many tokens?") };
    const whole = await openai().chat.completions.create(ask);
    const stream = await openai().chat.completions.create({
      ...ask,
      stream: true,
      stream_options: { include_usage: true },
    });
    const usages = [];
    let last;
    for await (const chunk of stream) {
      if (chunk.usage) usages.push(chunk.usage);
      last = chunk;
    }
    assert.equal(usages.length, 1);
    assert.deepEqual(last.choices, []);
    assert.equal(usages[0].prompt_tokens, whole.usage.prompt_tokens);
    assert.equal(usages[0].completion_tokens, whole.usage.completion_tokens);
  });

  test(`the stream helper adds up what ${vendor} sends`, async () => {
    const stream = openai().chat.completions.stream({ model, messages: messages("Add this up") });
    const completion = await stream.finalChatCompletion();
    assert.equal(completion.choices[0].message.content, said("Add this up"));
  });

  test(`a tool of ${vendor} is called`, async () => {
    const completion = await openai().chat.completions.create({
      model,
      messages: messages("call:look_up please"),
      tools: [{ type: "function", function: { name: "look_up", parameters: { type: "object" } } }],
    });
    const [call] = completion.choices[0].message.tool_calls;
    assert.equal(call.function.name, "look_up");
    assert.deepEqual(JSON.parse(call.function.arguments), { input: "call:look_up please" });
    assert.equal(completion.choices[0].finish_reason, "tool_calls");
  });

  test(`a stream that ${vendor} cuts is an error`, async () => {
    const prompt = "cut:4 chunks:20 big:2000";
    const stream = await openai().chat.completions.create({ model, messages: messages(prompt), stream: true });
    await assert.rejects(async () => {
      for await (const chunk of stream) assert.ok(chunk);
    }, OpenAI.APIError);
  });
}

test("models are listed and read", async () => {
  const ids = [];
  for await (const model of openai().models.list()) ids.push(model.id);
  for (const id of Object.values(models)) assert.ok(ids.includes(id), `${id} in ${ids}`);
  const model = await openai().models.retrieve("groq/openai/gpt-oss-120b");
  assert.equal(model.id, "groq/openai/gpt-oss-120b");
  assert.equal(model.object, "model");
});

test("a failure is an error of its own class", async () => {
  const ask = (model, prompt = "Hello") => ({ model, messages: messages(prompt) });
  const create = (client, body) => client.chat.completions.create(body);
  for (const apiKey of ["sk-wrong", stack.refused_keys.expired, stack.refused_keys.revoked]) {
    await assert.rejects(create(openai({ apiKey }), ask(models.openai)), (error) => {
      assert.ok(error instanceof OpenAI.AuthenticationError, String(error));
      assert.equal(error.status, 401);
      assert.match(error.code, /^(invalid_api_key|key_expired)$/);
      return true;
    });
  }
  await assert.rejects(create(openai(), ask("gpt-nobody")), (error) => {
    assert.ok(error instanceof OpenAI.NotFoundError, String(error));
    assert.equal(error.code, "model_not_found");
    return true;
  });
  await assert.rejects(create(openai(), { ...ask(models.openai), temperature: "warm" }), (error) => {
    assert.ok(error instanceof OpenAI.BadRequestError, String(error));
    assert.equal(error.param, "temperature");
    return true;
  });
  await assert.rejects(create(openai(), ask(models.anthropic, "fail:500")), OpenAI.InternalServerError);
});

test("a limit is a rate limit error that says when to come back", async () => {
  const model = await limitedModel(1);
  const create = () => openai().chat.completions.create({ model, messages: messages("Hello") });
  await create();
  await assert.rejects(create(), (error) => {
    assert.ok(error instanceof OpenAI.RateLimitError, String(error));
    assert.ok(Number(error.headers.get("retry-after")) > 0);
    assert.equal(error.headers.get("x-ratelimit-limit-requests"), "1");
    return true;
  });
});

test("a client may leave a stream", async () => {
  const stream = await openai().chat.completions.create({
    model: models.openai,
    messages: messages("gap:2s chunks:50 big:3000"),
    stream: true,
  });
  for await (const chunk of stream) {
    assert.ok(chunk);
    break;
  }
  assert.ok(stream.controller.signal.aborted);
});

for (const [road, model, voice] of [
  ["OpenAI", "tts-1", "alloy"],
  ["a mapping", "eleven_multilingual_v2", "21m00Tcm4TlvDq8ikWAM"],
  ["ElevenLabs", "eleven_flash_v2_5", "21m00Tcm4TlvDq8ikWAM"],
]) {
  test(`speech by ${road}`, async () => {
    const answer = await openai().audio.speech.create({ model, voice, input: "Hello from the SDK", response_format: "wav" });
    assert.equal(answer.headers.get("content-type"), "audio/wav");
    const bytes = Buffer.from(await answer.arrayBuffer());
    assert.equal(bytes.subarray(0, 4).toString("latin1"), "RIFF");
  });
}

test("speech in events", async () => {
  const ask = { model: "gpt-4o-mini-tts", voice: "alloy", input: "Hello from the SDK", stream_format: "sse" };
  const answer = await openai().audio.speech.create(ask);
  assert.match(answer.headers.get("content-type"), /^text\/event-stream/);
  assert.match(await answer.text(), /speech\.audio\.done/);
});

for (const [road, model] of [
  ["OpenAI", "whisper-1"],
  ["ElevenLabs", "scribe_v2"],
]) {
  test(`a transcript by ${road}`, async () => {
    const file = () => toFile(silence(), "hello.wav");
    const client = openai();
    const short = await client.audio.transcriptions.create({ model, file: await file() });
    assert.match(short.text, /hello/);
    const long = await client.audio.transcriptions.create({
      model,
      file: await file(),
      response_format: "verbose_json",
      timestamp_granularities: ["word", "segment"],
    });
    assert.equal(long.language, "english");
    assert.ok(long.words.length > 0 && long.segments.length > 0);
    const subtitles = await client.audio.transcriptions.create({ model, file: await file(), response_format: "srt" });
    assert.match(subtitles, /-->/);
  });
}

/** Two seconds of silence: 16,000 samples of 16 bits a second. */
function silence() {
  const size = 64_000;
  const wav = Buffer.alloc(44 + size);
  wav.write("RIFF", 0);
  wav.writeUInt32LE(36 + size, 4);
  wav.write("WAVEfmt ", 8);
  wav.writeUInt32LE(16, 16);
  wav.writeUInt16LE(1, 20);
  wav.writeUInt16LE(1, 22);
  wav.writeUInt32LE(16_000, 24);
  wav.writeUInt32LE(32_000, 28);
  wav.writeUInt16LE(2, 32);
  wav.writeUInt16LE(16, 34);
  wav.write("data", 36);
  wav.writeUInt32LE(size, 40);
  return wav;
}
