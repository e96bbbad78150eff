import { api, take } from "@de/api";
import { Button, CheckField, confirm, count, Form, faultsOf, Note, TextField } from "@de/ui";
import { useState } from "preact/hooks";
import { saving } from "../tenants/saving.ts";
import { paramsOf, type Read, WasChanged } from "./editor.tsx";
import { KINDS, type Limits, type Place } from "./scopes.ts";
import { LimitUses } from "./use.tsx";

interface LimitFormProps {
  mayChange: boolean;
  onChange: () => Promise<void>;
  onClose: () => void;
  place: Place;
  read: Read<Limits>;
}

/** Sets how many calls and tokens a scope may have. A field that is empty is no limit. */
export function LimitForm({ mayChange, onChange, onClose, place, read }: LimitFormProps) {
  const { etag, row } = read;
  const [texts, setTexts] = useState<Record<string, string>>(
    Object.fromEntries(KINDS.map(([name]) => [name, row[name] === null ? "" : String(row[name])])),
  );
  const [shadow, setShadow] = useState(row.shadow);
  const [fault, setFault] = useState<unknown>(null);
  const faults = faultsOf(fault);
  const isSet = KINDS.some(([name]) => row[name] !== null);
  const own = row.from_model_config as Record<string, number | null> | null;
  if (!mayChange) return <LimitUses of={row} />;
  const save = async () => {
    const amounts = KINDS.map(([name]) => [name, texts[name] === "" ? null : Number(texts[name])]);
    const body = { ...Object.fromEntries(amounts), shadow };
    await saving(
      take(api.PUT("/v1/limits/{scope}/{id}", { body: body as never, params: paramsOf(place, etag) })),
      "The limits hold",
    );
    await onChange();
  };
  const remove = () =>
    confirm({
      action: "Remove limits",
      body: `Calls of this ${place.scope} will have no limit of its own. Limits of what is above it stay.`,
      title: "Remove all limits?",
      work: async () => {
        await saving(
          take(api.DELETE("/v1/limits/{scope}/{id}", { params: paramsOf(place, etag) })),
          "The limits are removed",
        );
        await onChange();
        onClose();
      },
    });
  return (
    <Form action="Save limits" onCancel={onClose} onFault={setFault} onSubmit={save}>
      {row.notice && <Note tone="warn">{row.notice}</Note>}
      <div class="form-grid">
        {KINDS.map(([name, words]) => (
          <TextField
            key={name}
            label={words.charAt(0).toUpperCase() + words.slice(1)}
            name={name}
            required={false}
            inputMode="numeric"
            pattern="\d*"
            placeholder="No limit"
            fault={faults[name]}
            help={helpOf(row, own, name)}
            value={texts[name] ?? ""}
            onInput={(text) => setTexts({ ...texts, [name]: text.replaceAll(/[\s,]/g, "") })}
          />
        ))}
      </div>
      <CheckField
        label="On trial"
        help="Counts and shows, and refuses nothing: to see what limits would do before they are meant."
        name="shadow"
        checked={shadow}
        onInput={setShadow}
      />
      <p class="quiet small">
        0 lets nothing through. Windows roll. A saved limit holds for every call that begins after the answer.
      </p>
      <WasChanged thrown={fault} again={onChange} />
      {isSet && (
        <div>
          <Button kind="danger" size="small" onClick={remove}>
            Remove all limits
          </Button>
        </div>
      )}
    </Form>
  );
}

function helpOf(row: Limits, own: Record<string, number | null> | null, name: string): string | undefined {
  const use = row.usage?.[name];
  const used = use ? `${count(use.used)} of ${count(use.limit)} used now.` : undefined;
  const model = own?.[name];
  if (typeof model !== "number") return used;
  return `The model's own limit is ${count(model)}. ${used ?? ""}`;
}
