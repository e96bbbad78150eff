import type { Span } from "@de/ui";

const MINUTE = 60_000;
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
/** Up to so long, the API sums by less than an hour. */
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
  [15 * MINUTE, "quarter_hour"],
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
    const source = sourceOf(end - start, start < now - KEPT);
    return { end, fixed: true, source, start, step: stepOf(end - start, source) };
  }
  const [, , length] = RANGES.find(([name]) => name === asked.range) ?? RANGES[1];
  const source = sourceOf(length, false);
  const step = stepOf(length, source);
  // The step that runs is the last one.
  const until = (Math.floor(now / step) + 1) * step;
  return { end: until, fixed: false, source, start: until - length, step };
}

function sourceOf(length: number, old: boolean): Source {
  if (length <= LONGEST_BY_CALL && !old) return "calls";
  if (length <= LONGEST_BY_MINUTES && !old) return "minutes";
  return length <= LONGEST_BY_HOUR ? "hours" : "days";
}

/** The same time where there are too many calls to read them one by one. */
export function summedUp(window: Window): Window {
  return { ...window, source: "minutes", step: window.end - window.start <= HOUR ? MINUTE : 5 * MINUTE };
}

function stepOf(length: number, source: Source): number {
  if (source === "minutes") return 15 * MINUTE;
  if (source !== "calls") return source === "hours" ? HOUR : DAY;
  return STEPS.find((step) => length / step <= 40) ?? HOUR;
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
