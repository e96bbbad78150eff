import { FilterSelect, FilterText } from "@de/ui";
import { isReadable, KINDS, kindsOf, type Provider, type Row } from "./rows.ts";

const STATUSES = ["active", "beta", "deprecated", "disabled", "unreadable"] as const;

/** What the list is narrowed to; all of it stands in the address. */
export function Filters({ providers }: { providers: readonly Provider[] }) {
  const names = [...new Map(providers.map(({ display_name, id }) => [id, display_name]))];
  return (
    <search class="filters">
      <FilterText label="Search" name="q" type="search" placeholder="Id, name, alias, vendor's name" />
      <FilterSelect label="Provider" name="provider_id" options={names} />
      <FilterSelect label="Makes" name="type" all="Anything" options={KINDS} />
      <FilterSelect label="Status" name="status" all="Any" options={STATUSES} />
    </search>
  );
}

/** Whether a row is among what the address asks for. */
export function matches(row: Row, query: Record<string, string>): boolean {
  if (!isReadable(row)) {
    return (
      !query.provider_id && !query.type && isAsked(query.status, "unreadable") && says(query.q, row.model_id)
    );
  }
  return (
    isAsked(query.provider_id, row.provider_id) &&
    isAsked(query.status, row.status) &&
    (!query.type || (kindsOf(row.capabilities) as string[]).includes(query.type)) &&
    says(query.q, row.model_id, row.display_name, row.upstream_model, ...(row.aliases ?? []))
  );
}

function isAsked(asked: string | undefined, is: string): boolean {
  return !asked || asked === is;
}

function says(asked: string | undefined, ...texts: string[]): boolean {
  if (!asked) return true;
  const words = asked.toLowerCase().split(/\s+/);
  return words.every((word) => texts.some((text) => text.toLowerCase().includes(word)));
}
