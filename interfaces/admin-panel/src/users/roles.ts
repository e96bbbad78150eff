import { isOperator } from "@de/api";

type Options = readonly (readonly [string, string])[];

/** What somebody may be, as far as one may say so: nobody makes someone more than they are. */
export function roles(): Options {
  const usual = [
    ["user", "User: what grants allow"],
    ["admin", "Administrator of the organization"],
  ] as const;
  return isOperator.value ? [...usual, ["superadmin", "Superadmin: operates the service"]] : usual;
}

/** Each may do all that the ones before it may. */
const RANKS: readonly unknown[] = ["user", "admin", "superadmin"];

/** Whether one role is above another. */
export function isMore(role: unknown, other: unknown): boolean {
  return RANKS.indexOf(role) > RANKS.indexOf(other);
}

/** What somebody may do on an instance, each with all that the ones before it do. */
export const GRANTS: Options = [
  ["readonly", "Readonly: looks at it"],
  ["user", "User: sees keys, calls models"],
  ["admin", "Admin: changes it"],
  ["owner", "Owner: deletes it, gives grants"],
];
