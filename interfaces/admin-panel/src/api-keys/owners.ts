import { api, isAdministrator, person, type Schema, take } from "@de/api";
import { useInstances, useProjects } from "@de/ui";
import { useList } from "../tenants/list.ts";

/** Somebody or something that keys belong to. */
export interface OwnerName {
  id: string;
  name: string;
}

/** All that keys may belong to, by name. Who administers nobody knows only themselves. */
export function useOwners(): { projects: OwnerName[]; users: OwnerName[] } {
  const projects = useProjects();
  const instances = useInstances();
  const users = useList<Schema<"User">>(
    (query, signal) =>
      isAdministrator.value
        ? take(api.GET("/v1/users", { params: { query }, signal }))
        : Promise.resolve({ data: [] }),
    { cursor: undefined, inputs: [isAdministrator.value], whole: true },
  );
  const places = new Map(instances.data?.map(({ id, name }) => [id, name]));
  const self = person.value ? [{ id: person.value.id, name: person.value.email }] : [];
  const people = users.data?.rows.map(({ email, id }) => ({ id, name: email })) ?? [];
  return {
    projects:
      projects.data?.map(({ id, instance_id, name }) => ({
        id,
        name: `${name} · ${places.get(instance_id) ?? instance_id}`,
      })) ?? [],
    users: people.length > 0 ? people : self,
  };
}
