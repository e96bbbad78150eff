import type { Schema } from "@de/api";
import { Badge, Time, type Tone } from "@de/ui";

interface Asked {
  expires_before?: string;
  status?: "active" | "expired" | "revoked";
}

type Key = Pick<Schema<"ApiKeyShown">, "expires_at" | "revoked_at">;

/** How long before its end a key is marked. */
const SOON_MS = 14 * 86_400_000;

export const STATES = ["active", "expires soon", "expired", "revoked"] as const;
export type KeyState = (typeof STATES)[number];

const TONES: Record<KeyState, Tone> = {
  active: "good",
  expired: "bad",
  "expires soon": "warn",
  revoked: "bad",
};

/** How it stands with a key: the API says it by two moments. */
export function stateOfKey({ expires_at, revoked_at }: Key): KeyState {
  if (revoked_at) return "revoked";
  const left = expires_at ? Date.parse(expires_at) - Date.now() : Number.POSITIVE_INFINITY;
  return left <= 0 ? "expired" : left < SOON_MS ? "expires soon" : "active";
}

/** What the API is asked for: that a key ends soon is an active one's nearness to its end. */
export function filterOf(state: string | undefined, now: number): Asked {
  if (state === "expires soon") {
    return { expires_before: new Date(now + SOON_MS).toISOString(), status: "active" };
  }
  return state === "active" || state === "expired" || state === "revoked" ? { status: state } : {};
}

/** Whether it opens anything. */
export function holds(key: Key): boolean {
  const state = stateOfKey(key);
  return state === "active" || state === "expires soon";
}

/** How it stands with a key, in a word. */
export function KeyStateBadge({ of }: { of: Key }) {
  const state = stateOfKey(of);
  return <Badge tone={TONES[state]}>{state}</Badge>;
}

/** When a key ends. */
export function Expiry({ of }: { of: Key }) {
  return of.expires_at ? <Time at={of.expires_at} /> : <span class="quiet">never</span>;
}
