// ElevenLabs' own SDK, with nothing changed but base URL and key, to models of both vendors.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ElevenLabsError, elevenlabs, stack } from "./stack.mjs";

const RACHEL = "21m00Tcm4TlvDq8ikWAM";

/** All bytes of a stream. */
async function whole(stream) {
  const pieces = [];
  for await (const piece of stream) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}

const isMp3 = (bytes) => bytes.subarray(0, 3).toString("latin1") === "ID3" || bytes[0] === 0xff;

const models = [
  ["a mapping", "eleven_multilingual_v2", RACHEL],
  ["their protocol", "eleven_flash_v2_5", RACHEL],
  ["OpenAI", "tts-1", "alloy"],
];

for (const [road, modelId, voice] of models) {
  test(`speech by ${road}`, async () => {
    const ask = { text: "Hello from the SDK", modelId, outputFormat: "mp3_44100_128" };
    const { data, rawResponse } = await elevenlabs().textToSpeech.convert(voice, ask).withRawResponse();
    assert.ok(isMp3(await whole(data)));
    assert.equal(rawResponse.headers.get("content-type"), "audio/mpeg");
    assert.ok(rawResponse.headers.get("request-id"));
    assert.equal(rawResponse.headers.get("x-de-model"), modelId);
    if (voice === RACHEL) assert.equal(rawResponse.headers.get("character-cost"), "18");
  });

  test(`streamed speech by ${road}`, async () => {
    const ask = { text: "Hello from the SDK", modelId };
    const sound = await elevenlabs().textToSpeech.stream(voice, ask);
    assert.ok(isMp3(await whole(sound)));
  });
}

test("samples without a head have the rate that was asked for", async () => {
  const ask = { text: "Hello", modelId: "eleven_flash_v2_5", outputFormat: "pcm_16000" };
  const call = elevenlabs().textToSpeech.convert(RACHEL, ask);
  const { data, rawResponse } = await call.withRawResponse();
  assert.equal((await whole(data)).length % 2, 0);
  assert.equal(rawResponse.headers.get("content-type"), "audio/pcm");
});

test("voices are listed and searched", async () => {
  const all = await elevenlabs().voices.getAll();
  assert.equal(all.voices.find((voice) => voice.voiceId === RACHEL)?.name, "Rachel");
  const found = await elevenlabs().voices.search({ search: "female", pageSize: 2 });
  assert.equal(found.voices.length, 2);
  assert.equal(found.hasMore, true);
  const next = await elevenlabs().voices.search({
    search: "female",
    pageSize: 2,
    nextPageToken: found.nextPageToken,
  });
  assert.notEqual(next.voices[0].voiceId, found.voices[0].voiceId);
});

test("a failure is their error with our code", async () => {
  const convert = (client, voice, modelId) => client.textToSpeech.convert(voice, { text: "Hello", modelId });
  const cases = [
    [elevenlabs({ apiKey: "sk_wrong" }), RACHEL, "eleven_flash_v2_5", 401, "invalid_api_key"],
    [elevenlabs({ apiKey: stack.refused_keys.expired }), RACHEL, "eleven_flash_v2_5", 401, "key_expired"],
    [elevenlabs(), RACHEL, "eleven_nobody", 404, "model_not_found"],
    [elevenlabs(), "nobody", "eleven_flash_v2_5", 400, "invalid_request"],
    [elevenlabs(), "no.body", "eleven_flash_v2_5", 400, "validation_error"],
  ];
  for (const [client, voice, model, status, code] of cases) {
    await assert.rejects(convert(client, voice, model), (error) => {
      assert.ok(error instanceof ElevenLabsError, String(error));
      assert.equal(error.statusCode, status, JSON.stringify(error.body));
      assert.equal(error.body.detail.status, code);
      assert.ok(error.body.detail.message && error.body.detail.request_id);
      return true;
    });
  }
});
