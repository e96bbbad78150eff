import { api, type Schema, take } from "@de/api";
import { count, money, Resource, Table, useProjects, useResource } from "@de/ui";
import { ownerOf, type Saved } from "./rows.ts";
import { monthAgo } from "./usage.ts";

/** Who uses a model: calls of 30 days by project and key, and what names it. */
export function UseTab({ row }: { row: Saved }) {
  const projects = useProjects();
  const nameOf = (id: string) => projects.data?.find((one) => one.id === id)?.name ?? id;
  const calls = useResource(
    async (signal) => {
      const query = { from: monthAgo(), group_by: "project,key", model_id: row.model_id };
      return (await take(api.GET("/v1/usage", { params: { query }, signal }))) as Schema<"UsageReport">;
    },
    [row.model_id],
  );
  const naming = useResource(
    async (signal) => {
      const params = { path: { id: row.model_id }, query: { ...ownerOf(row), dry_run: true } };
      return (await take(
        api.DELETE("/v1/model-configs/{id}", { params, signal }),
      )) as unknown as Schema<"WouldDeleteModel">;
    },
    [row.model_id, row.version],
  );
  return (
    <>
      <section class="form" aria-label="Calls">
        <h2>Calls, 30 days</h2>
        <Resource
          of={calls}
          isEmpty={({ data }) => data.length === 0}
          empty={
            <>
              <h3>Not called in 30 days</h3>
              <p>Calls are summed here by project and key as they come.</p>
            </>
          }
        >
          {({ data }) => (
            <Table
              caption="Calls by project and key"
              id={(one) => `${one.project_id} ${one.api_key_id}`}
              rows={data.toSorted((a, b) => b.requests - a.requests)}
              columns={[
                {
                  cell: (one) =>
                    one.project_id ? (
                      <a href={`/projects/${one.project_id}`}>{nameOf(one.project_id)}</a>
                    ) : (
                      <span class="quiet">a person</span>
                    ),
                  head: "Project",
                },
                {
                  cell: (one) =>
                    one.api_key_id ? (
                      <a href={`/api-keys/${one.api_key_id}`}>
                        <code>{one.api_key_id}</code>
                      </a>
                    ) : (
                      <span class="quiet">a session</span>
                    ),
                  head: "Key",
                },
                {
                  cell: (one) => count(one.requests),
                  head: "Calls",
                  isNumber: true,
                  sort: (one) => one.requests,
                },
                {
                  cell: (one) => count(one.errors),
                  head: "Failed",
                  isNumber: true,
                  sort: (one) => one.errors,
                },
                {
                  cell: (one) => money(one.cost_micros),
                  head: "Cost",
                  isNumber: true,
                  sort: (one) => one.cost_micros,
                },
              ]}
            />
          )}
        </Resource>
      </section>
      <section class="form" aria-label="Named by">
        <h2>Named by</h2>
        <Resource of={naming}>{(names) => <Naming names={names} />}</Resource>
      </section>
    </>
  );
}

/** What would name nothing without a model. */
export function Naming({ names }: { names: Schema<"WouldDeleteModel"> }) {
  const { api_keys, default_of, fallback_of } = names;
  if (api_keys === 0 && default_of.length === 0 && fallback_of.length === 0) {
    return (
      <p class="quiet">No model falls back to it, no instance has it as a default, no key is bound to it.</p>
    );
  }
  return (
    <ul class="naming">
      {fallback_of.map(({ id }) => (
        <li key={id}>
          Fallback of{" "}
          <a href={`/models/${encodeURIComponent(id)}`}>
            <code>{id}</code>
          </a>
        </li>
      ))}
      {default_of.map(({ id }) => (
        <li key={id}>
          Default of{" "}
          <a href={`/instances/${encodeURIComponent(id)}`}>
            <code>{id}</code>
          </a>
        </li>
      ))}
      {api_keys > 0 && (
        <li>
          {count(api_keys)} {api_keys === 1 ? "key" : "keys"} may call it and not all models
        </li>
      )}
    </ul>
  );
}
