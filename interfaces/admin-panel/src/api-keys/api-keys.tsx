import { api, type Schema, take } from "@de/api";
import { Button, FilterSelect, FilterText, Page, useQuery } from "@de/ui";
import { useState } from "preact/hooks";
import { Filters } from "../tenants/filters.tsx";
import { FoundTable } from "../tenants/found-table.tsx";
import { has, useList } from "../tenants/list.ts";
import { keyColumns } from "./columns.tsx";
import { STATES, stateOfKey } from "./key-state.tsx";
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
  const { cursor, project_id, q, status, user_id } = query;
  // The API filters by whose a key is; how it stands and what it is called are looked at here.
  const list = useList<Key>(
    (page, signal) => {
      const filters = { ...(project_id && { project_id }), ...(user_id && { user_id }) };
      return take(api.GET("/v1/api-keys", { params: { query: { ...page, ...filters } }, signal }));
    },
    { cursor, inputs: [project_id, user_id], whole: Boolean(q || status) },
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
        <FilterSelect label="Project" name="project_id" options={named(owners.projects)} />
        <FilterSelect label="User" name="user_id" options={named(owners.users)} />
        <FilterSelect label="Status" name="status" options={STATES} />
      </Filters>
      <FoundTable
        caption="API keys"
        columns={keyColumns(owners)}
        empty={<h2>No API key yet</h2>}
        list={list}
        matches={(key) => (!status || stateOfKey(key) === status) && has(q, key.name, key.id, key.last_four)}
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
