import { api, type Schema, take } from "@de/api";
import { Dialog, Form, SelectField } from "@de/ui";
import { useState } from "preact/hooks";
import { onlyOnce, stateOf } from "../tenants/state.ts";
import { SecretShown } from "./secret-shown.tsx";

type Key = Schema<"ApiKeyShown">;

/** For how long two keys hold beside one another, in seconds. */
const OVERLAPS = [
  ["0", "Not at all: it ends at once"],
  ["600", "10 minutes"],
  ["3600", "1 hour"],
  ["86400", "1 day"],
  ["604800", "7 days"],
  ["2592000", "30 days"],
] as const;

interface RotateKeyProps {
  onClose: () => void;
  /** Told when the new key was shown and put away. */
  onRotated: (made: Schema<"ApiKeyReplacement">) => void;
  row: Key;
}

/** Makes the key that takes over from another one. */
export function RotateKey({ onClose, onRotated, row }: RotateKeyProps) {
  const [overlap, setOverlap] = useState("86400");
  const [made, setMade] = useState<Schema<"ApiKeyReplacement"> | null>(null);
  const [once] = useState(onlyOnce);
  if (made) return <SecretShown made={made} onClose={() => onRotated(made)} />;
  const rotate = async () => {
    const body = { overlap_s: Number(overlap) };
    const params = { header: { ...once(body), ...stateOf(row) }, path: { id: row.id } };
    setMade(await take(api.POST("/v1/api-keys/{id}/rotate", { body, params })));
  };
  return (
    <Dialog title={`Rotate ${row.name || "API key"}`} onClose={onClose}>
      <Form action="Rotate" onCancel={onClose} onSubmit={rotate}>
        <p>
          A new key with the same scopes, bounds, limits and budgets takes over. It is shown once; put it
          where the old one is used before that one ends.
        </p>
        <SelectField
          label="The old key lives on for"
          help={
            overlap === "0"
              ? "The answer to a key that leaked. Calls with it are refused from now on."
              : undefined
          }
          options={OVERLAPS}
          value={overlap}
          onInput={setOverlap}
        />
      </Form>
    </Dialog>
  );
}
