// Holds what SDKs saw, and what vendors were sent, to the table.
import { isDeepStrictEqual } from "node:util";
import { MARK, filled, isRelayed, limitOf, relayOf, table } from "./plan.mjs";

const find = (list, id) => list.find((item) => item.id === id);

/** What is wrong with each cell: `[{cell, problems, verdict}]`. */
export function judge(cells, results, records) {
  const byMark = marked(cells, records);
  const found = new Map(results.map((result) => [result.id, result]));
  return cells.map((cell) => {
    const client = find(table.clients, cell.client);
    const vendor = find(table.vendors, cell.vendor);
    const scenario = find(table.scenarios, cell.scenario);
    const context = {
      cell,
      client,
      vendor,
      scenario,
      limit: limitOf(scenario, client, vendor, cell.mode),
      relay: relayOf(scenario, client, vendor),
    };
    const result = found.get(cell.id);
    const problems = result
      ? cell.attempts.flatMap((attempt, index) => {
          const told = judgeAttempt(context, attempt, result.attempts[index], byMark.get(attempt.mark) ?? []);
          return told.map((problem) => (index === 0 ? problem : `asked to leave out: ${problem}`));
        })
      : ["was not run"];
    return { cell, problems };
  });
}

/** The requests that vendors received, by the mark of the attempt that they came from. */
export function marked(cells, records) {
  const known = new Set(cells.flatMap((cell) => cell.attempts.map((attempt) => attempt.mark)));
  const byMark = new Map();
  for (const record of records) {
    const mark = MARK.exec(JSON.stringify(record.body))?.[0];
    if (known.has(mark)) byMark.set(mark, [...(byMark.get(mark) ?? []), record]);
  }
  return byMark;
}

function judgeAttempt({ cell, client, vendor, scenario, limit, relay }, attempt, done, records) {
  const [first] = done.seen;
  if (attempt.kind === "refused") {
    const problems = refusal(first.error, limit);
    if (!first.error) problems.push(`expected a 400, saw ${show(first)}`);
    if (records.length > 0) problems.push("the vendor was asked all the same");
    return problems;
  }
  const expected = [scenario, ...attempt.steps].map((step) => filled(step.expect, attempt.mark));
  const differs = filled({ ...relay?.expect, ...limit?.then }, attempt.mark);
  expected[expected.length - 1] = { ...(differs.error ? {} : expected.at(-1)), ...differs };
  if (attempt.steps.length > 0 && limit?.first) expected[0] = { ...expected[0], ...filled(limit.first, attempt.mark) };
  const problems = expected.flatMap((expect, index) => {
    const seen = done.seen[index];
    return seen ? check(seen, expect) : [];
  });
  if (done.seen.length < expected.length && problems.length === 0) {
    problems.push("the conversation ended early");
  }
  const told = done.seen.flatMap((seen) => seen.dropped ?? []);
  const fields = limit?.fields ?? [];
  for (const field of fields.filter((field) => !told.includes(field))) {
    problems.push(`x-de-dropped does not name ${field}: ${show(told)}`);
  }
  for (const field of new Set(told.filter((field) => !fields.includes(field)))) {
    problems.push(`x-de-dropped names ${field}`);
  }
  return [...problems, ...judgeUpstream({ cell, client, vendor, scenario, limit, relay }, attempt, done, records)];
}

function refusal(error, limit) {
  if (!error) return [];
  const problems = [];
  if (error.status !== 400) problems.push(`expected a 400, saw ${show(error)}`);
  if (!error.is_of_class) problems.push(`the SDK does not call it a bad request: ${show(error)}`);
  for (const field of limit.fields) {
    if (!error.text.includes(field)) problems.push(`the refusal does not name ${field}: ${error.text}`);
  }
  return problems;
}

