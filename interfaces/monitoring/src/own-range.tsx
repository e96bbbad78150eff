import { Dialog, Form, TextField } from "@de/ui";
import { useState } from "preact/hooks";
import type { Address } from "./address.ts";
import { LONGEST } from "./window.ts";

/** Asks from when to when, in the person's own time. */
export function OwnRange(props: { address: Address; end: number; onClose: () => void; start: number }) {
  const { address, end, onClose, start } = props;
  const [from, setFrom] = useState(local(start));
  const [to, setTo] = useState(local(end));
  const fault = faultOf(new Date(from).getTime(), new Date(to).getTime());
  const [told, setTold] = useState(false);
  const submit = async () => {
    setTold(true);
    if (fault) return;
    address.change({ from: new Date(from).toISOString(), to: new Date(to).toISOString() });
    onClose();
  };
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return (
    <Dialog title="Own time range" onClose={onClose}>
      <Form action="Show" onCancel={onClose} onSubmit={submit}>
        <div class="form-grid">
          <TextField label="From" type="datetime-local" required value={from} onInput={setFrom} />
          <TextField
            label="To"
            type="datetime-local"
            required
            fault={told ? fault : undefined}
            value={to}
            onInput={setTo}
          />
        </div>
        <p class="quiet">
          In the time of {zone}. Of the last three days, up to three hours are shown call by call, and up to a
          day is summed by quarters of an hour; all else is summed by whole hours, and by days of UTC where it
          is longer than three days.
        </p>
      </Form>
    </Dialog>
  );
}

function faultOf(from: number, to: number): string | undefined {
  if (Number.isNaN(from) || Number.isNaN(to)) return "Say from when and to when.";
  if (from >= to) return "It has to end after it begins.";
  return to - from > LONGEST ? "At most 366 days." : undefined;
}

/** A moment as such a field has it. */
function local(at: number): string {
  const moment = new Date(at - new Date(at).getTimezoneOffset() * 60_000);
  return moment.toISOString().slice(0, 16);
}
