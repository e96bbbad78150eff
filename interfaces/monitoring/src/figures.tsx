import { count, duration, money, percent } from "@de/ui";
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import type { Snapshot } from "./snapshot.ts";
import { tokensOf } from "./sums.ts";

/** What all calls of the time came to. */
export function Figures({ snapshot }: { snapshot: Snapshot | undefined }) {
  const sums = snapshot?.totals;
  const ms = (value: number | null | undefined) => (value == null ? "–" : duration(value));
  const calls = (number: number, what: string) =>
    `${count(number)} ${number === 1 ? "call" : "calls"} ${what}`;
  return (
    <div class="figures">
      <Figure name="Requests" note={sums && sums.cached > 0 ? `${count(sums.cached)} from the cache` : ""}>
        {sums && count(sums.requests)}
      </Figure>
      <Figure name="Errors" note={sums && sums.requests > 0 ? percent(sums.errors / sums.requests) : ""}>
        {sums && count(sums.errors)}
      </Figure>
      <Figure name="Latency p95" note={sums ? `p50 ${ms(sums.p50_ms)}, p99 ${ms(sums.p99_ms)}` : ""}>
        {sums && ms(sums.p95_ms)}
      </Figure>
      <Figure
        name="First byte p95"
        note={sums ? `p50 ${ms(sums.first_byte_p50_ms)}, p99 ${ms(sums.first_byte_p99_ms)}` : ""}
      >
        {sums && ms(sums.first_byte_p95_ms)}
      </Figure>
      <Figure name="Tokens" note={sums && sums.estimated > 0 ? calls(sums.estimated, "estimated") : ""}>
        {sums && count(tokensOf(sums))}
      </Figure>
      <Figure name="Spend" note={sums && sums.unpriced > 0 ? calls(sums.unpriced, "without a price") : ""}>
        {sums && money(sums.cost_micros)}
      </Figure>
    </div>
  );
}

function Figure(props: { children: ComponentChildren; name: string; note: string }) {
  const { children, name, note } = props;
  const id = useId();
  return (
    <article class="figure" aria-labelledby={id}>
      <h2 id={id}>{name}</h2>
      <div class="figure-value">{children ?? <span class="quiet">…</span>}</div>
      <div class="quiet small figure-note">{note}</div>
    </article>
  );
}
