import { api, isApiError, readAll, type Schema, take } from "@de/api";
import { count } from "@de/ui";
import { usageOf } from "../requests/books.ts";
import { within } from "./figures.tsx";
import type { Finding } from "./findings.ts";
import type { View } from "./overview.tsx";

const DAY = 86_400_000;
/** Of how many instances the vendors' health is asked for: those with the most failures. */
const INSTANCES = 16;
const WEBHOOKS = 20;
const MOST_PAGES_OF_KEYS = 3;
const MOST_PAGES_OF_MODELS = 10;
const EXPIRES_WITHIN = 14 * DAY;
const ENDS_WITHIN = 60 * DAY;

const ago = (ms: number) => new Date(Date.now() - ms).toISOString();
const days = (ms: number) => {
  const whole = Math.ceil(ms / DAY);
  return whole <= 1 ? "within a day" : `in ${whole} days`;
};

/** Workers that are not ready. One that is not deployed is somebody's choice. */
export async function services(_: View, signal: AbortSignal): Promise<Finding[]> {
  const { data } = await take(api.GET("/v1/services", { signal }));
  return data
    .filter(({ status }) => status === "not_ready" || status === "unreachable")
    .map(({ name, parts, status }) => {
      const failed = Object.entries(parts).flatMap(([part, { ok }]) => (ok ? [] : [part]));
      return {
        action: "Services",
        detail: failed.length > 0 ? `What fails: ${failed.join(", ")}.` : "It did not answer.",
        href: "/services",
        id: `service/${name}`,
        title: `${name} is ${status.replace("_", " ")}`,
        tone: "bad" as const,
      };
    });
}

/** Vendors that fail or half fail, and models that nobody may call now. */
export async function vendors(view: View, signal: AbortSignal): Promise<Finding[]> {
  const instances = view.instance === null ? await calledLately(view, signal) : [view.instance];
  const all = await Promise.all(
    instances.slice(0, INSTANCES).map((instance_id) => {
      const answer = api.GET("/v1/provider-health", { params: { query: { instance_id } }, signal });
      // One that was deleted has calls in the books still.
      return take(answer).catch((thrown) => {
        if (isApiError(thrown) && thrown.status === 404) return { data: [] };
        throw thrown;
      });
    }),
  );
  return all.flatMap(({ data }) => data.flatMap(ofHealth));
}

/** The instances that had calls in the last hour; those with the most failures first. */
async function calledLately(view: View, signal: AbortSignal): Promise<string[]> {
  const query = { ...within(view), from: ago(DAY / 24), group_by: "instance" };
  const used = await usageOf(query, signal);
  return used
    .sort((a, b) => b.errors - a.errors || b.requests - a.requests)
    .flatMap(({ instance_id }) => instance_id ?? []);
}

function ofHealth(health: Schema<"ProviderHealth">): Finding[] {
  const { attempts, circuits, failures, instance_id, last_error, provider_id, status } = health;
  const href = `/providers/${encodeURIComponent(provider_id)}?instance_id=${instance_id}`;
  const isKey = last_error?.error_code === "PROVIDER_AUTH" || last_error?.error_code === "MISSING_API_KEY";
  const findings: Finding[] = [];
  if (status === "failing" || status === "degraded") {
    findings.push({
      action: isKey ? "Its key" : "Its health",
      detail: `${count(failures)} of ${count(attempts)} tries failed in the last 15 minutes${last_error ? `, the last with ${last_error.error_code}` : ""}.`,
      href: isKey ? `/provider-keys?instance_id=${instance_id}` : href,
      id: `vendor/${instance_id}/${provider_id}`,
      title: `${provider_id} is ${status}`,
      tone: status === "failing" ? "bad" : "warn",
    });
  }
  for (const circuit of circuits ?? []) {
    findings.push({
      action: "The model",
      detail: `Its circuit is open since ${circuit.since.slice(11, 19)} UTC, by ${circuit.class} of ${provider_id}.`,
      href: `/models/${encodeURIComponent(circuit.model_id)}`,
      id: `circuit/${instance_id}/${circuit.model_id}`,
      title: `${circuit.model_id} is not called for a while`,
      tone: "bad",
    });
  }
  return findings;
}

/** Vendors' keys that are refused, or that go nowhere since their provider moved. */
export async function providerKeys(view: View, signal: AbortSignal): Promise<Finding[]> {
  if (view.instance === null) return [];
  const query = { instance_id: view.instance, limit: 200 };
  const { data } = await take(api.GET("/v1/provider-keys", { params: { query }, signal }));
  return data
    .filter(({ last_test, usable }) => !usable || last_test?.ok === false)
    .map(({ instance_id, last_test, provider_id, usable }) => ({
      action: "Provider keys",
      detail: usable
        ? `Its last test: ${last_test?.message ?? "refused"}`
        : "Its provider lives at another host now: save the key again.",
      href: `/provider-keys?instance_id=${instance_id}`,
      id: `provider-key/${provider_id}`,
      title: `The key for ${provider_id} ${usable ? "was refused" : "is not used"}`,
      tone: "warn" as const,
    }));
}

