import { isApiError } from "@de/api";
import { Note } from "@de/ui";
import { useState } from "preact/hooks";
import { saving } from "./saving.ts";

type Values = Record<string, unknown>;

/** What a form has of a row that others may change too. */
export interface Draft<Row> {
  /** The row as the form knows it; what was not touched is as it is there. */
  base: Row;
  /** The fields that differ from the row. */
  edits: Values;
  /**
   * Sends the edits, and says that they are saved. Where somebody was faster, the form takes the newest row and keeps
   * the edits.
   */
  save: (send: (edits: Values, base: Row) => Promise<unknown>) => Promise<void>;
  set: (values: Values) => void;
  /** The fields that somebody else has changed meanwhile. */
  theirs: readonly string[];
  values: Values;
}

/**
 * A form over a row that others may change too.
 *
 * @param again asks for the row as it is now.
 */
export function useDraft<Row extends object>(row: Row, again: () => Promise<Row>): Draft<Row> {
  const [base, setBase] = useState(row);
  const [edits, setEdits] = useState<Values>({});
  const [theirs, setTheirs] = useState<string[]>([]);
  const set = (values: Values) => setEdits(differing(base, values));
  const save = async (send: (edits: Values, base: Row) => Promise<unknown>) => {
    try {
      await saving(send(edits, base), "Saved");
    } catch (thrown) {
      if (isApiError(thrown) && thrown.status === 412) {
        const now = await again();
        setTheirs(Object.keys(differing(base, now as Values)).filter((name) => name !== "updated_at"));
        setBase(now);
      }
      throw thrown;
    }
  };
  return { base, edits, save, set, theirs, values: { ...base, ...edits } };
}

/** The members that are others than those of the row. */
function differing(row: object, values: Values): Values {
  const before = row as Values;
  return Object.fromEntries(
    Object.entries(values).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(before[name])),
  );
}

/** Says what somebody else has changed while the form was open, and what saving does now. */
export function TheirsNote<Row>({ draft }: { draft: Draft<Row> }) {
  if (draft.theirs.length === 0) return null;
  const both = draft.theirs.filter((name) => name in draft.edits);
  const base = draft.base as Values;
  return (
    <Note tone="warn">
      <p>Somebody else has saved this meanwhile:</p>
      <ul>
        {draft.theirs.map((name) => (
          <li key={name}>
            <code>{name}</code> is now <code>{JSON.stringify(base[name])}</code>
          </li>
        ))}
      </ul>
      <p>
        {both.length > 0
          ? "Saving again puts your values in the place of theirs where both have changed a field."
          : "What you did not touch has their values now. Save again to keep both."}
      </p>
    </Note>
  );
}
