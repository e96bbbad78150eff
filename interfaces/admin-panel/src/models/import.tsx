import { api, isOperator, type Schema, take } from "@de/api";
import {
  Badge,
  Button,
  Dialog,
  Fault,
  Note,
  SelectField,
  Table,
  TextArea,
  toast,
  useOrganizations,
} from "@de/ui";
import { useRef, useState } from "preact/hooks";

type Imported = Schema<"Imported">;

/** What a file may have, as the API says. */
const MAX_BYTES = 1 << 20;

interface ImportProps {
  onClose: () => void;
  onDone: () => Promise<void>;
}

/** Takes models in from a file: first what would become of each, then all of it or nothing. */
export function Import({ onClose, onDone }: ImportProps) {
  const [text, setText] = useState("");
  const [owner, setOwner] = useState("");
  const [plan, setPlan] = useState<Imported | null>(null);
  const [fault, setFault] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  const [isLooking, setLooking] = useState(false);
  const asked = useRef(0);
  const send = async (body: string, dry_run: boolean, organization_id: string): Promise<Imported> => {
    const query = { dry_run, ...(organization_id && { organization_id }) };
    return (await take(
      api.POST("/v1/model-configs/import", { body: JSON.parse(body) as never, params: { query } }),
    )) as Imported;
  };
  const look = async (body: string, organization_id = owner) => {
    setText(body);
    setPlan(null);
    setFault(null);
    asked.current += 1;
    const mine = asked.current;
    setLooking(body.trim() !== "");
    if (body.trim() === "") return;
    try {
      if (new Blob([body]).size > MAX_BYTES) throw new Error("A file may have 1 MiB; this one is larger.");
      const found = await send(body, true, organization_id);
      if (mine === asked.current) setPlan(found);
    } catch (thrown) {
      if (mine === asked.current) setFault(thrown);
    } finally {
      if (mine === asked.current) setLooking(false);
    }
  };
  const doIt = async () => {
    setBusy(true);
    setFault(null);
    try {
      const done = await send(text, false, owner);
      toast.done(`${done.models.length} ${done.models.length === 1 ? "model is" : "models are"} taken in`);
      onClose();
      await onDone();
    } catch (thrown) {
      setFault(thrown);
    } finally {
      setBusy(false);
    }
  };
  const entries = plan ? [...plan.models, ...plan.providers] : [];
  const isRefused = entries.some(({ outcome }) => outcome === "refused");
  const isNothing = entries.every(({ outcome }) => outcome === "unchanged");
  return (
    <Dialog title="Import models" size="large" onClose={onClose}>
      <p class="quiet">
        One model as it was exported, or <code>{'{"models": […], "providers": […]}'}</code> with at most 100
        of each. A provider comes in only where there is none of its id.
      </p>
      <div class="form-grid">
        <label class="field">
          <span class="field-label">File</span>
          <input
            class="input"
            type="file"
            accept="application/json,.json"
            onInput={async (event) => {
              const file = event.currentTarget.files?.[0];
              if (file) await look(await file.text());
            }}
          />
        </label>
        {isOperator.value && (
          <Owner
            value={owner}
            onInput={(id) => {
              setOwner(id);
              void look(text, id);
            }}
          />
        )}
      </div>
      <TextArea
        label="Or its text"
        mono
        required={false}
        rows={5}
        value={text}
        onInput={(body) => void look(body)}
      />
      {fault !== null && <Fault error={fault} />}
      {plan && <Plan plan={plan} />}
      {isRefused && <Note tone="warn">An import is all or nothing: mend what is refused first.</Note>}
      {isLooking && <progress aria-label="Looking what would become of each" />}
      {isBusy && <progress aria-label="Importing" />}
      <div class="form-end">
        <Button onClick={onClose}>Cancel</Button>
        <Button kind="primary" disabled={!plan || isRefused || isNothing || isBusy} onClick={doIt}>
          Import
        </Button>
      </div>
    </Dialog>
  );
}

/** For whom: all tenants, or one organization. */
function Owner({ onInput, value }: { onInput: (id: string) => void; value: string }) {
  const organizations = useOrganizations();
  const options = (organizations.data ?? []).map(({ id, name }) => [id, name] as const);
  return (
    <SelectField label="For" options={[["", "All tenants"], ...options]} value={value} onInput={onInput} />
  );
}

const TONES = { create: "good", refused: "bad", unchanged: "plain", update: "warn" } as const;

function Plan({ plan }: { plan: Imported }) {
  const rows = [
    ...plan.models.map((entry) => ({ ...entry, what: "model" })),
    ...plan.providers.map((entry) => ({ ...entry, what: "provider" })),
  ].map((entry, at) => ({ ...entry, at }));
  return (
    <Table
      caption="What would become of each"
      id={({ at }) => String(at)}
      rows={rows}
      columns={[
        { cell: ({ id }) => <code>{id ?? "without an id"}</code>, head: "Id" },
        { cell: ({ what }) => what, head: "What" },
        { cell: ({ outcome }) => <Badge tone={TONES[outcome]}>{outcome}</Badge>, head: "Would be" },
        { cell: ({ version }) => version ?? "–", head: "Version", isNumber: true },
        {
          cell: ({ issues }) => (
            <ul class="issues small">
              {issues.map((issue) => (
                <li key={JSON.stringify(issue)}>
                  <code>{issue.field ?? issue.pointer}</code> {issue.reason}
                </li>
              ))}
            </ul>
          ),
          head: "Why",
        },
      ]}
    />
  );
}
