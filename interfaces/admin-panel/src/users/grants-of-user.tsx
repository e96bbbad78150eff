import { api, type Schema, take } from "@de/api";
import { Button, Resource, Table, Tag, Time, useInstances } from "@de/ui";
import { useState } from "preact/hooks";
import { nameOf } from "../tenants/columns.tsx";
import { useList } from "../tenants/list.ts";
import { Below } from "../tenants/parts.tsx";
import { useMay } from "../tenants/standing.ts";
import { GrantDialog, takeGrant } from "./grant-dialog.tsx";

type Grant = Schema<"UserGrant">;

/** What somebody may do on which instances. */
export function GrantsOfUser({ user }: { user: Schema<"User"> }) {
  const path = { id: user.id };
  const named = [user.id, user.email] as const;
  const may = useMay();
  const instances = useInstances();
  const [open, setOpen] = useState<Grant | "new" | null>(null);
  const list = useList<Grant>(
    (query, signal) => take(api.GET("/v1/users/{id}/grants", { params: { path, query }, signal })),
    { cursor: undefined, inputs: [user.id], whole: true },
  );
  const done = () => {
    setOpen(null);
    void list.reload();
  };
  const given = instances.data?.filter(({ id, organization_id }) =>
    may("grant.give", { instance: id, organization: organization_id }),
  );
  const left =
    given?.filter(({ id }) => !list.data?.rows.some(({ instance_id }) => instance_id === id)) ?? [];
  const why = user.role === "user" ? "" : ` As ${user.role} they need none in what they administer.`;
  return (
    <Below
      title="Grants"
      actions={left.length > 0 && <Button onClick={() => setOpen("new")}>Give a grant</Button>}
    >
      <Resource
        of={list}
        isEmpty={({ rows }) => rows.length === 0}
        empty={<p>No grant on any instance.{why}</p>}
      >
        {({ rows }) => (
          <Table
            caption="Grants"
            id={({ instance_id }) => instance_id}
            rows={rows}
            columns={[
              {
                cell: ({ instance_id: id }) => <a href={`/instances/${id}`}>{nameOf(instances.data, id)}</a>,
                head: "Instance",
              },
              { cell: ({ role }) => <Tag>{role}</Tag>, head: "Grant" },
              { cell: ({ created_at }) => <Time at={created_at} />, head: "Given" },
              { cell: buttons, head: "Actions" },
            ]}
          />
        )}
      </Resource>
      {open === "new" && (
        <GrantDialog
          user={named}
          choice={{ label: "Instance", of: left.map(({ id, name }) => [id, name] as const) }}
          onClose={() => setOpen(null)}
          onGiven={done}
        />
      )}
      {open !== null && open !== "new" && (
        <GrantDialog
          user={named}
          instance={[open.instance_id, nameOf(instances.data, open.instance_id)]}
          role={open.role}
          onClose={() => setOpen(null)}
          onGiven={done}
        />
      )}
    </Below>
  );

  function buttons(row: Grant) {
    if (!given?.some(({ id }) => id === row.instance_id)) return null;
    const name = nameOf(instances.data, row.instance_id);
    return (
      <span class="row">
        <Button size="small" aria-label={`Change the grant on ${name}`} onClick={() => setOpen(row)}>
          Change
        </Button>
        <Button
          size="small"
          kind="danger"
          aria-label={`Remove the grant on ${name}`}
          onClick={() => takeGrant({ instance: [row.instance_id, name], onTaken: done, user: named })}
        >
          Remove
        </Button>
      </span>
    );
  }
}
