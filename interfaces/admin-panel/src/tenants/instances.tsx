import { api, isAdministrator, isOperator, person, type Schema, take } from "@de/api";
import { Button, FilterSelect, FilterText, Page, useOrganizations, useQuery } from "@de/ui";
import { useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { instanceColumns } from "./columns.tsx";
import { Filters } from "./filters.tsx";
import { FoundTable } from "./found-table.tsx";
import { NewInstance } from "./instance-form.tsx";
import { has, useList } from "./list.ts";
import "./tenants.css";

type Instance = Schema<"Instance">;

/** All instances that one may see. */
export default function Instances() {
  const [query] = useQuery();
  const { route } = useLocation();
  const [making, setMaking] = useState(false);
  const organizations = useOrganizations();
  const { cursor, environment, organization_id, q, status } = query;
  const list = useList<Instance>(
    (page, signal) => {
      const filters = {
        ...(environment && { environment: environment as "development" | "production" }),
        ...(organization_id && { organization_id }),
        ...(status && { status: status as "active" | "suspended" }),
      };
      return take(api.GET("/v1/instances", { params: { query: { ...page, ...filters } }, signal }));
    },
    { cursor, inputs: [environment, organization_id, status], whole: Boolean(q) },
  );
  const make = isAdministrator.value && (
    <Button kind="primary" onClick={() => setMaking(true)}>
      New instance
    </Button>
  );
  return (
    <Page
      title="Instances"
      lead="Each has its own provider keys, defaults and limits. Keys and projects live in one."
      actions={make}
    >
      <Filters>
        <FilterText label="Search" name="q" type="search" placeholder="Name or id" />
        {isOperator.value && (
          <FilterSelect
            label="Organization"
            name="organization_id"
            options={organizations.data?.map(({ id, name }) => [id, name] as const) ?? []}
          />
        )}
        <FilterSelect label="Environment" name="environment" options={["production", "development"]} />
        <FilterSelect label="Status" name="status" options={["active", "suspended"]} />
      </Filters>
      <FoundTable
        caption="Instances"
        columns={instanceColumns(organizations.data ?? [])}
        empty={<Nothing />}
        list={list}
        matches={(row) => has(q, row.name, row.id)}
      />
      {making && (
        <NewInstance
          organization={isOperator.value ? undefined : person.value?.organization_id}
          onClose={() => setMaking(false)}
          onMade={({ id }) => route(`/instances/${id}`)}
        />
      )}
    </Page>
  );
}

function Nothing() {
  return (
    <>
      <h2>No instance yet</h2>
      <p>
        {isAdministrator.value
          ? "Create one: provider keys, projects and limits belong to it."
          : "Whoever administers your organization can give you a grant on one."}
      </p>
    </>
  );
}
