import type { Schema } from "@de/api";

export type Call = Schema<"Request">;

/** What calls came to: the numbers of the API's own rows of usage. */
export type Sums = Omit<
  Schema<"UsageRow">,
  | "api_key_id"
  | "day"
  | "error_code"
  | "five_minutes"
  | "hour"
  | "instance_id"
  | "minute"
  | "modality"
  | "model_id"
  | "month"
  | "project_id"
  | "provider_id"
  | "quarter_hour"
  | "status"
>;

/** What is billed, by class, under the names that calls and sums share. */
const CLASSES = [
  "input_tokens",
  "cached_input_tokens",
  "cache_write_tokens",
  "cache_write_1h_tokens",
  "cache_write_12h_tokens",
  "output_tokens",
  "reasoning_tokens",
  "image_input_tokens",
  "cached_image_input_tokens",
  "image_output_tokens",
  "audio_input_tokens",
  "audio_output_tokens",
  "images",
  "characters",
  "media_ms",
] as const;

/** Whether the API counts it as an error: a caller who leaves is none. */
export function isError(status: string | null | undefined): boolean {
  return status === "failed" || status === "cut";
}

/** Sums calls as the API sums them; percentiles are exact here, by the nearest rank. */
export function sumsOf(calls: readonly Call[]): Sums {
  const classes = Object.fromEntries(
    CLASSES.map((name) => [name, calls.reduce((sum, call) => sum + call.usage[name], 0)]),
  ) as Record<(typeof CLASSES)[number], number>;
  const times = sorted(calls.flatMap((call) => each(call, call.latency_ms)));
  const firsts = sorted(calls.flatMap((call) => each(call, call.first_byte_ms ?? null)));
  return {
    ...classes,
    billed_requests: calls.reduce((sum, call) => sum + call.usage.requests, 0),
    cached: number(calls, (call) => call.cached),
    cost_micros: calls.reduce((sum, call) => sum + (call.cost_micros ?? 0), 0),
    errors: calls.reduce((sum, call) => sum + (isError(call.status) ? call.calls : 0), 0),
    estimated: number(calls, (call) => call.estimated),
    first_byte_p50_ms: percentile(firsts, 50),
    first_byte_p95_ms: percentile(firsts, 95),
    first_byte_p99_ms: percentile(firsts, 99),
    p50_ms: percentile(times, 50),
    p95_ms: percentile(times, 95),
    p99_ms: percentile(times, 99),
    requests: calls.reduce((sum, call) => sum + call.calls, 0),
    unpriced: number(calls, (call) => call.cost_micros == null),
  };
}

/** All tokens; reasoning is a part of the output, and not counted twice. */
export function tokensOf(sums: Sums): number {
  return CLASSES.filter((name) => name.endsWith("_tokens") && name !== "reasoning_tokens").reduce(
    (sum, name) => sum + sums[name],
    0,
  );
}

function number(calls: readonly Call[], is: (call: Call) => boolean): number {
  return calls.reduce((sum, call) => sum + (is(call) ? 1 : 0), 0);
}

/** Refused calls may share a row: the same for each of them. */
function each<T>(call: Call, value: T): T[] {
  return new Array<T>(call.calls).fill(value);
}

function sorted(values: readonly (number | null)[]): number[] {
  return values.filter((value) => value !== null).sort((a, b) => a - b);
}

function percentile(values: readonly number[], percent: number): number | null {
  return values[Math.ceil((values.length * percent) / 100) - 1] ?? null;
}