/** What differs between what an SDK saw and what it should have. */
function check(seen, expect) {
  if (expect.left) return seen.left ? [] : [`the SDK did not leave: ${show(seen)}`];
  if (expect.error) {
    const { error } = seen;
    if (!error) return [`expected a failure, saw ${show(seen)}`];
    const problems = error.is_of_class ? [] : [`no error of the SDK's fitting class: ${show(error)}`];
    if (expect.error.status !== undefined && error.status !== expect.error.status) {
      problems.push(`expected the status ${expect.error.status}: ${show(error)}`);
    }
    if (expect.error.retry_after && !(Number(error.retry_after) > 0)) problems.push("no Retry-After");
    return problems;
  }
  // A helper that wants JSON and gets prose fails by itself, after an answer that was none of a vendor's failures.
  if (seen.error && expect.unparsed && seen.error.status === null) return [];
  if (seen.error) return [`failed: ${seen.error.text}`];
  if (seen.left) return ["the SDK left"];
  const problems = [];
  const differ = (name, found, wanted) => {
    if (!isDeepStrictEqual(found, wanted)) problems.push(`${name}: expected ${show(wanted)}, saw ${show(found)}`);
  };
  for (const [name, wanted] of Object.entries(expect)) {
    if (wanted === null || name === "unparsed") continue;
    switch (name) {
      case "ends":
        if (!seen.text.endsWith(wanted)) problems.push(`text: expected it to end with ${show(wanted)}, saw ${show(seen.text)}`);
        break;
      case "json":
        differ("json", parsed(seen.text), wanted);
        break;
      case "usage": {
        const counted = seen.usage?.input > 0 && seen.usage?.output > 0;
        if (counted !== wanted) problems.push(`usage: saw ${show(seen.usage)}`);
        break;
      }
      default:
        differ(name, seen[name], wanted);
    }
  }
  // Whoever declines may do so in one piece.
  const streams = seen.deltas !== undefined && seen.finish !== "refused" && !expect.unparsed;
  if (streams && seen.text.split(" ").length > 2 && seen.deltas < 2) {
    problems.push(`the text came in ${seen.deltas} piece`);
  }
  return problems;
}

/** What differs between what the vendor received and what it should have. */
function judgeUpstream({ cell, client, vendor, scenario, limit, relay }, attempt, done, records) {
  const record = records.at(-1);
  if (!record) return ["the vendor was not asked"];
  const problems = [];
  const wanted = filled(
    { ...(limit?.upstream === undefined ? scenario.upstream?.[vendor.id] : limit.upstream), ...relay?.upstream },
    attempt.mark,
  );
  // What an SDK writes in its own way is held to what it wrote, below.
  if (!isRelayed(client, vendor) || client.adapter !== "ai") {
    problems.push(...missing(record.body, wanted, ""));
  }
  const has = limit?.upstream === null ? undefined : filled(scenario.upstream_has, attempt.mark);
  if (has && !JSON.stringify(record.body).includes(has)) problems.push(`the vendor was not sent ${has.slice(0, 60)}`);
  if (limit?.lacks && JSON.stringify(record.body).includes(limit.lacks)) {
    problems.push(`the vendor was sent ${limit.lacks}`);
  }
  if (isRelayed(client, vendor) && done.sent) {
    const [received, sent] = [words(record.body, vendor), words(done.sent, vendor)];
    if (!isDeepStrictEqual(received, sent)) problems.push(`relayed ${show(received)} for ${show(sent)}`);
  }
  if (scenario.hung_up_within_ms) {
    const left = record.client_hung_up && record.hung_up_after_ms <= scenario.hung_up_within_ms;
    if (!left) problems.push(`the vendor's work went on: ${record.client_hung_up}, ${record.hung_up_after_ms} ms`);
  }
  return problems.map((problem) => `${problem} (${cell.vendor} got ${show(record.body)})`);
}

/**
 * A body without what the gateway sets in one that it relays: the model, counts in streams, the name of the limit of
 * tokens, for which OpenAI's chat has two and each model takes one; and, as OpenAI shall keep no response, `store`
 * and that thoughts come along.
 */
function words({ model: _model, stream_options: _options, ...rest }, vendor) {
  const { max_tokens, max_completion_tokens, ...others } = rest;
  if (vendor.id === "openai-responses") {
    const { store: _store, include, ...kept } = others;
    return { ...kept, include: (include ?? []).filter((word) => word !== "reasoning.encrypted_content") };
  }
  return { ...others, bound: max_tokens ?? max_completion_tokens };
}

/** What of `wanted` is not in `found`. Lists have their length. */
function missing(found, wanted, at) {
  if (wanted === null || typeof wanted !== "object") {
    return isDeepStrictEqual(found, wanted) ? [] : [`upstream ${at}: expected ${show(wanted)}, got ${show(found)}`];
  }
  if (found === null || typeof found !== "object") return [`upstream ${at}: expected ${show(wanted)}, got ${show(found)}`];
  if (Array.isArray(wanted) && wanted.length !== found.length) {
    return [`upstream ${at}: expected ${wanted.length} items, got ${show(found)}`];
  }
  return Object.entries(wanted).flatMap(([name, member]) => missing(found[name], member, `${at}/${name}`));
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function show(value) {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 600 ? `${text.slice(0, 600)}…` : text;
}
