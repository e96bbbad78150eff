import { base } from "@de/api";
import { Button, Dialog, SelectField, useQuery } from "@de/ui";
import { CallCode } from "@de/ui/call-code";
import { plainSnippet } from "@de/ui/snippets";
import { bodyFor, draft } from "./draft.ts";
import type { ImageModel } from "./models.ts";
import { PATH, type Run } from "./runs.ts";

interface CodeProps {
  /** An order's key, or `next` for what would be ordered now. */
  id: string;
  models: readonly ImageModel[];
  onClose: () => void;
  run: Run | undefined;
}

/** An order as code. It waits for its pictures, where the page asks for a job. */
export default function CodeDialog({ id, models, onClose, run }: CodeProps) {
  const [query, change] = useQuery();
  const item = run?.items.find(({ idempotencyKey }) => idempotencyKey === id);
  const chosen = models.filter((model) => draft.value.models.includes(model.id));
  const model = chosen.find((one) => one.id === query.of) ?? chosen[0];
  const body = item?.body ?? (id === "next" && model ? bodyFor(model, draft.value) : undefined);
  return (
    <Dialog size="large" title={id === "next" ? "The next order" : "This order"} onClose={onClose}>
      {id === "next" && chosen.length > 1 && (
        <SelectField
          label="Model"
          options={chosen.map((one) => [one.id, one.name] as const)}
          value={model?.id ?? ""}
          onInput={(of) => change({ of })}
        />
      )}
      {body ? (
        <>
          <CallCode call={{ base, body, path: PATH }} write={plainSnippet} />
          <p class="quiet small">
            The answer comes with the pictures. With <code>Prefer: respond-async</code> it is a job at once,
            as this page does it.
          </p>
        </>
      ) : (
        <p>This browser does not know that order.</p>
      )}
      <div class="form-end">
        <Button onClick={onClose}>Close</Button>
      </div>
    </Dialog>
  );
}
