import { isApiError, isOperator } from "@de/api";
import { ownerOf } from "../models/rows.ts";

/**
 * Asks for something of the model that a call has reached: the tenant's own comes before the shared one, as it did for
 * the call. Who operates the service has to name the tenant; all others are answered so anyway.
 *
 * @returns null where neither is there.
 */
export async function ofReached<T>(
  call: { organization_id: string },
  ask: (owner: { organization_id?: string }) => Promise<T>,
): Promise<T | null> {
  for (const owner of isOperator.value ? [ownerOf(call), {}] : [{}]) {
    try {
      return await ask(owner);
    } catch (thrown) {
      if (!isApiError(thrown) || thrown.status !== 404) throw thrown;
    }
  }
  return null;
}
