import { api, instance, isApiError, take } from "@de/api";
import { Button, Resource, useResource } from "@de/ui";
import { useState } from "preact/hooks";
import { KeyFacts, KeyTest } from "../provider-keys/key-parts.tsx";
import { useMayPut } from "../provider-keys/may.ts";
import { PutKey } from "../provider-keys/put-key.tsx";
import type { Provider } from "./draft.ts";

/** The key that the chosen instance has for a vendor, without the key. */
export function KeyCard({ provider }: { provider: Provider }) {
  const at = instance.value;
  const [isPutting, setPutting] = useState(false);
  const key = useResource(
    async (signal) => {
      if (at === null) return null;
      const path = { instance_id: at, provider_id: provider.id };
      try {
        return await take(
          api.GET("/v1/provider-keys/{instance_id}/{provider_id}", { params: { path }, signal }),
        );
      } catch (thrown) {
        if (isApiError(thrown) && thrown.status === 404) return null;
        throw thrown;
      }
    },
    [at, provider.id],
  );
  const mayPut = useMayPut(at);
  return (
    <section class="card" aria-label="Key">
      <div class="card-head">
        <h2>Key of this instance</h2>
        {mayPut && (
          <Button size="small" onClick={() => setPutting(true)}>
            {key.data ? "Replace" : "Put a key"}
          </Button>
        )}
      </div>
      <Resource
        of={key}
        isEmpty={(row) => row === null}
        empty={
          <p>{at === null ? "Choose an instance first." : "No key: calls of this instance answer 503."}</p>
        }
      >
        {(row) =>
          row && (
            <>
              <KeyFacts row={row} />
              {mayPut && <KeyTest canTest={!!provider.key_test} row={row} onTested={key.reload} />}
            </>
          )
        }
      </Resource>
      {isPutting && at !== null && (
        <PutKey
          instanceId={at}
          providerId={provider.id}
          providers={[provider]}
          onClose={() => setPutting(false)}
          onDone={key.reload}
        />
      )}
    </section>
  );
}
