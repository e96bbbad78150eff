import type { Schema } from "@de/api";
import { count, duration, every, money, percent, Resource, useResource } from "@de/ui";
import type { ComponentChildren } from "preact";
import { type Budgets, PERIOD_WORDS, rowsOf } from "../limits/scopes.ts";
import { Meter } from "../limits/use.tsx";
import { seriesOf, usageOf } from "../requests/books.ts";
import type { View } from "./overview.tsx";
import { Sparkline } from "./sparkline.tsx";

type Sum = Schema<"UsageRow">;

const DAY = 86_400_000;

/** The first moment of today, by the days of the books: those of UTC. */
export function today(): string {
  return new Date(Math.floor(Date.now() / DAY) * DAY).toISOString();
}

/** What narrows a question to what is shown. */
export function within({ instance }: View): Record<string, string> {
  return instance === null ? {} : { instance_id: instance };
}

interface Read {
  /** Null where they could not be read: that is no day without a budget. */
  budgets: readonly Budgets[] | null;
  hours: readonly Sum[];
  sum: Sum | undefined;
}

/** Requests, errors, spend and time, of today, each with its last hours. */
export function Figures({ view }: { view: View }) {
  const figures = useResource<Read>(
    async (signal) => {
      const since = new Date(Date.now() - DAY + 3_600_000).toISOString();
      const [sums, hours, rows] = await Promise.all([
        usageOf({ ...within(view), from: today() }, signal),
        seriesOf({ ...within(view), from: since, interval: "hour" }, signal),
        view.organization
          ? rowsOf({ organization_id: view.organization }, signal).then(
              ({ rows }) => rows,
              () => null,
            )
          : [],
      ]);
      return { budgets: rows?.flatMap(({ budgets }) => budgets ?? []) ?? null, hours, sum: sums[0] };
    },
    [view.instance, view.organization],
    every,
  );
  return (
    <Resource of={figures}>
      {({ budgets, hours, sum }) =>
        sum && (
          <section class="figures" aria-label="Today">
            <Figure
              title="Requests"
              value={count(sum.requests)}
              note={sum.cached > 0 ? `${count(sum.cached)} from the response cache` : "since midnight UTC"}
            >
              <Sparkline label="Requests by hour" tell={count} values={hours.map((hour) => hour.requests)} />
            </Figure>
            <Figure
              title="Errors"
              value={count(sum.errors)}
              note={
                sum.requests === 0 ? "no call today" : `${percent(sum.errors / sum.requests)} of the requests`
              }
            >
              <Sparkline
                label="Errors by hour"
                tell={count}
                tone="bad"
                values={hours.map((hour) => hour.errors)}
              />
            </Figure>
            <Figure
              title="Spend"
              value={money(sum.cost_micros)}
              note={<Spent budgets={budgets} sum={sum} view={view} />}
            >
              <Sparkline label="Spend by hour" tell={money} values={hours.map((hour) => hour.cost_micros)} />
            </Figure>
            <Figure
              title="Time, p95"
              value={sum.p95_ms === null || sum.p95_ms === undefined ? "–" : duration(sum.p95_ms)}
              note={
                sum.p50_ms === null || sum.p50_ms === undefined
                  ? "no call today"
                  : `half took at most ${duration(sum.p50_ms)}`
              }
            >
              <Sparkline
                label="Time of 95 of 100 by hour"
                tell={duration}
                values={hours.map((hour) => hour.p95_ms ?? null)}
              />
            </Figure>
          </section>
        )
      }
    </Resource>
  );
}

function Figure(props: {
  children: ComponentChildren;
  note: ComponentChildren;
  title: string;
  value: string;
}) {
  return (
    <section class="card figure-card" aria-label={props.title}>
      <h2>{props.title}</h2>
      <div class="figure-value">{props.value}</div>
      {props.children}
      <div class="quiet small">{props.note}</div>
    </section>
  );
}

/** The spend against the budget that bounds what is shown: of the instance, or else of its organization. */
function Spent({ budgets, sum, view }: { budgets: Read["budgets"]; sum: Sum; view: View }) {
  const own = budgets?.find(({ scope, scope_id }) => scope === "instance" && scope_id === view.instance);
  const above = budgets?.find(({ scope }) => scope === "organization");
  const holder = [own, above].find((one) => one && one.budgets.length > 0);
  const budget = holder?.budgets.find(({ period }) => period === "day") ?? holder?.budgets[0];
  const unpriced =
    sum.unpriced > 0 ? ` ${count(sum.unpriced)} calls have no price, so it is more than that.` : "";
  if (!holder || !budget) {
    const href = view.instance ? `/limits?instance_id=${view.instance}` : "/limits";
    return (
      <>
        <a href={href}>{budgets === null ? "Its budgets" : "No budget bounds it"}</a>
        {budgets === null && " could not be read"}.{unpriced}
      </>
    );
  }
  const { amount_micros, period, usage } = budget;
  const amount = `${money(amount_micros)} ${PERIOD_WORDS[period]}`;
  const edit = `/limits?edit=${holder.scope}&edit_id=${holder.scope_id}&tab=budgets`;
  if (!usage) {
    return (
      <>
        <a href={edit}>A budget of {amount}</a> holds for the {holder.scope}; what is used of it is not known.
        {unpriced}
      </>
    );
  }
  return (
    <>
      <Meter label={`Budget of the ${holder.scope}`} of={amount_micros} used={usage.used_micros} />
      <a href={edit}>
        {money(usage.used_micros)} of {amount}
      </a>{" "}
      for the {holder.scope}.{unpriced}
    </>
  );
}
