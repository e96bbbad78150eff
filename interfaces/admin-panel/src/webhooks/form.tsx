import { api, instance, isAdministrator, take } from "@de/api";
import {
  CheckField,
  Dialog,
  Form,
  faultsOf,
  LinkButton,
  Secret,
  SelectField,
  TextField,
  toast,
  useInstances,
} from "@de/ui";
import { useState } from "preact/hooks";
import { EVENTS, type Webhook, type WebhookEvent } from "./words.tsx";

interface Values {
  description: string;
  events: readonly WebhookEvent[];
  url: string;
}

/** The fields of a webhook that can change. */
function Fields({
  faults,
  onInput,
  values,
}: {
  faults: Record<string, string>;
  onInput: (values: Values) => void;
  values: Values;
}) {
  const toggle = (event: WebhookEvent, on: boolean) =>
    onInput({
      ...values,
      events: EVENTS.map(([name]) => name).filter((name) =>
        name === event ? on : values.events.includes(name),
      ),
    });
  return (
    <>
      <TextField
        label="Address"
        name="url"
        required
        type="url"
        placeholder="https://shop.example.com/hooks"
        help="https on port 443 of a public name. It is checked when it is saved, and before each message."
        fault={faults.url}
        value={values.url}
        onInput={(url) => onInput({ ...values, url })}
      />
      <fieldset>
        <legend>Events</legend>
        <div class="form">
          {EVENTS.map(([name, when]) => (
            <CheckField
              key={name}
              name="events"
              label={<code>{name}</code>}
              help={when}
              checked={values.events.includes(name)}
              onInput={(on) => toggle(name, on)}
            />
          ))}
        </div>
        {faults.events && <span class="field-fault">{faults.events}</span>}
      </fieldset>
      <TextField
        label="Description"
        name="description"
        required={false}
        fault={faults.description}
        value={values.description}
        onInput={(description) => onInput({ ...values, description })}
      />
    </>
  );
}

/** Makes a webhook, and shows its secret this once. */
export function NewWebhook({ onClose, onMade }: { onClose: () => void; onMade: () => Promise<void> }) {
  const instances = useInstances();
  const [scope, setScope] = useState<"instance" | "organization">("instance");
  const [where, setWhere] = useState(instance.value ?? "");
  const [values, setValues] = useState<Values>({
    description: "",
    events: ["job.succeeded", "job.failed"],
    url: "",
  });
  const [fault, setFault] = useState<unknown>(null);
  const [made, setMade] = useState<{ id: string; secret: string } | null>(null);
  const chosen = instances.data?.find(({ id }) => id === where) ?? instances.data?.[0];
  const make = async () => {
    const owner =
      scope === "instance" ? { instance_id: chosen?.id } : { organization_id: chosen?.organization_id };
    const body = { ...values, description: values.description || null, ...owner };
    setMade(await take(api.POST("/v1/webhooks", { body: body as never })));
    await onMade();
  };
  if (made) return <NewSecret id={made.id} secret={made.secret} onClose={onClose} />;
  return (
    <Dialog title="New webhook" onClose={onClose}>
      <Form action="Make it" onCancel={onClose} onFault={setFault} onSubmit={make}>
        <div class="form-grid">
          <SelectField
            label="Instance"
            options={instances.data?.map(({ id, name }) => [id, name] as const) ?? []}
            value={chosen?.id ?? ""}
            onInput={setWhere}
          />
          {isAdministrator.value && (
            <SelectField
              label="Hears of"
              options={[
                ["instance", "this instance"],
                ["organization", "all instances of its organization"],
              ]}
              value={scope}
              onInput={(word) => setScope(word === "organization" ? "organization" : "instance")}
            />
          )}
        </div>
        <Fields faults={faultsOf(fault)} values={values} onInput={setValues} />
      </Form>
    </Dialog>
  );
}

/** Shows what messages are signed with, this once. */
export function NewSecret({ id, onClose, secret }: { id?: string; onClose: () => void; secret: string }) {
  return (
    <Dialog title="The webhook's secret" onClose={onClose}>
      <Secret label="Secret" secret={secret} />
      <p class="quiet">
        Messages are signed by Standard Webhooks: any of its libraries can check them with this secret.
      </p>
      <div class="form-end">
        {id && <LinkButton href={`/webhooks/${id}`}>To the webhook</LinkButton>}
        <button type="button" class="button" data-kind="primary" onClick={onClose}>
          I have kept it
        </button>
      </div>
    </Dialog>
  );
}

/** Changes a webhook. */
export function EditWebhook(props: {
  etag: string | null;
  onChange: () => Promise<void>;
  onClose: () => void;
  webhook: Webhook;
}) {
  const { etag, onChange, onClose, webhook } = props;
  const [values, setValues] = useState<Values>({
    description: webhook.description ?? "",
    events: webhook.events as WebhookEvent[],
    url: webhook.url,
  });
  const [fault, setFault] = useState<unknown>(null);
  const save = async () => {
    const params = { header: etag ? { "If-Match": etag } : {}, path: { id: webhook.id } };
    const body = { ...values, description: values.description || null, events: [...values.events] };
    await take(api.PATCH("/v1/webhooks/{id}", { body: body as never, params }));
    toast.done("The webhook is saved");
    onClose();
    await onChange();
  };
  return (
    <Dialog title="Edit webhook" onClose={onClose}>
      <Form action="Save" onCancel={onClose} onFault={setFault} onSubmit={save}>
        <Fields faults={faultsOf(fault)} values={values} onInput={setValues} />
      </Form>
    </Dialog>
  );
}
