import { api, type Schema, take } from "@de/api";
import { Resource, SelectField, useQuery, useResource } from "@de/ui";
import { configOf, written } from "../draft.ts";
import { ownerOf, type Row } from "../rows.ts";
import { Diff } from "./diff.tsx";

/** What is different between two versions, line by line. */
export function Compared({ from, row, to }: { from: number; row: Row; to: number }) {
  const [, change] = useQuery();
  const pair = useResource(
    (signal) => {
      const load = (version: number) =>
        take(
          api.GET("/v1/model-configs/{id}/versions/{version}", {
            params: { path: { id: row.model_id, version }, query: ownerOf(row) },
            signal,
          }),
        );
      return Promise.all([load(from), load(to)]);
    },
    [row.model_id, from, to],
  );
  const numbers = Array.from({ length: row.version }, (_, at) => String(row.version - at));
  return (
    <section class="form" aria-label="Difference">
      <div class="card-head">
        <h2>
          From version {from} to {to}
        </h2>
        <div class="row filters">
          <SelectField
            label="From"
            options={numbers}
            value={String(from)}
            onInput={(at) => change({ from: at })}
          />
          <SelectField label="To" options={numbers} value={String(to)} onInput={(at) => change({ to: at })} />
        </div>
      </div>
      <Resource of={pair}>
        {([before, after]) => (
          <Diff before={textOf(before)} after={textOf(after)} names={[`version ${from}`, `version ${to}`]} />
        )}
      </Resource>
    </section>
  );
}

function textOf(version: Schema<"ModelVersion">): string {
  return written(configOf(version.config));
}
