import { api, isAdministrator, take } from "@de/api";
import { Badge, Button, confirm, Pager, Resource, Table, Time, toast, useQuery, useResource } from "@de/ui";
import { mayChange, ownerOf, type Row, type Saved, tagOf } from "../rows.ts";
import { Compared } from "./compared.tsx";

/** All versions of a model, two of them side by side, and the way back to one. */
export function Versions({ onChanged, row }: { onChanged: (row: Saved) => void; row: Row }) {
  const [query, change] = useQuery();
  const cursor = query.cursor;
  const list = useResource(
    (signal) => {
      const params = {
        path: { id: row.model_id },
        query: { ...ownerOf(row), limit: 20, ...(cursor && { cursor }) },
      };
      return take(api.GET("/v1/model-configs/{id}/versions", { params, signal }));
    },
    [row.model_id, row.version, cursor],
  );
  const to = Number(query.to ?? row.version);
  const from = Number(query.from ?? Math.max(1, to - 1));
  const rollBack = (version: number) =>
    confirm({
      action: `Roll back to version ${version}`,
      body: `Its content is saved once more, as version ${row.version + 1}, and holds from the next call on. It is checked against what is true now.`,
      title: `Roll back ${row.model_id}?`,
      work: async () => {
        const params = {
          header: { "If-Match": tagOf(row) },
          path: { id: row.model_id },
          query: ownerOf(row),
        };
        const next = (await take(
          api.POST("/v1/model-configs/{id}/rollback", { body: { version }, params }),
        )) as Saved;
        toast.done(`Version ${version} is back, as version ${next.version}`);
        change({ from: null, to: null });
        onChanged(next);
      },
    });
  return (
    <>
      <Resource of={list}>
        {({ data, next_cursor }) => (
          <Table
            caption="Versions"
            id={(one) => String(one.version)}
            rows={data}
            columns={[
              {
                cell: (one) => (
                  <span class="row">
                    {one.version} {one.is_current && <Badge tone="good">current</Badge>}
                  </span>
                ),
                head: "Version",
              },
              { cell: (one) => <Time at={one.created_at} />, head: "Saved" },
              {
                cell: (one) =>
                  one.created_by ? <code>{one.created_by}</code> : <span class="quiet">came with it</span>,
                head: "By",
              },
              {
                cell: (one) => (
                  <span class="row">
                    {one.version > 1 && (
                      <Button
                        size="small"
                        aria-pressed={from === one.version - 1 && to === one.version}
                        onClick={() => change({ from: String(one.version - 1), to: String(one.version) })}
                      >
                        What changed
                      </Button>
                    )}
                    {!one.is_current && (
                      <Button
                        size="small"
                        onClick={() => change({ from: String(one.version), to: String(row.version) })}
                      >
                        Against current
                      </Button>
                    )}
                    {!one.is_current && isAdministrator.value && mayChange(row) && (
                      <Button
                        size="small"
                        aria-label={`Roll back to ${one.version}`}
                        onClick={() => void rollBack(one.version)}
                      >
                        Roll back
                      </Button>
                    )}
                  </span>
                ),
                head: "Actions",
              },
            ]}
            foot={<Pager next={next_cursor} shown={data.length} />}
          />
        )}
      </Resource>
      {row.version > 1 && <Compared from={from} row={row} to={to} />}
    </>
  );
}
