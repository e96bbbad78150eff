import { api, type Schema, take } from "@de/api";
import { Dialog, Form, faultsOf, SelectField, TextField, toast } from "@de/ui";
import { useState } from "preact/hooks";
import { Outcome } from "./key-parts.tsx";

interface PutKeyProps {
  instanceId: string;
  onClose: () => void;
  onDone: () => Promise<void>;
  /** The vendor that it is for; chosen here where it is left out. */
  providerId?: string;
  providers: readonly Schema<"Provider">[];
}

/** Saves a vendor's key: written here, sealed there, shown by nothing. It is tried at once where that can be done. */
export function PutKey({ instanceId, onClose, onDone, providerId, providers }: PutKeyProps) {
  const [chosen, setChosen] = useState(providerId ?? "");
  const [secret, setSecret] = useState("");
  const [fault, setFault] = useState<unknown>(null);
  const [tested, setTested] = useState<Schema<"KeyTested"> | null>(null);
  const provider = providers.find(({ id }) => id === chosen);
  const put = async () => {
    setTested(null);
    const params = { path: { instance_id: instanceId, provider_id: chosen } };
    await take(
      api.PUT("/v1/provider-keys/{instance_id}/{provider_id}", { body: { secret: secret.trim() }, params }),
    );
    setSecret("");
    toast.done(`The key for ${provider?.display_name ?? chosen} is saved`);
    if (provider?.key_test) {
      const result = await take(api.POST("/v1/provider-keys/{instance_id}/{provider_id}/test", { params }));
      await onDone();
      if (!result.ok) {
        setTested(result);
        return;
      }
    } else await onDone();
    onClose();
  };
  const names = [...new Map(providers.map(({ display_name, id }) => [id, display_name]))];
  return (
    <Dialog
      title={providerId ? `Key for ${provider?.display_name ?? providerId}` : "Put a key"}
      onClose={onClose}
    >
      <Form
        action={provider?.key_test ? "Save and test" : "Save"}
        onCancel={onClose}
        onFault={setFault}
        onSubmit={put}
      >
        {providerId === undefined && (
          <SelectField
            label="Provider"
            required
            options={[["", "Choose one"], ...names]}
            value={chosen}
            onInput={setChosen}
          />
        )}
        <TextField
          label="Key"
          type="password"
          required
          autocomplete="new-password"
          maxLength={4096}
          help={`Sealed for ${instanceId}, in place of the one that was there. It is never shown again.`}
          fault={faultsOf(fault).secret}
          value={secret}
          onInput={setSecret}
        />
        {tested && <Outcome tested={tested} />}
      </Form>
    </Dialog>
  );
}
