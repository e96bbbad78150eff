import { api, take } from "@de/api";
import { Dialog, Form, SelectField } from "@de/ui";
import { useState } from "preact/hooks";

const OVERLAPS = [
  ["0", "not at all: it ends now"],
  ["3600", "an hour"],
  ["86400", "a day"],
  ["604800", "7 days"],
] as const;

interface RotateProps {
  id: string;
  onClose: () => void;
  onMade: (secret: string) => Promise<void>;
}

/** Gives a webhook another secret; for a while both sign, so that receivers can change over. */
export function Rotate({ id, onClose, onMade }: RotateProps) {
  const [overlap, setOverlap] = useState("86400");
  const rotate = async () => {
    const made = await take(
      api.POST("/v1/webhooks/{id}/rotate", {
        body: { overlap_s: Number(overlap) },
        params: { path: { id } },
      }),
    );
    await onMade(made.secret);
  };
  return (
    <Dialog title="Rotate the secret" onClose={onClose}>
      <Form action="Rotate" onCancel={onClose} onSubmit={rotate}>
        <SelectField
          label="The old secret signs too, for"
          help="Each message carries both signatures meanwhile: a receiver takes whichever it knows."
          options={OVERLAPS}
          value={overlap}
          onInput={setOverlap}
        />
      </Form>
    </Dialog>
  );
}
