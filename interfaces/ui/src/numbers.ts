const counts = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const short = new Intl.NumberFormat("en", { maximumFractionDigits: 1, notation: "compact" });

/** A whole number: `1,204`; large ones in short: `1.2M`. */
export function count(value: number): string {
  return Math.abs(value) >= 1_000_000 ? short.format(value) : counts.format(value);
}

/** Micro-dollars as dollars: with all digits where it is little, with cents where it is much. */
export function money(micros: number): string {
  const dollars = micros / 1_000_000;
  const digits = micros !== 0 && Math.abs(dollars) < 1 ? 6 : 2;
  const text = Math.abs(dollars).toLocaleString("en", {
    maximumFractionDigits: digits,
    minimumFractionDigits: 2,
  });
  return `${micros < 0 ? "−" : ""}$${text}`;
}

/** What a person typed as dollars, in whole micro-dollars; null where it is no amount. Without floating point. */
export function parseMoney(text: string): number | null {
  const match = /^\s*\$?\s*(\d{1,9})(?:\.(\d{0,6}))?\s*$/.exec(text.replaceAll(",", ""));
  if (!match) return null;
  return Number(match[1]) * 1_000_000 + Number((match[2] ?? "").padEnd(6, "0"));
}

/** Milliseconds: `840 ms`, `3.2 s`, `4 min 5 s`. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${counts.format(ms / 1_000)} s`;
  const seconds = Math.round(ms / 1_000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** A share of one: `12.5 %`. */
export function percent(share: number): string {
  return `${counts.format(share * 100)} %`;
}
