import { count, duration, every, Resource, Table, Time, useResource } from "@de/ui";
import { callsOf, usageOf } from "../requests/books.ts";
import { Cost } from "../requests/cost.tsx";
import { today, within } from "./figures.tsx";
import type { View } from "./overview.tsx";

const SHOWN = 6;

/** The models that are called most today. */
export function ModelsToday({ view }: { view: View }) {
  const list = useResource(
    (signal) => usageOf({ ...within(view), from: today(), group_by: "model" }, signal),
    [view.instance],
    every,
  );
  return (
    <section class="card" aria-label="Models of today">
      <h2>Models today</h2>
      <Resource
        of={list}
        isEmpty={(rows) => rows.length === 0}
        empty={
          <p>
            No call today. <a href="/setup?step=5">Send one</a>
          </p>
        }
      >
        {(rows) => (
          <Table
            caption="Models today"
            id={({ model_id }) => model_id ?? ""}
            rows={rows.toSorted((a, b) => b.requests - a.requests).slice(0, SHOWN)}
            columns={[
              {
                cell: ({ model_id }) =>
                  model_id ? (
                    <a href={`/requests?range=24h&model_id=${encodeURIComponent(model_id)}`}>{model_id}</a>
                  ) : (
                    <span class="quiet">reached none</span>
                  ),
                head: "Model",
              },
              { cell: ({ requests }) => count(requests), head: "Requests", isNumber: true },
              { cell: ({ errors }) => count(errors), head: "Errors", isNumber: true },
              { cell: ({ cost_micros }) => <Cost micros={cost_micros} />, head: "Spend", isNumber: true },
              {
                cell: ({ p95_ms }) => (p95_ms ? <span class="nowrap">{duration(p95_ms)}</span> : "–"),
                head: "p95",
                isNumber: true,
              },
            ]}
          />
        )}
      </Resource>
    </section>
  );
}

/** The last calls that failed. */
export function LastFailures({ view }: { view: View }) {
  const list = useResource(
    async (signal) => (await callsOf({ ...within(view), limit: SHOWN, status: "failed" }, signal)).data,
    [view.instance],
    every,
  );
  const narrow = view.instance ? `&instance_id=${view.instance}` : "";
  return (
    <section class="card" aria-label="The last failures">
      <div class="card-head">
        <h2>The last failures</h2>
        <a href={`/requests?status=failed${narrow}`}>All</a>
      </div>
      <Resource of={list} isEmpty={(rows) => rows.length === 0} empty={<p>No call has failed.</p>}>
        {(rows) => (
          <Table
            caption="Calls that failed"
            id={({ id }) => id}
            rows={rows}
            columns={[
              {
                cell: ({ admitted_at, id }) => (
                  <a href={`/requests/${id}`}>
                    <Time at={admitted_at} />
                  </a>
                ),
                head: "Time",
              },
              { cell: ({ error_code }) => <span class="small">{error_code}</span>, head: "Error" },
              {
                cell: ({ model_id, requested_model_id }) => model_id ?? requested_model_id ?? "–",
                head: "Model",
              },
            ]}
          />
        )}
      </Resource>
    </section>
  );
}
