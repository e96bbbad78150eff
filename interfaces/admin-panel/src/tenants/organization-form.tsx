import shape from "shape:NewOrganization";
import { api, type Schema, take } from "@de/api";
import { Dialog, Form, faultsOf, SchemaFields, tenantsChanged, toast } from "@de/ui";
import { useMemo, useState } from "preact/hooks";
import { DomainsField } from "./domains-field.tsx";
import { TheirsNote, useDraft } from "./draft.tsx";
import { lines, onlyOnce, stateOf } from "./state.ts";

type Organization = Schema<"Organization">;
type Values = Record<string, unknown>;

const FIELDS = ["name", "billing_email", "time_zone"] as const;

/** Makes an organization. */
export function NewOrganization(props: { onClose: () => void; onMade: (made: Organization) => void }) {
  const { onClose, onMade } = props;
  const [values, setValues] = useState<Values>({ time_zone: "UTC" });
  const [fault, setFault] = useState<unknown>(null);
  const [once] = useState(onlyOnce);
  const make = async () => {
    const body = tidy(values) as Schema<"NewOrganization">;
    const made = await take(api.POST("/v1/organizations", { body, params: { header: once(body) } }));
    toast.done(`${made.name} is created`);
    tenantsChanged();
    onMade(made);
  };
  return (
    <Dialog title="New organization" onClose={onClose}>
      <Form action="Create organization" onCancel={onClose} onFault={setFault} onSubmit={make}>
        <Fields values={values} onInput={setValues} fault={fault} />
      </Form>
    </Dialog>
  );
}

/** Changes an organization. */
export function EditOrganization(props: { onClose: () => void; onSaved: () => void; row: Organization }) {
  const { onClose, onSaved, row } = props;
  const path = { id: row.id };
  const draft = useDraft(row, () => take(api.GET("/v1/organizations/{id}", { params: { path } })));
  const [fault, setFault] = useState<unknown>(null);
  const save = async () => {
    await draft.save((edits, base) => {
      const params = { header: stateOf(base), path };
      return take(api.PATCH("/v1/organizations/{id}", { body: tidy(edits), params }));
    });
    tenantsChanged();
    onSaved();
  };
  return (
    <Dialog title={`Edit ${row.name}`} onClose={onClose}>
      <Form action="Save" onCancel={onClose} onFault={setFault} onSubmit={save}>
        <TheirsNote draft={draft} />
        <Fields values={draft.values} onInput={draft.set} fault={fault} />
      </Form>
    </Dialog>
  );
}

function Fields(props: { fault: unknown; onInput: (values: Values) => void; values: Values }) {
  const { fault, onInput, values } = props;
  const faults = faultsOf(fault);
  const zone = String(values.time_zone ?? "UTC");
  const zones = useMemo(() => {
    const known = Intl.supportedValuesOf("timeZone").filter((name) => name !== "UTC");
    return ["UTC", ...known, ...(zone === "UTC" || known.includes(zone) ? [] : [zone])].map(
      (name) => [name, name.replaceAll("_", " ")] as const,
    );
  }, [zone]);
  return (
    <>
      <SchemaFields
        shape={shape}
        fields={FIELDS}
        labels={{ billing_email: "Billing e-mail", time_zone: "Time zone" }}
        helps={{
          billing_email: "",
          name: "",
          time_zone: "Its days and months begin there: budgets go by it.",
        }}
        chosen={["time_zone"]}
        options={{ time_zone: zones }}
        values={values}
        onInput={onInput}
        faults={faults}
      />
      <DomainsField
        fault={faults.email_domains}
        onInput={(domains) => onInput({ ...values, email_domains: domains })}
        value={(values.email_domains ?? null) as string[] | null}
      />
    </>
  );
}

/** What is sent of a form: its domains without empty lines. */
function tidy(values: Values): Values {
  if (!Array.isArray(values.email_domains)) return values;
  return { ...values, email_domains: lines(values.email_domains) };
}
