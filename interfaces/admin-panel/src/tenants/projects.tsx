import { api, instance, type Schema, take } from "@de/api";
import { Button, FilterSelect, FilterText, Page, useInstances, useQuery } from "@de/ui";
import { useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { projectColumns } from "./columns.tsx";
import { Filters } from "./filters.tsx";
import { FoundTable } from "./found-table.tsx";
import { has, useList } from "./list.ts";
import { NewProject } from "./project-form.tsx";
import { useMay } from "./standing.ts";
import "./tenants.css";

type Project = Schema<"Project">;

/** All projects that one may see. */
export default function Projects() {
  const [query] = useQuery();
  const { route } = useLocation();
  const [making, setMaking] = useState(false);
  const instances = useInstances();
  const may = useMay();
  const { cursor, instance_id, q, status } = query;
  const list = useList<Project>(
    (page, signal) => {
      const filters = {
        ...(instance_id && { instance_id }),
        ...(status && { status: status as "active" | "suspended" }),
      };
      return take(api.GET("/v1/projects", { params: { query: { ...page, ...filters } }, signal }));
    },
    { cursor, inputs: [instance_id, status], whole: Boolean(q) },
  );
  const canMake = instances.data?.some(({ id, organization_id }) =>
    may("project.change", { instance: id, organization: organization_id }),
  );
  return (
    <Page
      title="Projects"
      lead="What programs belong to: each has API keys, limits and a share of the bill."
      actions={
        canMake && (
          <Button kind="primary" onClick={() => setMaking(true)}>
            New project
          </Button>
        )
      }
    >
      <Filters>
        <FilterText label="Search" name="q" type="search" placeholder="Name, description or id" />
        <FilterSelect
          label="Instance"
          name="instance_id"
          options={instances.data?.map(({ id, name }) => [id, name] as const) ?? []}
        />
        <FilterSelect label="Status" name="status" options={["active", "suspended"]} />
      </Filters>
      <FoundTable
        caption="Projects"
        columns={projectColumns(instances.data ?? [])}
        empty={<h2>No project yet</h2>}
        list={list}
        matches={(row) => has(q, row.name, row.description, row.id)}
      />
      {making && (
        <NewProject
          suggested={instance_id ?? instance.value}
          onClose={() => setMaking(false)}
          onMade={({ id }) => route(`/projects/${id}`)}
        />
      )}
    </Page>
  );
}
