import type { Schema } from "@de/api";
import { type Column, Tag, Time } from "@de/ui";
import { nameOf } from "../tenants/columns.tsx";
import { None } from "../tenants/parts.tsx";
import { Expiry, KeyStateBadge } from "./key-state.tsx";

type Key = Schema<"ApiKeyShown">;
type Names = readonly { id: string; name: string }[];

/** What a list of keys shows; without whose they are where all are of one. */
export function keyColumns(names?: { projects: Names; users: Names }): Column<Key>[] {
  const owner: Column<Key> = { cell: (key) => <Owner of={key} {...names} />, head: "Belongs to" };
  return [
    { cell: ({ id, name }) => <a href={`/api-keys/${id}`}>{name || "without a name"}</a>, head: "Name" },
    { cell: (key) => <KeyEnd of={key} />, head: "Key" },
    ...(names ? [owner] : []),
    { cell: (key) => <KeyStateBadge of={key} />, head: "Status" },
    { cell: ({ scopes }) => <span class="nowrap">{scopes.join(", ")}</span>, head: "Scopes" },
    { cell: ({ last_used_at: at }) => (at ? <Time at={at} /> : <None>never</None>), head: "Last used" },
    { cell: (key) => <Expiry of={key} />, head: "Expires" },
  ];
}

/** What people know a key by: its beginning and its end. */
export function KeyEnd({ of }: { of: Pick<Key, "last_four" | "prefix"> }) {
  return (
    <code class="nowrap">
      {of.prefix}…{of.last_four}
    </code>
  );
}

/** Whose a key is. */
export function Owner({ of, projects = [], users = [] }: { of: Key; projects?: Names; users?: Names }) {
  if (of.project_id) return <a href={`/projects/${of.project_id}`}>{nameOf(projects, of.project_id)}</a>;
  if (of.user_id) return <a href={`/users/${of.user_id}`}>{nameOf(users, of.user_id)}</a>;
  return <None />;
}

/** Words in a line. */
export function Tags({ words }: { words: readonly string[] }) {
  return (
    <span class="tags">
      {words.map((word) => (
        <Tag key={word}>{word}</Tag>
      ))}
    </span>
  );
}
