import { Button, Note, useQuery } from "@de/ui";
import type { ComponentChildren } from "preact";

/** What of an address does not narrow a list. */
const OTHERS = ["cursor", "order", "sort"];

/** What narrows a list. All of it is in the address. */
export function Filters({ children }: { children: ComponentChildren }) {
  return (
    <search class="filters" aria-label="Filters">
      {children}
    </search>
  );
}

/** Whether the address narrows the list. */
export function isNarrowed(query: Record<string, string>): boolean {
  return Object.keys(query).some((name) => !OTHERS.includes(name));
}

/** Shown where filters leave nothing. */
export function NothingLeft() {
  const [query, change] = useQuery();
  return (
    <>
      <h2>Nothing matches</h2>
      <Button onClick={() => change(Object.fromEntries(Object.keys(query).map((name) => [name, null])))}>
        Clear filters
      </Button>
    </>
  );
}

/** Says that a search has not seen everything. */
export function CutNote({ isCut }: { isCut: boolean }) {
  if (!isCut) return null;
  return (
    <Note tone="warn">
      There are more than were searched here. Narrow the list by another filter, so that all of it is
      searched.
    </Note>
  );
}
