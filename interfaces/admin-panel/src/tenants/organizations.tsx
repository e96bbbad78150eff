import { api, isOperator, type Schema, take } from "@de/api";
import { Badge, Button, type Column, FilterSelect, FilterText, Page, Time, useQuery } from "@de/ui";
import { useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { Filters } from "./filters.tsx";
import { FoundTable } from "./found-table.tsx";
import { has, useList } from "./list.ts";
import { NewOrganization } from "./organization-form.tsx";
import { Id, None } from "./parts.tsx";
import "./tenants.css";

type Organization = Schema<"Organization">;

const COLUMNS: readonly Column<Organization>[] = [
  { cell: ({ id, name }) => <a href={`/organizations/${id}`}>{name}</a>, head: "Name" },
  { cell: ({ status }) => <Badge>{status}</Badge>, head: "Status" },
  { cell: ({ billing_email }) => billing_email ?? <None />, head: "Billing e-mail" },
  { cell: ({ time_zone }) => <span class="nowrap">{time_zone}</span>, head: "Time zone" },
  { cell: ({ id }) => <Id>{id}</Id>, head: "Id" },
  { cell: ({ created_at }) => <Time at={created_at} />, head: "Created" },
];

/** All organizations that one may see. */
export default function Organizations() {
  const [query] = useQuery();
  const { route } = useLocation();
  const [making, setMaking] = useState(false);
  const { cursor, q } = query;
  const status = query.status as "active" | "suspended" | undefined;
  const list = useList<Organization>(
    (page, signal) => {
      const params = { query: { ...page, ...(status && { status }) } };
      return take(api.GET("/v1/organizations", { params, signal }));
    },
    { cursor, inputs: [status], whole: Boolean(q) },
  );
  return (
    <Page
      title="Organizations"
      lead="Who has instances, people and a bill of their own."
      actions={
        isOperator.value && (
          <Button kind="primary" onClick={() => setMaking(true)}>
            New organization
          </Button>
        )
      }
    >
      <Filters>
        <FilterText label="Search" name="q" type="search" placeholder="Name, e-mail or id" />
        <FilterSelect label="Status" name="status" options={["active", "suspended"]} />
      </Filters>
      <FoundTable
        caption="Organizations"
        columns={COLUMNS}
        empty={<h2>No organization yet</h2>}
        list={list}
        matches={(row) => has(q, row.name, row.billing_email, row.id)}
      />
      {making && (
        <NewOrganization
          onClose={() => setMaking(false)}
          onMade={({ id }) => route(`/organizations/${id}`)}
        />
      )}
    </Page>
  );
}
