import type { Schema } from "@de/api";

type Change = Schema<"AuditEvent">;

/** Where the rows of each kind are shown; `organization.create` is of the kind `organization`. */
const ROOMS: Record<string, string> = {
  api_key: "api-keys",
  instance: "instances",
  key: "api-keys",
  model: "models",
  model_config: "models",
  organization: "organizations",
  project: "projects",
  provider: "providers",
  user: "users",
  webhook: "webhooks",
};

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

/** What a change was of, as a link while it may be there. */
export function Target({ change }: { change: Change }) {
  const kind = (change.action.split(".")[0] ?? "").replaceAll("-", "_");
  const room = ROOMS[kind];
  const id = <code class="wrap">{change.target_id}</code>;
  const isGone = /\.(delete|create)$/.test(change.action) && change.after === null;
  if (!room || isGone) return id;
  return <a href={`/${room}/${encodeURIComponent(change.target_id)}`}>{id}</a>;
}
