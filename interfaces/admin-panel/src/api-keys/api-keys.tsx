import { api, type Schema, take } from "@de/api";
import { Button, FilterSelect, FilterText, Page, useInstances, useQuery } from "@de/ui";
import { useState } from "preact/hooks";
import { Filters } from "../tenants/filters.tsx";
import { FoundTable } from "../tenants/found-table.tsx";
import { useList } from "../tenants/list.ts";
import { keyColumns } from "./columns.tsx";
import { filterOf, STATES } from "./key-state.tsx";
import { NewKey } from "./new-key.tsx";
import { useOwners } from "./owners.ts";
import "../tenants/tenants.css";
import "./api-keys.css";

type Key = Schema<"ApiKeyShown">;

/** All keys that one may see. */
export default function ApiKeys() {
  const [query] = useQuery();
  const [making, setMaking] = useState(false);
  const owners = useOwners();
  const instances = useInstances();
  const { cursor, instance_id, project_id, q, status, user_id } = query;
  const whose = {
    ...(instance_id && { instance_id }),
    ...(project_id && { project_id }),
    ...(user_id && { user_id }),
  };
  const inputs = [instance_id, project_id, q, status, user_id];
  const list = useList<Key>(
    (page, signal) => {
      const asked = { ...page, ...whose, ...(q && { q }), ...filterOf(status, Date.now()) };
      return take(api.GET("/v1/api-keys", { params: { query: asked }, signal }));
    },
    { cursor, inputs, whole: false },
  );
  return (
    <Page
      title="API keys"
      lead="Programs call by a project's key, scripts of people by their own."
      actions={
        <Button kind="primary" onClick={() => setMaking(true)}>
          New API key
        </Button>
      }
    >
      <Filters>
        <FilterText label="Search" name="q" type="search" placeholder="Name, id or last four" />
        <FilterSelect label="Instance" name="instance_id" options={named(instances.data ?? [])} />
        <FilterSelect label="Project" name="project_id" options={named(owners.projects)} />
        <FilterSelect label="User" name="user_id" options={named(owners.users)} />
        <FilterSelect label="Status" name="status" options={STATES} />
      </Filters>
      <FoundTable
        caption="API keys"
        columns={keyColumns(owners)}
        empty={<h2>No API key yet</h2>}
        list={list}
        matches={() => true}
      />
      {making && (
        <NewKey
          suggested={{ ...(project_id && { project_id }), ...(user_id && { user_id }) }}
          onClose={() => {
            setMaking(false);
            void list.reload();
          }}
        />
      )}
    </Page>
  );
}

function named(owners: readonly { id: string; name: string }[]) {
  return owners.map(({ id, name }) => [id, name] as const);
}
