import { api, isOperator, person, type Schema, take } from "@de/api";
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";

type Grant = "admin" | "owner" | "readonly" | "user";
const GRANTS: readonly string[] = ["readonly", "user", "admin", "owner"];

/** Who may do what, beside who operates the service: administrators of the place, or from which grant on. */
const RULES = {
  "audit.see": { admin: true },
  "grant.give": { admin: true, grant: "owner" },
  "grant.see": { admin: true, grant: "admin" },
  "instance.change": { admin: true, grant: "admin" },
  "instance.delete": { admin: true, grant: "owner" },
  "instance.make": { admin: true },
  "key.change": { admin: true, grant: "admin" },
  "key.see": { admin: true, grant: "user" },
  "organization.change": { admin: true },
  "organization.delete": { admin: false },
  "organization.limits": { admin: true },
  "project.change": { admin: true, grant: "admin" },
  "project.delete": { admin: true, grant: "owner" },
  "provider-key.change": { admin: true, grant: "admin" },
  "user.change": { admin: true },
} as const satisfies Record<string, { admin: boolean; grant?: Grant }>;

export type Permission = keyof typeof RULES;

/** Where something stands: in which organization, and in which instance if in one. */
export interface Place {
  instance?: string | null | undefined;
  organization?: string | null | undefined;
}

/** The grants of whom they are asked for; not known before the answer. */
const own = signal<{ grants: Map<string, string>; of: string } | null>(null);
let asked: string | null = null;

/** Whether the person may do something somewhere. The API decides; this only keeps buttons away that it would refuse. */
export function useMay(): (what: Permission, place: Place) => boolean {
  const id = person.value?.id;
  useEffect(() => {
    if (id && !isOperator.value && asked !== id) void learn(id);
  }, [id]);
  return (what, place) => {
    if (isOperator.value) return true;
    const rule: { admin: boolean; grant?: Grant } = RULES[what];
    const home = person.value?.role === "admin" && person.value.organization_id === place.organization;
    if (home && rule.admin) return true;
    const grant = place.instance && own.value?.of === id ? own.value?.grants.get(place.instance) : undefined;
    return Boolean(rule.grant && grant && GRANTS.indexOf(grant) >= GRANTS.indexOf(rule.grant));
  };
}

/** Whether the person administers somebody: nobody changes who is more than they are. */
export function mayAdminister(user: { organization_id: string; role: string }): boolean {
  if (isOperator.value) return true;
  const { organization_id, role } = person.value ?? {};
  return role === "admin" && organization_id === user.organization_id && user.role !== "superadmin";
}

async function learn(id: string): Promise<void> {
  asked = id;
  try {
    const params = { path: { id }, query: { limit: 200 } };
    const { data } = await take(api.GET("/v1/users/{id}/grants", { params }));
    own.value = {
      grants: new Map(data.map((grant: Schema<"UserGrant">) => [grant.instance_id, grant.role])),
      of: id,
    };
  } catch {
    // Without an answer no grant is known, and buttons that need one stay away until it is asked for again.
    asked = null;
  }
}
