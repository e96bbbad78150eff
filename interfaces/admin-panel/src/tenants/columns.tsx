import type { Schema } from "@de/api";
import { Badge, type Column, Tag, Time } from "@de/ui";
import { Id, None } from "./parts.tsx";
import { span } from "./spans.ts";

type Instance = Schema<"Instance">;
type Project = Schema<"Project">;
type Names = readonly { id: string; name: string }[] | undefined;

/** What a list of instances shows; without the names of organizations where all are of one. */
export function instanceColumns(organizations?: Names): Column<Instance>[] {
  const above: Column<Instance> = {
    cell: ({ organization_id: id }) => <a href={`/organizations/${id}`}>{nameOf(organizations, id)}</a>,
    head: "Organization",
  };
  return [
    { cell: ({ id, name }) => <a href={`/instances/${id}`}>{name}</a>, head: "Name" },
    ...(organizations ? [above] : []),
    { cell: ({ environment }) => <Tag>{environment}</Tag>, head: "Environment" },
    { cell: ({ status }) => <Badge>{status}</Badge>, head: "Status" },
    { cell: ({ id }) => <Id>{id}</Id>, head: "Id" },
    { cell: ({ created_at }) => <Time at={created_at} />, head: "Created" },
  ];
}

/** What a list of projects shows; without the names of instances where all are of one. */
export function projectColumns(instances?: Names): Column<Project>[] {
  const above: Column<Project> = {
    cell: ({ instance_id: id }) => <a href={`/instances/${id}`}>{nameOf(instances, id)}</a>,
    head: "Instance",
  };
  return [
    { cell: ({ id, name }) => <a href={`/projects/${id}`}>{name}</a>, head: "Name" },
    ...(instances ? [above] : []),
    { cell: ({ status }) => <Badge>{status}</Badge>, head: "Status" },
    {
      cell: ({ retain_content }) => (retain_content ? "kept" : <None>not kept</None>),
      head: "Content",
    },
    {
      cell: ({ response_cache }) =>
        response_cache ? <span class="nowrap">{span(response_cache.ttl_s)}</span> : <None>off</None>,
      head: "Response cache",
    },
    { cell: ({ id }) => <Id>{id}</Id>, head: "Id" },
    { cell: ({ created_at }) => <Time at={created_at} />, head: "Created" },
  ];
}

/** The name of an id, or the id where the name is not known. */
export function nameOf(names: Names, id: string): string {
  return names?.find((one) => one.id === id)?.name ?? id;
}
