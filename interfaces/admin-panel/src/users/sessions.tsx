import { api, type Schema, take } from "@de/api";
import { Badge, Button, confirm, Resource, Table, Time, toast } from "@de/ui";
import { useState } from "preact/hooks";
import { useList } from "../tenants/list.ts";
import { Below } from "../tenants/parts.tsx";

type Session = Schema<"SessionShown">;

/** How many are shown at first, and ended at once. */
const SOME = 10;

/** The log-ins of somebody, each to be ended. */
export function Sessions({ user }: { user: Schema<"User"> }) {
  const list = useList<Session>(
    (query, signal) =>
      take(api.GET("/v1/sessions", { params: { query: { ...query, user_id: user.id } }, signal })),
    { cursor: undefined, inputs: [user.id], whole: true },
  );
  const [isWhole, setWhole] = useState(false);
  const rows = list.data?.rows ?? [];
  const shown = isWhole ? rows : rows.slice(0, SOME);
  // One's own, that this page runs by, is ended by logging out.
  const others = rows.filter(({ current }) => !current);
  const endAll = async () => {
    const done = await confirm({
      action: "End them",
      body: <p>Browsers that are logged in so have to log in again. Keys are not touched.</p>,
      title: `End ${others.length} log-in${others.length === 1 ? "" : "s"} of ${user.email}?`,
      work: async () => {
        for (let at = 0; at < others.length; at += SOME) {
          await Promise.all(others.slice(at, at + SOME).map(({ id }) => end(id)));
        }
      },
    });
    if (done) toast.done("They are ended");
    await list.reload();
  };
  const endOne = async (id: string) => {
    await end(id);
    toast.done("The log-in is ended");
    await list.reload();
  };
  return (
    <Below title="Log-ins" actions={others.length > 1 && <Button onClick={endAll}>End all others</Button>}>
      <Resource of={list} isEmpty={() => rows.length === 0} empty={<p>Not logged in anywhere.</p>}>
        {() => (
          <Table
            caption="Log-ins"
            id={({ id }) => id}
            rows={shown}
            columns={[
              {
                cell: ({ created_at, current }) => (
                  <span class="row">
                    <Time at={created_at} /> {current && <Badge tone="good">this one</Badge>}
                  </span>
                ),
                head: "Began",
              },
              { cell: ({ last_seen_at }) => <Time at={last_seen_at} />, head: "Last seen" },
              { cell: ({ expires_at }) => <Time at={expires_at} />, head: "Ends" },
              {
                cell: ({ current, id }) =>
                  current ? null : (
                    <Button size="small" aria-label={`End ${id}`} onClick={() => endOne(id)}>
                      End
                    </Button>
                  ),
                head: "Actions",
              },
            ]}
            foot={
              rows.length > shown.length && (
                <Button size="small" onClick={() => setWhole(true)}>
                  Show all {rows.length}
                </Button>
              )
            }
          />
        )}
      </Resource>
    </Below>
  );
}

/** Ends one; that it has ended by itself meanwhile is as good. */
async function end(id: string): Promise<void> {
  await take(api.DELETE("/v1/sessions/{id}", { params: { path: { id } } })).catch((thrown) => {
    if ((thrown as { status?: number }).status !== 404) throw thrown;
  });
}
