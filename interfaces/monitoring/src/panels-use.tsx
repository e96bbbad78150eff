import { count, duration, money } from "@de/ui";
import type { Series } from "@de/ui/chart";
import type { Address } from "./address.ts";
import { OverTime } from "./over-time.tsx";
import { chooser, peak } from "./panels-calls.tsx";
import type { Snapshot } from "./snapshot.ts";
import { type Sums, tokensOf } from "./sums.ts";

interface Props {
  address: Address;
  snapshot: Snapshot | undefined;
}

/** How long calls took, to the last byte or to the first. */
export function Times({ address, of, snapshot }: Props & { of: "first" | "whole" }) {
  const percentiles =
    of === "whole"
      ? ([
          ["p50", "p50_ms", 1],
          ["p95", "p95_ms", 2],
          ["p99", "p99_ms", 3],
        ] as const)
      : ([
          ["p50", "first_byte_p50_ms", 1],
          ["p95", "first_byte_p95_ms", 2],
          ["p99", "first_byte_p99_ms", 3],
        ] as const);
  const totals = snapshot?.totals;
  const told = (ms: number | null | undefined) => (ms == null ? "–" : duration(ms));
  const series: Series[] = percentiles.map(([name, member, look]) => ({
    look,
    name,
    total: told(totals?.[member]),
    values: snapshot?.sums.map((sums) => sums?.[member] ?? null) ?? [],
  }));
  const title = of === "whole" ? "Latency" : "Time to first byte";
  return (
    <OverTime
      address={address}
      empty={of === "whole" ? "No calls in this time." : "No call answered in this time."}
      exact={duration}
      format={duration}
      gist={percentiles.map(([name, member]) => `${name} ${told(totals?.[member])}`).join(", ")}
      kind="lines"
      name={of === "whole" ? "latency" : "first-byte"}
      note={snapshot && snapshot.source !== "calls" ? "within a factor of √2" : undefined}
      series={series}
      snapshot={snapshot}
      title={title}
      unit=", ms"
    />
  );
}

/** Classes of tokens as they are shown: none counts a token of another. */
const CLASSES: readonly (readonly [string, number, (sums: Sums) => number])[] = [
  ["input", 2, (sums) => sums.input_tokens],
  ["cached input", 5, (sums) => sums.cached_input_tokens],
  [
    "cache writes",
    6,
    (sums) => sums.cache_write_tokens + sums.cache_write_1h_tokens + sums.cache_write_12h_tokens,
  ],
  ["output", 1, (sums) => sums.output_tokens - sums.reasoning_tokens],
  ["reasoning", 4, (sums) => sums.reasoning_tokens],
  [
    "images and sound",
    3,
    (sums) =>
      sums.image_input_tokens +
      sums.cached_image_input_tokens +
      sums.image_output_tokens +
      sums.audio_input_tokens +
      sums.audio_output_tokens,
  ],
];

/** Tokens over time, by class. */
export function Tokens({ address, snapshot }: Props) {
  const totals = snapshot?.totals;
  const series = CLASSES.flatMap(([name, look, of]): Series[] => {
    const total = totals ? of(totals) : 0;
    if (total === 0) return [];
    const values = snapshot?.sums.map((sums) => (sums === null ? null : of(sums))) ?? [];
    return [{ look, name, total: count(total), values }];
  });
  const all = snapshot?.sums.map((sums) => (sums === null ? null : tokensOf(sums))) ?? [];
  return (
    <OverTime
      address={address}
      empty="No tokens in this time."
      exact={count}
      format={short}
      gist={`${count(totals ? tokensOf(totals) : 0)} in all${peak(snapshot, all, count)}`}
      kind="bars"
      name="tokens"
      series={series}
      snapshot={snapshot}
      title="Tokens"
      unit=""
      whole
    />
  );
}

/** How many providers have a place of their own in charts. */
const PLACES = 5;
const LOOKS = [1, 2, 3, 4, 6];

/** Spend over time, by provider. */
export function Spend({ address, snapshot }: Props) {
  const byCost = (snapshot?.providers ?? [])
    .filter(({ cost_micros }) => cost_micros > 0)
    .toSorted((a, b) => b.cost_micros - a.cost_micros || String(a.name).localeCompare(String(b.name)));
  const rest = byCost.slice(PLACES);
  const others = new Set(rest.map(({ name }) => name));
  const values = (is: (provider: string | null) => boolean) => {
    const costs = snapshot?.sums.map((sums) => (sums === null ? null : 0) as number | null) ?? [];
    for (const { cost, provider, span } of snapshot?.spendings ?? []) {
      const before = costs[span];
      if (before != null && is(provider)) costs[span] = before + cost;
    }
    return costs;
  };
  const series: Series[] = byCost.slice(0, PLACES).map(({ cost_micros, name }, at) => ({
    choose: name === null ? undefined : chooser(address, "provider", name),
    look: LOOKS[at] ?? 5,
    name: name ?? "no provider",
    total: money(cost_micros),
    values: values((provider) => provider === name),
  }));
  if (rest.length > 0) {
    const total = rest.reduce((sum, { cost_micros }) => sum + cost_micros, 0);
    series.push({ look: 5, name: "others", total: money(total), values: values((name) => others.has(name)) });
  }
  const all = snapshot?.sums.map((sums) => sums?.cost_micros ?? null) ?? [];
  return (
    <OverTime
      address={address}
      empty="Nothing was spent in this time."
      exact={money}
      format={money}
      gist={`${money(snapshot?.totals.cost_micros ?? 0)} in all${peak(snapshot, all, money)}`}
      kind="bars"
      name="spend"
      series={series}
      snapshot={snapshot}
      title="Spend"
      unit=", micro-dollars"
    />
  );
}

const compact = new Intl.NumberFormat("en", { maximumFractionDigits: 1, notation: "compact" });

/** A number where there is little room: `1.2K`. */
function short(value: number): string {
  return compact.format(value);
}
