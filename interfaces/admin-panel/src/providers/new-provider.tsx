import { api, isApiError, take } from "@de/api";
import { Dialog, Form, toast } from "@de/ui";
import { useState } from "preact/hooks";
import { refusedFields } from "../models/bench/save.ts";
import { bodyOf, EMPTY, type Provider } from "./draft.ts";
import { ProviderFields } from "./fields.tsx";

interface NewProviderProps {
  onClose: () => void;
  onMade: (provider: Provider) => Promise<void>;
}

/** Makes a provider, where one is needed. */
export function NewProvider({ onClose, onMade }: NewProviderProps) {
  const [draft, setDraft] = useState(EMPTY);
  const [fault, setFault] = useState<unknown>(null);
  const make = async () => {
    const owner = draft.organizationId === "" ? {} : { organization_id: draft.organizationId };
    const body = { id: draft.id, ...owner, ...bodyOf(draft) };
    let made: Provider;
    try {
      made = await take(api.POST("/v1/providers", { body: body as never }));
    } catch (thrown) {
      if (!isApiError(thrown) || thrown.details.saved === undefined) throw thrown;
      toast.failed(thrown);
      made = await take(api.GET("/v1/providers/{id}", { params: { path: { id: draft.id }, query: owner } }));
    }
    toast.done(`${made.display_name} is made`);
    onClose();
    await onMade(made);
  };
  return (
    <Dialog title="New provider" size="large" onClose={onClose}>
      <Form action="Make it" onCancel={onClose} onFault={setFault} onSubmit={make}>
        <ProviderFields isNew draft={draft} faults={refusedFields(fault)} onDraft={setDraft} />
      </Form>
    </Dialog>
  );
}
