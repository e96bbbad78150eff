import { useInstances } from "@de/ui";
import { useMay } from "../tenants/standing.ts";

/** Whether the person may put, try and delete the vendors' keys of an instance. */
export function useMayPut(instance: string | null): boolean {
  const may = useMay();
  const instances = useInstances();
  const organization = instances.data?.find(({ id }) => id === instance)?.organization_id;
  return instance !== null && may("provider-key.change", { instance, organization });
}
