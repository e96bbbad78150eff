import { api, isAdministrator, type Schema, take } from "@de/api";
import { Button, Dialog, Form, faultsOf, TextField, tenantsChanged, toast } from "@de/ui";
import { useState } from "preact/hooks";

/** Where the days, weeks and months of an organization's budgets begin. */
export function TimeZone({ organization }: { organization: Schema<"Organization"> | undefined }) {
  const [zone, setZone] = useState(organization?.time_zone ?? "");
  const [isOpen, setOpen] = useState(false);
  const [shown, setShown] = useState<{ id: string; zone: string } | null>(null);
  const [fault, setFault] = useState<unknown>(null);
  if (!organization) return null;
  const now = shown?.id === organization.id ? shown.zone : organization.time_zone;
  const save = async () => {
    const params = { path: { id: organization.id } };
    const saved = await take(
      api.PATCH("/v1/organizations/{id}", { body: { time_zone: zone as never }, params }),
    );
    setShown({ id: saved.id, zone: saved.time_zone });
    setOpen(false);
    tenantsChanged();
    toast.done(`Days begin at midnight of ${saved.time_zone}`);
  };
  return (
    <div class="row">
      <span>
        <span class="quiet">Days, weeks and months of {organization.name}'s budgets are those of</span> {now}
      </span>
      {isAdministrator.value && (
        <Button
          kind="plain"
          size="small"
          onClick={() => {
            setZone(now);
            setOpen(true);
          }}
        >
          Change time zone
        </Button>
      )}
      {isOpen && (
        <Dialog title={`Time zone of ${organization.name}`} onClose={() => setOpen(false)}>
          <Form action="Save" onCancel={() => setOpen(false)} onFault={setFault} onSubmit={save}>
            <TextField
              label="Time zone"
              name="time_zone"
              list="zones"
              required
              fault={faultsOf(fault).time_zone}
              help="An IANA name, such as Europe/Berlin. What was spent before counts until the end of the period that it was spent in, by the old zone."
              value={zone}
              onInput={setZone}
            />
            <datalist id="zones">
              {["UTC", ...Intl.supportedValuesOf("timeZone")].map((name) => (
                <option key={name} value={name} />
              ))}
            </datalist>
          </Form>
        </Dialog>
      )}
    </div>
  );
}
