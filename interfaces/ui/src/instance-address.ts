import { instance, useInstance } from "@de/api";
import { useEffect, useRef } from "preact/hooks";
import { useQuery } from "./query.ts";

/**
 * Keeps the instance that one acts for in the address, as `?instance=`: who is sent the address acts for the same one.
 * The address is heard once, at first; from then on it follows the switch.
 */
export function useInstanceInAddress(): void {
  const [query, change] = useQuery();
  const isHeard = useRef(false);
  const now = instance.value;
  useEffect(() => {
    const asked = isHeard.current ? undefined : query.instance;
    isHeard.current = true;
    if (asked && asked !== now) useInstance(asked);
    else if (now !== null && query.instance !== now) change({ instance: now });
  }, [now, query.instance]);
}
