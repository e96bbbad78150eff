import type { Schema } from "@de/api";

type Change = Schema<"AuditEvent">;

/** Where rows are shown, by how their ids begin. */
const BY_ID: readonly (readonly [string, string])[] = [
  ["inst_", "instances"],
  ["key_", "api-keys"],
  ["org_", "organizations"],
  ["proj_", "projects"],
  ["user_", "users"],
  ["whk_", "webhooks"],
];

/** Where those are shown whose ids are names of somebody's choice. */
const BY_KIND: Record<string, string> = { "model-config": "models", provider: "providers" };

/** Where what a change was of can be looked at; null where there is no such place, or it is gone. */
function hrefOf({ action, target_id }: Change): string | null {
  const [kind = "", what] = action.split(".");
  if (kind === "limits" || kind === "budgets" || kind === "budget") {
    return `/limits?scope_id=${encodeURIComponent(target_id.split(":").at(-1) ?? "")}`;
  }
  if (kind === "provider-key") return `/provider-keys?instance_id=${target_id.split("/")[0]}`;
  if (what === "delete") return null;
  const room = BY_KIND[kind] ?? BY_ID.find(([prefix]) => target_id.startsWith(prefix))?.[1];
  return room ? `/${room}/${encodeURIComponent(target_id)}` : null;
}

/** Who made a change, as a link where there is a person or key. */
export function Who({
  actor,
  nameOf,
}: {
  actor: Schema<"Actor">;
  nameOf: (id: string) => string | undefined;
}) {
  if (actor.id === null) return <span class="quiet">the service itself</span>;
  const room = actor.kind === "key" ? "api-keys" : "users";
  return (
    <a class="wrap" href={`/${room}/${encodeURIComponent(actor.id)}`}>
      {nameOf(actor.id) ?? actor.id}
    </a>
  );
}

/** What a change was of, as a link where it can be looked at. */
export function Target({ change }: { change: Change }) {
  const href = hrefOf(change);
  const id = <code class="wrap">{change.target_id}</code>;
  return href ? <a href={href}>{id}</a> : id;
}
