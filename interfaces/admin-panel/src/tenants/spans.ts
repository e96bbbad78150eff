const UNITS: readonly (readonly [number, string])[] = [
  [86_400, "day"],
  [3_600, "hour"],
  [60, "minute"],
  [1, "second"],
];

/** Seconds in words: `1 hour 30 minutes`. */
export function span(seconds: number): string {
  let rest = Math.round(seconds);
  const parts: string[] = [];
  for (const [size, name] of UNITS) {
    const many = Math.floor(rest / size);
    rest -= many * size;
    if (many > 0) parts.push(`${many} ${name}${many === 1 ? "" : "s"}`);
  }
  return parts.join(" ") || "0 seconds";
}
