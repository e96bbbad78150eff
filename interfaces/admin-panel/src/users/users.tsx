import { api, isAdministrator, isOperator, type Schema, take } from "@de/api";
import { Button, FilterSelect, FilterText, Page, useOrganizations, useQuery } from "@de/ui";
import { useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { Filters } from "../tenants/filters.tsx";
import { FoundTable } from "../tenants/found-table.tsx";
import { has, useList } from "../tenants/list.ts";
import { userColumns } from "./columns.tsx";
import { Invite } from "./invite.tsx";
import "../tenants/tenants.css";

type User = Schema<"User">;
type Role = "admin" | "superadmin" | "user";

/** All people that one may see. */
export default function Users() {
  const [query] = useQuery();
  const { route } = useLocation();
  const [inviting, setInviting] = useState(false);
  const organizations = useOrganizations();
  const { cursor, organization_id, q, role, status } = query;
  const list = useList<User>(
    (page, signal) => {
      const filters = {
        ...(organization_id && { organization_id }),
        ...(role && { role: role as Role }),
        ...(status && { status: status as "active" | "suspended" }),
      };
      return take(api.GET("/v1/users", { params: { query: { ...page, ...filters } }, signal }));
    },
    { cursor, inputs: [organization_id, role, status], whole: Boolean(q) },
  );
  return (
    <Page
      title="Users"
      lead="People who log in, what they are, and what they may do on each instance."
      actions={
        isAdministrator.value && (
          <Button kind="primary" onClick={() => setInviting(true)}>
            Invite somebody
          </Button>
        )
      }
    >
      <Filters>
        <FilterText label="Search" name="q" type="search" placeholder="E-mail, name or id" />
        {isOperator.value && (
          <FilterSelect
            label="Organization"
            name="organization_id"
            options={organizations.data?.map(({ id, name }) => [id, name] as const) ?? []}
          />
        )}
        <FilterSelect label="Role" name="role" options={["user", "admin", "superadmin"]} />
        <FilterSelect label="Status" name="status" options={["active", "suspended"]} />
      </Filters>
      <FoundTable
        caption="Users"
        columns={userColumns(organizations.data ?? [])}
        empty={<h2>Nobody yet</h2>}
        list={list}
        matches={(row) => has(q, row.email, row.name, row.id)}
      />
      {inviting && (
        <Invite
          organization={organization_id}
          onClose={() => setInviting(false)}
          onMade={({ id }) => route(`/users/${id}`)}
        />
      )}
    </Page>
  );
}
