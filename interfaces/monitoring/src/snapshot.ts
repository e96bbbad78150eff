import { api, type Schema, take } from "@de/api";
import type { Span } from "@de/ui";
import { type Call, type Sums, sumsOf } from "./sums.ts";
import { INTERVALS, type Source, spanOf, spansOf, type Window, widened } from "./window.ts";

type Report = Schema<"UsageReport">;
type Row = Schema<"UsageRow">;

/** How many calls of one span ended in one way. */
export interface Ending {
  code: string | null;
  requests: number;
  /** Which of the spans. */
  span: number;
  status: string;
}

/** What one provider's calls of one span cost. */
export interface Spending {
  cost: number;
  provider: string | null;
  span: number;
}

/** Sums of what has one name; null for calls that reached none. */
export type Named = Sums & { name: string | null };

/** All that the page shows of a stretch of time. */
export interface Snapshot extends Span {
  endings: Ending[];
  models: Named[];
  providers: Named[];
  source: Source;
  spans: Span[];
  spendings: Spending[];
  /** By span; null where it has not come yet. */
  sums: (Sums | null)[];
  totals: Sums;
}

/** Sums calls that were read one by one. */
export function snapshotOfCalls(window: Window, calls: readonly Call[]): Snapshot {
  const spans = spansOf(window, window.step);
  const at = (call: Call) => spanOf(window, window.step, Date.parse(call.admitted_at));
  const bySpan = Map.groupBy(calls, at);
  const now = Date.now();
  const known = ({ start }: Span) => start <= now;
  const endings = Map.groupBy(calls, (call) => `${at(call)} ${call.status} ${call.error_code ?? ""}`);
  const spendings = Map.groupBy(calls, (call) => `${at(call)} ${call.provider_id ?? ""}`);
  return {
    end: window.end,
    endings: firsts(endings).map(([call, all]) => ({
      code: call.error_code ?? null,
      requests: all.reduce((sum, one) => sum + one.calls, 0),
      span: at(call),
      status: call.status,
    })),
    models: named(calls, (call) => call.model_id ?? null),
    providers: named(calls, (call) => call.provider_id ?? null),
    source: window.source,
    spans,
    spendings: firsts(spendings).map(([call, all]) => ({
      cost: sumsOf(all).cost_micros,
      provider: call.provider_id ?? null,
      span: at(call),
    })),
    start: window.start,
    sums: spans.map((span, which) => (known(span) ? sumsOf(bySpan.get(which) ?? []) : null)),
    totals: sumsOf(calls),
  };
}

function named(calls: readonly Call[], name: (call: Call) => string | null): Named[] {
  return [...Map.groupBy(calls, name)].map(([name, calls]) => ({ name, ...sumsOf(calls) }));
}

function firsts(groups: Map<string, Call[]>): [Call, Call[]][] {
  return [...groups.values()].flatMap((all) => (all[0] ? [[all[0], all]] : []));
}

/** Asks for the API's own sums. They are of whole minutes or hours, and the answer says which. */
export async function snapshotOfUsage(
  window: Window,
  parameters: Record<string, string>,
  signal: AbortSignal,
): Promise<Snapshot> {
  const interval = INTERVALS.get(window.step as never) ?? "hour";
  // By less than an hour each question has a grain of its own, and all have to be about the same time.
  const whole = window.source === "minutes" ? widened(window, window.step) : window;
  const asked = {
    ...parameters,
    ...(window.source === "minutes" && { precision: "minute" as const }),
    from: new Date(whole.start).toISOString(),
    to: new Date(whole.end).toISOString(),
  };
  const sums = async (group_by?: string) => {
    const query = group_by === undefined ? asked : { ...asked, group_by };
    return (await take(api.GET("/v1/usage", { params: { query }, signal }))) as Report;
  };
  const over = async () => {
    const query = { ...asked, interval };
    return (await take(api.GET("/v1/usage/timeseries", { params: { query }, signal }))) as Report;
  };
  const [totals, series, endings, spendings, models, providers] = await Promise.all([
    sums(),
    over(),
    sums(`${interval},status,error_code`),
    sums(`${interval},provider`),
    sums("model"),
    sums("provider"),
  ]);
  const [start, end] = [Date.parse(series.from), Date.parse(series.to)];
  const spans = spansOf({ end, start }, window.step);
  const at = (row: Row) => spanOf({ end, start }, window.step, Date.parse(row[interval] ?? ""));
  const rows = new Map(series.data.map((row) => [at(row), row]));
  const now = Date.now();
  return {
    end,
    endings: endings.data.map((row) => ({
      code: row.error_code ?? null,
      requests: row.requests,
      span: at(row),
      status: row.status ?? "",
    })),
    models: models.data.map((row) => ({ ...row, name: row.model_id ?? null })),
    providers: providers.data.map((row) => ({ ...row, name: row.provider_id ?? null })),
    source: window.source,
    spans,
    spendings: spendings.data.map((row) => ({
      cost: row.cost_micros,
      provider: row.provider_id ?? null,
      span: at(row),
    })),
    start,
    sums: spans.map((span, which) => (span.start <= now ? (rows.get(which) ?? null) : null)),
    totals: totals.data[0] ?? sumsOf([]),
  };
}
