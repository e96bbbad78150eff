// `ai` with the settings of its makers, of which one is that OpenAI's responses are kept: what was said goes back
// as the ids under which it was.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createOpenAI } from "@ai-sdk/openai";
import { generateText, jsonSchema, streamText, tool } from "ai";
import { models } from "./pairs/models.mjs";
import { table } from "./pairs/plan.mjs";
import { stack } from "./stack.mjs";

async function made(path, body) {
  const answer = await fetch(`${stack.base}/v1/${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${stack.admin_key}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  assert.equal(answer.status, 201, `${path}: ${await answer.clone().text()}`);
  return answer.json();
}

/** A key of a project that keeps content. */
async function keepingKey() {
  const name = `clients-${crypto.randomUUID()}`;
  const project = await made("projects", { instance_id: "inst_dev", name, retain_content: true });
  return (await made("api-keys", { project_id: project.id, scopes: ["text"] })).secret;
}

const made_models = await models(table.vendors);
const apiKey = await keepingKey();

const tools = {
  clock: tool({
    description: "Tells the time.",
    inputSchema: jsonSchema({ type: "object", properties: { input: { type: "string" } }, required: ["input"] }),
  }),
};

const ways = {
  plain: async (asked) => {
    const { text, toolCalls, responseMessages } = await generateText(asked);
    return { text, toolCalls, responseMessages };
  },
  stream: async (asked) => {
    const result = streamText({ ...asked, onError: () => {} });
    for await (const part of result.fullStream) if (part.type === "error") throw part.error;
    const [text, toolCalls, responseMessages] = await Promise.all([result.text, result.toolCalls, result.responseMessages]);
    return { text, toolCalls, responseMessages };
  },
};

for (const vendor of table.vendors.filter((vendor) => vendor.built)) {
  for (const [kind, model] of Object.entries(made_models[vendor.id])) {
    for (const [way, ask] of Object.entries(ways)) {
      test(`turns by ${vendor.id}, ${kind}, ${way}`, async () => {
        const sent = [];
        const noting = (url, init) => {
          sent.push(JSON.parse(init.body));
          return fetch(url, init);
        };
        const provider = createOpenAI({ apiKey, baseURL: `${stack.base}/v1`, fetch: noting });
        const takesTools = vendor.id !== "mapped";
        const settings = { model: provider(model), maxRetries: 0, ...(takesTools ? { tools } : {}) };
        const [one, two, three] = [1, 2, 3].map((turn) => `turn ${turn} ${crypto.randomUUID()}`);

        const messages = [{ role: "user", content: one }];
        const first = await ask({ ...settings, messages });
        assert.equal(first.text, `You said: ${one}`);
        messages.push(...first.responseMessages, { role: "user", content: takesTools ? `call:clock ${two}` : two });

        const second = await ask({ ...settings, messages });
        if (takesTools) {
          assert.deepEqual(second.toolCalls.map((call) => call.toolName), ["clock"]);
          const results = second.toolCalls.map(({ toolCallId, toolName }) => ({
            type: "tool-result",
            toolCallId,
            toolName,
            output: { type: "text", value: `Noon ${three}` },
          }));
          messages.push(...second.responseMessages, { role: "tool", content: results });
        } else {
          assert.equal(second.text, `You said: ${two}`);
          messages.push(...second.responseMessages, { role: "user", content: `Noon ${three}` });
        }
        const third = await ask({ ...settings, messages });
        assert.equal(third.text, `You said: Noon ${three}`);

        // It is of no use if the SDK sends what was said.
        const named = (body) => body.input.filter((item) => item.type === "item_reference").length;
        assert.ok(named(sent[1]) > 0 && named(sent[2]) >= named(sent[1]), JSON.stringify(sent));
        const records = await fetch(`${stack.simulator}/control/requests?contains=${encodeURIComponent(three)}`);
        const received = (await records.json()).filter((record) => record.method === "POST");
        assert.equal(received.length, 1);
        const body = JSON.stringify(received[0].body);
        assert.ok(body.includes(`You said: ${one}`) && !body.includes("item_reference"), body);
      });
    }
  }
}
