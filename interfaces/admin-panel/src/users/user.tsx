import { api, isAdministrator, person, type Schema, take } from "@de/api";
import { Badge, Button, Crumbs, Page, Resource, Tag, Time, useOrganizations, useResource } from "@de/ui";
import { useState } from "preact/hooks";
import { useLocation, useRoute } from "preact-iso";
import { KeysBelow } from "../api-keys/below.tsx";
import { nameOf } from "../tenants/columns.tsx";
import { Card, Changed, Facts, Id, None } from "../tenants/parts.tsx";
import { remove } from "../tenants/remove.tsx";
import { mayAdminister } from "../tenants/standing.ts";
import { stateOf } from "../tenants/state.ts";
import { StatusButton } from "../tenants/status-button.tsx";
import { GrantsOfUser } from "./grants-of-user.tsx";
import { Sessions } from "./sessions.tsx";
import { EditUser } from "./user-form.tsx";
import "../tenants/tenants.css";

const ROLES: Record<string, string> = {
  admin: "administers the organization",
  superadmin: "operates the service",
  user: "does what grants allow",
};

/** One person: what they are, what they may do where, how they get in. */
export default function User() {
  const id = useRoute().params.id ?? "";
  const organizations = useOrganizations();
  const [editing, setEditing] = useState(false);
  const one = useResource(
    (signal) => take(api.GET("/v1/users/{id}", { params: { path: { id } }, signal })),
    [id],
  );
  return (
    <Page
      title={one.data?.email ?? "User"}
      lead={one.data?.name}
      crumbs={<Crumbs of={[["/users", "Users"]]} />}
      actions={one.data && <Actions row={one.data} onEdit={() => setEditing(true)} reload={one.reload} />}
    >
      <Resource of={one}>
        {(row) => (
          <>
            <Card title="Who it is">
              <Facts
                of={[
                  ["Status", <Badge key="status">{row.status}</Badge>],
                  ["Id", <Id key="id">{row.id}</Id>],
                  ["Name", row.name ?? <None />],
                  [
                    "Role",
                    <span key="role">
                      <Tag>{row.role}</Tag> {ROLES[row.role]}
                    </span>,
                  ],
                  [
                    "Organization",
                    <a key="organization" href={`/organizations/${row.organization_id}`}>
                      {nameOf(organizations.data, row.organization_id)}
                    </a>,
                  ],
                  ["Invited", <Time key="created" at={row.created_at} />],
                  ["Changed", <Changed key="changed" row={row} seesAudit={isAdministrator.value} />],
                ]}
              />
            </Card>
            <GrantsOfUser user={row} />
            <KeysBelow of={{ user_id: id }} canMake={mayAdminister(row) || person.value?.id === id} />
            <Sessions user={row} />
            {editing && (
              <EditUser
                row={row}
                onClose={() => setEditing(false)}
                onSaved={() => {
                  setEditing(false);
                  void one.reload();
                }}
              />
            )}
          </>
        )}
      </Resource>
    </Page>
  );
}

interface ActionsProps {
  onEdit: () => void;
  reload: () => Promise<void>;
  row: Schema<"User">;
}

function Actions({ onEdit, reload, row }: ActionsProps) {
  const { route } = useLocation();
  if (!isAdministrator.value || !mayAdminister(row)) return null;
  const path = { id: row.id };
  const header = stateOf(row);
  const isSelf = person.value?.id === row.id;
  const setStatus = (status: "active" | "suspended") =>
    take(api.PATCH("/v1/users/{id}", { body: { status }, params: { header, path } })).finally(reload);
  const erase = async () => {
    const done = await remove({
      again: () => take(api.GET("/v1/users/{id}", { params: { path } })),
      kind: "user",
      name: row.email,
      note: "Their log-ins end. What they did stays in the audit.",
      row,
      send: (asked) => take(api.DELETE("/v1/users/{id}", { params: { ...asked, path } })),
    });
    if (!done) return reload();
    route("/users");
  };
  return (
    <>
      <Button onClick={onEdit}>Edit</Button>
      {!isSelf && (
        <>
          <StatusButton
            kind="user"
            name={row.email}
            send={setStatus}
            status={row.status}
            what="Their keys and log-ins are refused until they are active again."
          />
          <Button kind="danger" onClick={erase}>
            Delete
          </Button>
        </>
      )}
    </>
  );
}
