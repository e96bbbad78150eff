/** A stretch of time, in milliseconds since 1970; the end does not belong to it. */
export interface Span {
  end: number;
  start: number;
}

/** A span as a person says it: a day of UTC, or from when to when in the person's own place. */
export function spanText({ end, start }: Span, utc: boolean): string {
  const zone = utc ? { timeZone: "UTC" } : {};
  const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", ...zone });
  if (utc) return `${day.format(start)} (UTC)`;
  const seconds = end - start < 60_000 || start % 60_000 !== 0 ? ({ second: "2-digit" } as const) : {};
  const time = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", ...seconds, ...zone });
  return `${day.format(start)}, ${time.format(start)}–${time.format(end)}`;
}
