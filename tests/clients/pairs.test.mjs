// Every pair of an official SDK and a vendor's protocol, over the table of scenarios; and, from what was seen,
// docs/compatibility.md.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { judge, marked } from "./pairs/judge.mjs";
import { models } from "./pairs/models.mjs";
import { page } from "./pairs/page.mjs";
import { cells, isRelayed, limitOf, run as prefix, relayOf, table } from "./pairs/plan.mjs";
import { ask, python } from "./pairs/python.mjs";
import { run } from "./pairs/run.mjs";
import { openai, stack } from "./stack.mjs";

const find = (list, id) => list.find((item) => item.id === id);
const only = process.env.DE_CLIENTS_ONLY;
const wanted = (cell) => (python || cell.language === "node") && (!only || new RegExp(only).test(cell.id));

const all = cells(await models(table.vendors)).filter(wanted);
const of = (language) => all.filter((cell) => cell.language === language);
const [byNode, byPython] = await Promise.all([
  run(of("node")),
  python ? ask("pairs.py", { base: stack.base, key: stack.client_key, cells: of("python") }) : [],
]);
const records = await settled();
const verdicts = judge(all, [...byNode, ...byPython], records);

/** What vendors received, once those whose client left have seen it. */
async function settled() {
  const leaving = all.filter((cell) => cell.leave).flatMap((cell) => cell.attempts.map((attempt) => attempt.mark));
  for (const deadline = Date.now() + 8_000; ; ) {
    const answer = await fetch(`${stack.simulator}/control/requests?contains=${prefix}`);
    const found = (await answer.json()).filter((record) => record.method === "POST");
    const open = marked(all, found.filter((record) => !record.finished && !record.client_hung_up));
    if (leaving.every((mark) => !open.has(mark)) || Date.now() > deadline) return found;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

for (const client of table.clients) {
  for (const vendor of table.vendors) {
    const here = verdicts.filter(({ cell }) => cell.client === client.id && cell.vendor === vendor.id);
    if (here.length === 0) {
      const why = client.language === "python" && !python ? "there is no Python with the SDKs" : "not built";
      if (!only) test(`${client.id} by ${vendor.id}`, { skip: why }, () => {});
      continue;
    }
    test(`${client.id} by ${vendor.id}: ${here.length} cells`, () => {
      const told = here.flatMap(({ cell, problems }) => problems.map((problem) => `${cell.id}: ${problem}`));
      assert.equal(told.length, 0, `\n${told.join("\n")}\n`);
    });
  }
}

test("what vendors are sent is what their published schemas allow", { skip: !python && "there is no Python with the schemas" }, async () => {
  const byMark = marked(all, records);
  const requests = all.flatMap((cell) => {
    const [client, vendor, scenario] = [find(table.clients, cell.client), find(table.vendors, cell.vendor), find(table.scenarios, cell.scenario)];
    // What a caller wrote against the protocol is the caller's, and goes on as it came.
    if (isRelayed(client, vendor) && relayOf(scenario, client, vendor)?.illegal) return [];
    // So it is with what a mapping passes on.
    if (limitOf(scenario, client, vendor, cell.mode)?.illegal) return [];
    return cell.attempts.flatMap(({ mark }) =>
      (byMark.get(mark) ?? []).map(({ path, body }) => ({ cell: cell.id, path, body })),
    );
  });
  const { faults, judged } = await ask("legal.py", requests);
  assert.ok(judged > 0 && judged >= requests.length * 0.9, `${judged} of ${requests.length} have a schema`);
  const told = faults.map(({ cell, path, pointer, problem }) => `${cell}: ${path} ${pointer || "/"}: ${problem}`);
  assert.equal(told.length, 0, `\n${told.join("\n")}\n`);
});

test("vectors are asked for as the published schemas allow", { skip: !python && "there is no Python with the schemas" }, async () => {
  const client = openai();
  const calls = { "text-embedding-3-small": [], "gemini-embedding-2": [] };
  for (const [model, marks] of Object.entries(calls)) {
    const own = model.startsWith("text-");
    const asks = [
      (mark) => ({ input: mark }),
      (mark) => ({ input: [mark, "b"], dimensions: 256, encoding_format: "float" }),
      (mark) => ({ input: [mark], encoding_format: "base64", user: "Ada" }),
      // Of token ids only the user's name can be the mark.
      ...(own ? [(mark) => ({ input: [1, 2], user: mark }), (mark) => ({ input: [[1, 2], [3]], user: mark })] : []),
    ];
    for (const ask of asks) {
      const mark = `${prefix}vectors${crypto.randomUUID().slice(0, 8)}`;
      await client.embeddings.create({ model, ...ask(mark) });
      marks.push(mark);
    }
  }
  const answer = await fetch(`${stack.simulator}/control/requests?contains=${prefix}vectors`);
  const sent = await answer.json();
  const requests = Object.entries(calls).flatMap(([model, marks]) =>
    marks.map((mark) => {
      const record = sent.find(({ body }) => JSON.stringify(body).includes(mark));
      assert.ok(record, `${model}: the vendor was not asked`);
      return { cell: model, path: record.path, body: record.body };
    }),
  );
  const { faults, judged } = await ask("legal.py", requests);
  assert.equal(judged, requests.length, "each has a schema");
  assert.deepEqual(faults, []);
});

test("the check of schemas can fail", { skip: !python && "there is no Python with the schemas" }, async () => {
  const messages = [{ role: "user", content: "Hello" }];
  const bodies = [
    ["/openai/v1/chat/completions", { model: "gpt-4o-mini", messages, top_k: 1 }],
    ["/openai/v1/responses", { model: "gpt-4o-mini", input: [{ role: "user", content: [{ type: "text", text: "Hello" }] }] }],
    ["/openai/v1/embeddings", { model: "text-embedding-3-small", input: "Hello", task_type: "query" }],
    ["/anthropic/v1/messages", { model: "claude-haiku-4-5", max_tokens: 1, messages: [{ ...messages[0], name: "Ada" }] }],
    ["/google/v1beta/models/gemini:generateContent", { contents: [{ parts: [{ text: "Hello" }] }], max_tokens: 1 }],
  ];
  const { faults } = await ask("legal.py", bodies.map(([path, body]) => ({ cell: path, path, body })));
  assert.deepEqual(faults.map(({ cell }) => cell), bodies.map(([path]) => path));
});

test("docs/compatibility.md says what was seen", { skip: only && "only some cells were run" }, () => {
  const failed = verdicts.filter(({ problems }) => problems.length > 0);
  assert.equal(failed.length, 0, "the page is written only of a table that holds");
  const file = new URL("../../docs/compatibility.md", import.meta.url);
  const text = page(version);
  if (process.env.DE_COMPATIBILITY === "write") return writeFileSync(file, text);
  assert.equal(readFileSync(file, "utf8"), text, "`cargo xtask test` writes it anew");
});

/** The locked version of a client's SDK. */
function version({ sdk, language }) {
  const beside = (path) => readFileSync(new URL(path, import.meta.url), "utf8");
  if (language === "node") return JSON.parse(beside("package.json")).devDependencies[sdk];
  return new RegExp(`^${sdk}==(\\S+)`, "m").exec(beside("python/requirements.in"))[1];
}
