import { api, isOperator, type Schema, take } from "@de/api";
import { Button, Resource, Table, Tag, Time } from "@de/ui";
import { useState } from "preact/hooks";
import { useList } from "../tenants/list.ts";
import { Below } from "../tenants/parts.tsx";
import { GrantDialog, takeGrant } from "./grant-dialog.tsx";

type Grant = Schema<"UserGrant">;

/** Who may act for an instance, beside those who administer it. */
export function GrantsOfInstance(props: { canGive: boolean; instance: Schema<"Instance"> }) {
  const { canGive, instance } = props;
  const path = { id: instance.id };
  const named = [instance.id, instance.name] as const;
  const [open, setOpen] = useState<Grant | "new" | null>(null);
  const list = useList<Grant>(
    (query, signal) => take(api.GET("/v1/instances/{id}/grants", { params: { path, query }, signal })),
    { cursor: undefined, inputs: [instance.id], whole: true },
  );
  const done = () => {
    setOpen(null);
    void list.reload();
  };
  return (
    <Below title="Grants" actions={canGive && <Button onClick={() => setOpen("new")}>Give a grant</Button>}>
      <Resource
        of={list}
        isEmpty={({ rows }) => rows.length === 0}
        empty={<p>Nobody has a grant. Administrators of the organization need none.</p>}
      >
        {({ rows }) => (
          <Table
            caption="Grants"
            id={({ user_id }) => user_id}
            rows={rows}
            columns={[
              { cell: ({ email, user_id }) => <a href={`/users/${user_id}`}>{email}</a>, head: "Who" },
              { cell: ({ role }) => <Tag>{role}</Tag>, head: "Grant" },
              { cell: ({ created_at }) => <Time at={created_at} />, head: "Given" },
              ...(canGive ? [{ cell: (row: Grant) => buttons(row), head: "Actions" }] : []),
            ]}
          />
        )}
      </Resource>
      {open === "new" && <NewGrant instance={instance} onClose={() => setOpen(null)} onGiven={done} />}
      {open !== null && open !== "new" && (
        <GrantDialog
          instance={named}
          user={[open.user_id, open.email]}
          role={open.role}
          onClose={() => setOpen(null)}
          onGiven={done}
        />
      )}
    </Below>
  );

  function buttons(row: Grant) {
    const user = [row.user_id, row.email] as const;
    return (
      <span class="row">
        <Button size="small" aria-label={`Change the grant of ${row.email}`} onClick={() => setOpen(row)}>
          Change
        </Button>
        <Button
          size="small"
          kind="danger"
          aria-label={`Remove the grant of ${row.email}`}
          onClick={() => takeGrant({ instance: named, onTaken: done, user })}
        >
          Remove
        </Button>
      </span>
    );
  }
}

function NewGrant(props: { instance: Schema<"Instance">; onClose: () => void; onGiven: () => void }) {
  const { instance, onClose, onGiven } = props;
  const { id } = instance;
  // Who operates the service also gives grants to people of elsewhere.
  const of = isOperator.value ? {} : { instance_id: id };
  const people = useList<Schema<"User">>(
    (query, signal) => take(api.GET("/v1/users", { params: { query: { ...query, ...of } }, signal })),
    { cursor: undefined, inputs: [id], whole: true },
  );
  return (
    <GrantDialog
      instance={[id, instance.name]}
      choice={{ label: "Who", of: people.data?.rows.map(({ email, id }) => [id, email] as const) ?? [] }}
      onClose={onClose}
      onGiven={onGiven}
    />
  );
}
