// The table as a list of cells: who asks, whom, what, how, and with which words.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";

const here = new URL("../", import.meta.url);
const read = (path) => JSON.parse(readFileSync(new URL(path, here), "utf8"));

const files = readdirSync(new URL("table/scenarios/", here)).sort();

/** The rows, the columns, and what cannot be carried. */
export const table = {
  clients: read("table/clients.json"),
  limits: read("table/limits.json"),
  protocols: read("table/protocols.json"),
  scenarios: files.flatMap((file) => read(`table/scenarios/${file}`)),
  vendors: read("table/vendors.json"),
};

const SCHEMA = { type: "object", properties: { input: { type: "string" } }, required: ["input"] };
const ANSWER = {
  type: "object",
  properties: { said: { type: "string" } },
  required: ["said"],
  additionalProperties: false,
};

/** What stands for a value that is too long, or another each time. */
const WORDS = {
  // One grey pixel.
  png: "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==",
  pdf: Buffer.from("%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n").toString("base64"),
};

/** Puts the words in place of `{mark}`, `{png}`, `{schema}` and their like. */
export function filled(value, mark) {
  if (value === "{schema}") return SCHEMA;
  if (value === "{answer}") return ANSWER;
  if (typeof value === "string") {
    return value.replaceAll("{mark}", mark).replaceAll("{png}", WORDS.png).replaceAll("{pdf}", WORDS.pdf);
  }
  if (Array.isArray(value)) return value.map((item) => filled(item, mark));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, filled(member, mark)]));
}

/** Why a client cannot ask this at all, or the question in its words. */
function question(scenario, client) {
  if (scenario.without?.[client.id]) return undefined;
  return scenario.ask[client.id] ?? scenario.ask[client.adapter];
}

/** What of a scenario a pair cannot carry; the first row that fits. */
export function limitOf(scenario, client, vendor, mode) {
  const fits = (wanted, found) => wanted === undefined || [wanted].flat().includes(found);
  return table.limits.find(
    (limit) =>
      fits(limit.scenario, scenario.id) &&
      fits(limit.client, client.protocol) &&
      fits(limit.sdk, client.id) &&
      fits(limit.mode, mode) &&
      fits(limit.vendor, vendor.id),
  );
}

/** Whether this pair speaks one protocol, so that the caller's words are sent on as they are. */
export const isRelayed = (client, vendor) => client.protocol === vendor.id;

/** What is special about a scenario where it is relayed. */
export function relayOf(scenario, client, vendor) {
  if (!isRelayed(client, vendor)) return undefined;
  return scenario.relayed?.[client.protocol] ?? scenario.relayed?.["*"];
}

/**
 * The calls of a cell. A pair that carries the scenario is asked once; one that refuses it is asked as it is, and
 * with the wish to leave out what cannot be said.
 */
function attempts(limit) {
  switch (limit?.how) {
    case "refused":
      return [{ kind: "refused" }, { kind: "refused", headers: { "x-de-on-unsupported": "drop" } }];
    case "setting":
      return [{ kind: "refused" }, { kind: "carried", headers: { "x-de-on-unsupported": "drop" } }];
    case undefined:
    case "dropped":
    case "otherwise":
    case "unsaid":
      return [{ kind: "carried" }];
    default:
      throw new Error(`${limit.how} in limits.json is no way to be limited`);
  }
}

/** What the marks of this run begin with. */
export const run = `m${randomUUID().slice(0, 8)}`;

/** What the marks of this run look like. */
export const MARK = new RegExp(`${run}x\\d+x[0-9a-f]{4}`);

/** All cells that can run, with the models that `models[vendor][kind]` names. */
export function cells(models) {
  const made = [];
  const built = new Set(table.protocols.filter((protocol) => protocol.built).map((protocol) => protocol.id));
  for (const client of table.clients.filter((client) => built.has(client.protocol))) {
    for (const vendor of table.vendors.filter((vendor) => vendor.built)) {
      for (const scenario of table.scenarios) {
        const ask = question(scenario, client);
        if (!ask) continue;
        for (const mode of scenario.modes) {
          const limit = limitOf(scenario, client, vendor, mode);
          const calls = attempts(limit).map((attempt) => {
            const mark = `${run}x${made.length}x${randomUUID().slice(0, 4)}`;
            return { ...attempt, mark, body: filled(ask, mark), steps: filled(scenario.steps ?? [], mark) };
          });
          made.push({
            id: `${client.id}/${vendor.id}/${scenario.id}/${mode}`,
            client: client.id,
            adapter: client.adapter,
            language: client.language,
            vendor: vendor.id,
            scenario: scenario.id,
            mode,
            model: models[vendor.id][scenario.model ?? "plain"],
            leave: scenario.leave ?? false,
            retries: scenario.sdk_retries ?? 0,
            attempts: calls,
          });
        }
      }
    }
  }
  const names = made.map((cell) => cell.id);
  assert.equal(new Set(names).size, names.length, "each cell is there once");
  return made;
}
