import { api, take } from "@de/api";
import { Button, type Column, LinkButton, Resource, Table, useResource } from "@de/ui";
import type { ComponentChildren } from "preact";
import { instanceColumns, projectColumns } from "./columns.tsx";
import { Below } from "./parts.tsx";

/** How many rows a page shows of what is below it; the lists have all. */
const SOME = 10;

interface ListBelowProps<Row extends { id: string }> {
  actions?: ComponentChildren;
  /** The list that has all of them. */
  all: string;
  ask: (limit: number, signal: AbortSignal) => Promise<{ data: Row[]; next_cursor?: string | null }>;
  columns: readonly Column<Row>[];
  empty: string;
  inputs: readonly unknown[];
  title: string;
}

/** The first rows of what is below something, and the way to all of them. */
export function ListBelow<Row extends { id: string }>(props: ListBelowProps<Row>) {
  const { actions, all, ask, columns, empty, inputs, title } = props;
  const list = useResource((signal) => ask(SOME, signal), inputs);
  return (
    <Below
      title={title}
      actions={
        <>
          <LinkButton href={all}>All {title.toLowerCase().replace("api", "API")}</LinkButton>
          {actions}
        </>
      }
    >
      <Resource of={list} isEmpty={({ data }) => data.length === 0} empty={<p>{empty}</p>}>
        {({ data, next_cursor }) => (
          <Table
            caption={title}
            id={({ id }) => id}
            rows={data}
            columns={columns}
            foot={next_cursor ? <a href={all}>There are more than these {data.length}</a> : undefined}
          />
        )}
      </Resource>
    </Below>
  );
}

/** The instances of an organization. */
export function InstancesBelow({
  onNew,
  organization,
}: {
  onNew?: (() => void) | undefined;
  organization: string;
}) {
  return (
    <ListBelow
      title="Instances"
      all={`/instances?organization_id=${organization}`}
      actions={onNew && <Button onClick={onNew}>New instance</Button>}
      ask={(limit, signal) => {
        const params = { query: { limit, organization_id: organization } };
        return take(api.GET("/v1/instances", { params, signal }));
      }}
      columns={instanceColumns()}
      empty="No instance yet. Projects, provider keys and limits belong to one."
      inputs={[organization]}
    />
  );
}

/** The projects of an instance. */
export function ProjectsBelow({ instance, onNew }: { instance: string; onNew?: (() => void) | undefined }) {
  return (
    <ListBelow
      title="Projects"
      all={`/projects?instance_id=${instance}`}
      actions={onNew && <Button onClick={onNew}>New project</Button>}
      ask={(limit, signal) => {
        const params = { query: { instance_id: instance, limit } };
        return take(api.GET("/v1/projects", { params, signal }));
      }}
      columns={projectColumns()}
      empty="No project yet. API keys of programs belong to one."
      inputs={[instance]}
    />
  );
}
