import type { Span } from "@de/ui";

const MINUTE = 60_000;
const QUARTER = 15 * MINUTE;
const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** Times that end now, as the address names them. */
export const RANGES = [
  ["15m", "15 min", 15 * MINUTE],
  ["1h", "1 h", HOUR],
  ["3h", "3 h", 3 * HOUR],
  ["12h", "12 h", 12 * HOUR],
  ["24h", "24 h", DAY],
  ["7d", "7 d", 7 * DAY],
  ["30d", "30 d", 30 * DAY],
] as const;

/** The range of an address that names none. */
export const USUAL = "1h";

/** Up to so long, calls are read one by one. */
const LONGEST_BY_CALL = 3 * HOUR;
/** Up to so long, the API sums by less than an hour: from the first to the last quarter of an hour. */
const LONGEST_BY_MINUTES = DAY;
/** Receipts are kept at least so long. */
const KEPT = 3 * DAY;
const LONGEST_BY_HOUR = 3 * DAY;
/** What the API tells at most. */
export const LONGEST = 366 * DAY;

const STEPS = [1, 2, 5, 10, 30, 60, 120, 300, 600].map((seconds) => seconds * 1_000);

/** Where numbers come from: each call for itself, or the API's sums of minutes, hours or days. */
export type Source = "calls" | "days" | "hours" | "minutes";

/** The API's words for the steps that it sums by. */
export const INTERVALS = new Map([
  [MINUTE, "minute"],
  [5 * MINUTE, "five_minutes"],
  [QUARTER, "quarter_hour"],
  [HOUR, "hour"],
  [DAY, "day"],
] as const);

/** A stretch of time that is looked at. */
export interface Window extends Span {
  /** It stays as it is, and does not go on with the clock. */
  fixed: boolean;
  source: Source;
  /** The time of one bar, in milliseconds. */
  step: number;
}

/** What of the address says which time is looked at. */
export interface Asked {
  from?: string | undefined;
  range?: string | undefined;
  to?: string | undefined;
}

/** The time that is asked for, at this moment. */
export function windowOf(asked: Asked, now: number): Window {
  const [start, end] = [Date.parse(asked.from ?? ""), Date.parse(asked.to ?? "")];
  if (start < end) {
    const source = sourceOf({ end, start }, now);
    return { end, fixed: true, source, start, step: stepOf(end - start, source) };
  }
  const [, , length] = RANGES.find(([name]) => name === asked.range) ?? RANGES[1];
  const { end: quarter } = widened({ end: now, start: now }, QUARTER);
  const source = sourceOf({ end: quarter, start: quarter - length }, now);
  const step = stepOf(length, source);
  // The step that runs is the last one.
  const until = (Math.floor(now / step) + 1) * step;
  return { end: until, fixed: false, source, start: until - length, step };
}

function sourceOf({ end, start }: Span, now: number): Source {
  const quarters = widened({ end, start }, QUARTER);
  if (quarters.start >= now - KEPT) {
    if (end - start <= LONGEST_BY_CALL) return "calls";
    if (quarters.end - quarters.start <= LONGEST_BY_MINUTES) return "minutes";
  }
  return end - start <= LONGEST_BY_HOUR ? "hours" : "days";
}

/** The same time where there are too many calls to read them one by one. */
export function summedUp(window: Window): Window {
  return { ...window, source: "minutes", step: window.end - window.start <= HOUR ? MINUTE : 5 * MINUTE };
}

function stepOf(length: number, source: Source): number {
  if (source === "minutes") return QUARTER;
  if (source !== "calls") return source === "hours" ? HOUR : DAY;
  return STEPS.find((step) => length / step <= 40) ?? HOUR;
}

/** The whole steps that a time lies in. */
export function widened({ end, start }: Span, step: number): Span {
  return { end: Math.ceil(end / step) * step, start: Math.floor(start / step) * step };
}

/** The bars of a time: whole steps, but for what is cut off at its ends. */
export function spansOf({ end, start }: Span, step: number): Span[] {
  const spans: Span[] = [];
  for (let at = Math.floor(start / step) * step; at < end; at += step) {
    spans.push({ end: Math.min(at + step, end), start: Math.max(at, start) });
  }
  return spans;
}

/** Which of the spans of {@link spansOf} a moment lies in. */
export function spanOf({ start }: Span, step: number, moment: number): number {
  return Math.floor(moment / step) - Math.floor(start / step);
}
