import { api, take } from "@de/api";
import { Button, Dialog, Resource, useResource } from "@de/ui";
import { useEffect } from "preact/hooks";
import { type KeyRow, Outcome } from "./key-parts.tsx";

interface TestKeyProps {
  onClose: () => void;
  onTested: () => Promise<void>;
  row: KeyRow;
}

/** Tries a key at once, and tells what the vendor said. */
export function TestKey({ onClose, onTested, row }: TestKeyProps) {
  const tested = useResource(
    (signal) => {
      const path = { instance_id: row.instance_id, provider_id: row.provider_id };
      return take(
        api.POST("/v1/provider-keys/{instance_id}/{provider_id}/test", { params: { path }, signal }),
      );
    },
    [row.provider_id],
  );
  useEffect(() => {
    if (tested.data) void onTested();
  }, [tested.data]);
  return (
    <Dialog title={`Test of the key for ${row.provider_id}`} onClose={onClose}>
      <div role="status" aria-label="Key test" class="form">
        {tested.loading && <progress aria-label="Asking the vendor" />}
        <Resource of={tested}>{(data) => <Outcome tested={data} />}</Resource>
      </div>
      <div class="form-end">
        <Button disabled={tested.loading} onClick={tested.reload}>
          Once more
        </Button>
        <Button kind="primary" onClick={onClose}>
          Close
        </Button>
      </div>
    </Dialog>
  );
}
