import { Note } from "@de/ui";
import type { Saved, Unreadable as UnreadableRow } from "./rows.ts";
import { Versions } from "./versions/versions.tsx";

/** A model whose current version cannot be called any more: what is wrong, what serves, and the way back. */
export function Unreadable(props: { onChanged: (row: Saved) => void; row: UnreadableRow }) {
  const { onChanged, row } = props;
  return (
    <>
      <Note tone="bad">
        <p>
          Version {row.version} cannot be called: {row.error}
        </p>
        <p>
          {row.serving_version === null || row.serving_version === undefined
            ? "No version serves: calls to it fail. Roll back to one that can be called."
            : `Version ${row.serving_version} serves instead. Roll back to it, or import a config that holds.`}
        </p>
      </Note>
      <Versions row={row} onChanged={onChanged} />
    </>
  );
}