/** Models that are used and will end, have ended, or have no price. */
export async function models(view: View, signal: AbortSignal): Promise<Finding[]> {
  const [{ rows }, used] = await Promise.all([
    readAll(
      (query) => take(api.GET("/v1/model-configs", { params: { query }, signal })),
      MOST_PAGES_OF_MODELS,
    ),
    usageOf({ ...within(view), from: ago(7 * DAY), group_by: "model" }, signal),
  ]);
  const findings: Finding[] = [];
  for (const { model_id, requests } of used) {
    const row = rows.find((one) => one.model_id === model_id) as Schema<"SavedModelConfig"> | undefined;
    const end = row?.deprecation_date ? Date.parse(row.deprecation_date) : null;
    const endsSoon = end !== null && end - Date.now() < ENDS_WITHIN;
    if (!row || !(row.status === "deprecated" || endsSoon)) continue;
    const calls = `${count(requests)} ${requests === 1 ? "call" : "calls"} in the last 7 days.`;
    const verb = end !== null && end < Date.now() ? "ended" : "ends";
    findings.push({
      action: "The model",
      detail: end === null ? calls : `${calls} Its vendor ${verb} it on ${row.deprecation_date}.`,
      href: `/models/${encodeURIComponent(row.model_id)}`,
      id: `deprecated/${row.model_id}`,
      title: `${row.model_id} is ${row.status === "deprecated" ? "deprecated" : "ending"}, and used`,
      tone: "warn",
    });
  }
  return [...findings, ...withoutPrice(used)];
}

/** Models of which something was used that has no price: one finding, however many they are. */
function withoutPrice(used: readonly Schema<"UsageRow">[]): Finding[] {
  const names = used.flatMap(({ model_id, unpriced }) => (unpriced > 0 && model_id ? [model_id] : []));
  if (names.length === 0) return [];
  const calls = used.reduce((sum, { unpriced }) => sum + unpriced, 0);
  const [first = ""] = names;
  const isOne = names.length === 1;
  return [
    {
      action: isOne ? "The model" : "Models",
      detail: `${count(calls)} ${calls === 1 ? "call" : "calls"} in the last 7 days, whose cost is in no sum: ${names.slice(0, 5).join(", ")}${names.length > 5 ? ", …" : ""}.`,
      href: isOne ? `/models/${encodeURIComponent(first)}` : "/models",
      id: "unpriced",
      title: `${isOne ? first : `${names.length} models`} ${isOne ? "has" : "have"} no price for what is used`,
      tone: "warn",
    },
  ];
}

/** Keys of programs and persons that end soon. */
export async function apiKeys(view: View, signal: AbortSignal): Promise<Finding[]> {
  const findings: Finding[] = [];
  const ending = { expires_before: ago(-EXPIRES_WITHIN), status: "active" as const };
  const { rows } = await readAll(
    (query) => take(api.GET("/v1/api-keys", { params: { query: { ...query, ...ending } }, signal })),
    MOST_PAGES_OF_KEYS,
  );
  for (const { expires_at, id, instance_id, last_four, name } of rows) {
    const isShown = view.instance === null || instance_id === null || instance_id === view.instance;
    if (!isShown || expires_at === null) continue;
    const left = Date.parse(expires_at) - Date.now();
    findings.push({
      action: "The key",
      detail: "Rotate it with an overlap, or give it more time.",
      href: `/api-keys/${id}`,
      id: `key/${id}`,
      title: `Key ${name} …${last_four} expires ${days(left)}`,
      tone: "warn",
    });
  }
  return findings;
}

/** Webhooks of which messages were given up in the last day. */
export async function webhooks(view: View, signal: AbortSignal): Promise<Finding[]> {
  const query = { ...within(view), limit: WEBHOOKS, status: "active" as const };
  const { data } = await take(api.GET("/v1/webhooks", { params: { query }, signal }));
  const all = await Promise.all(
    data.map(async ({ id, url }) => {
      const params = { path: { id }, query: { limit: 50, state: "failed" as const } };
      const failed = await take(api.GET("/v1/webhooks/{id}/deliveries", { params, signal }));
      const young = failed.data.filter(({ created_at }) => Date.parse(created_at) > Date.now() - DAY);
      return { id, last: young[0], number: young.length, url };
    }),
  );
  return all
    .filter(({ number }) => number > 0)
    .map(({ id, last, number, url }) => ({
      action: "Its deliveries",
      detail: `${number === 50 ? "50 or more" : number} failed since yesterday${last?.last_error ? `; the last: ${last.last_error}` : ""}.`,
      href: `/webhooks/${id}?state=failed`,
      id: `webhook/${id}`,
      title: `Messages to ${new URL(url).host} do not arrive`,
      tone: "warn" as const,
    }));
}
