const HOUR = 3_600_000;

/** Spans of time that end now, by their word in the address. */
export const RANGES: readonly (readonly [string, string])[] = [
  ["1h", "Last hour"],
  ["24h", "Last 24 hours"],
  ["7d", "Last 7 days"],
  ["30d", "Last 30 days"],
];

const HOURS: Record<string, number> = { "1h": 1, "24h": 24, "30d": 720, "7d": 168 };

/** From when and until when, as the API wants it: the address has a span, or its own two ends (UTC), or neither. */
export function spanOf(query: Record<string, string>): { from?: string; to?: string } {
  const hours = HOURS[query.range ?? ""];
  if (hours !== undefined) return { from: new Date(Date.now() - hours * HOUR).toISOString() };
  const [from, to] = [moment(query.from), moment(query.to)];
  return { ...(from && { from }), ...(to && { to }) };
}

function moment(text: string | undefined): string | null {
  if (!text) return null;
  const date = new Date(/Z|[+-]\d\d:\d\d$/.test(text) ? text : `${text}Z`);
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}
