import type { Schema } from "@de/api";
import { Badge, type Column, Tag, Time } from "@de/ui";
import { nameOf } from "../tenants/columns.tsx";
import { None } from "../tenants/parts.tsx";

type User = Schema<"User">;

/** What a list of people shows; without the names of organizations where all are of one. */
export function userColumns(organizations?: readonly { id: string; name: string }[]): Column<User>[] {
  const above: Column<User> = {
    cell: ({ organization_id: id }) => <a href={`/organizations/${id}`}>{nameOf(organizations, id)}</a>,
    head: "Organization",
  };
  return [
    {
      cell: ({ email, id }) => (
        <a class="nowrap" href={`/users/${id}`}>
          {email}
        </a>
      ),
      head: "E-mail",
    },
    { cell: ({ name }) => name ?? <None />, head: "Name" },
    ...(organizations ? [above] : []),
    { cell: ({ role }) => <Tag>{role}</Tag>, head: "Role" },
    { cell: ({ status }) => <Badge>{status}</Badge>, head: "Status" },
    { cell: ({ created_at }) => <Time at={created_at} />, head: "Invited" },
  ];
}
