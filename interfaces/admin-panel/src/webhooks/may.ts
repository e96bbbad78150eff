import { isAdministrator } from "@de/api";
import { useGranted } from "../limits/scopes.ts";
import type { Webhook } from "./words.tsx";

/** What one may change: webhooks of instances by a grant, those of an organization as its administrator. */
export function useMayChange(): { of: (webhook: Webhook) => boolean; somewhere: boolean } {
  const granted = useGranted();
  const isGranted = (id: string | null) => id !== null && granted.data?.has(id) === true;
  return {
    of: ({ instance_id }) => isAdministrator.value || isGranted(instance_id),
    somewhere: isAdministrator.value || (granted.data?.size ?? 0) > 0,
  };
}
