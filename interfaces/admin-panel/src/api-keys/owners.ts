import { api, isAdministrator, person, type Schema, take } from "@de/api";
import { useInstances, useProjects } from "@de/ui";
import { useList } from "../tenants/list.ts";
import { mayAdminister, useMay } from "../tenants/standing.ts";

/** Somebody or something that keys belong to. */
export interface OwnerName {
  id: string;
  /** Whether one may make keys for it. */
  mayMake: boolean;
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
  const may = useMay();
  const places = new Map(instances.data?.map((instance) => [instance.id, instance]));
  const me = person.value;
  const self = me ? [{ id: me.id, mayMake: true, name: me.email }] : [];
  const people =
    users.data?.rows.map((user) => ({
      id: user.id,
      mayMake: user.id === me?.id || mayAdminister(user),
      name: user.email,
    })) ?? [];
  return {
    projects:
      projects.data?.map(({ id, instance_id, name }) => ({
        id,
        mayMake: may("key.change", {
          instance: instance_id,
          organization: places.get(instance_id)?.organization_id,
        }),
        name: `${name} · ${places.get(instance_id)?.name ?? instance_id}`,
      })) ?? [],
    users: people.length > 0 ? people : self,
  };
}
