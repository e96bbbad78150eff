import { api, isApiError, type Schema, take } from "@de/api";
import {
  Badge,
  Button,
  duration,
  Form,
  faultsOf,
  Note,
  SelectField,
  Table,
  TextField,
  Time,
  useResource,
} from "@de/ui";
import { useState } from "preact/hooks";
import { STEPS } from "./progress.ts";
import type { StepProps } from "./setup.tsx";

type Tried = Schema<"KeyTested"> | { message: string; ok: null };

/** Tries a key by one cheap call to its vendor; `ok` is null where the provider has no such call. */
async function tryKey(instance: string, provider: string): Promise<Tried> {
  const params = { path: { instance_id: instance, provider_id: provider } };
  try {
    return await take(api.POST("/v1/provider-keys/{instance_id}/{provider_id}/test", { params }));
  } catch (thrown) {
    if (isApiError(thrown) && thrown.status === 409) return { message: thrown.message, ok: null };
    throw thrown;
  }
}

/** Step 3: a vendor's key, tried by a real call. */
export function ProviderKeyStep({ go, progress, reload }: StepProps) {
  const instance = progress.instance?.id;
  const [chosen, setChosen] = useState("openai");
  const [secret, setSecret] = useState("");
  const [tried, setTried] = useState<{ of: string; result: Tried } | null>(null);
  const [fault, setFault] = useState<unknown>(null);
  const providers = useResource(
    async (signal) =>
      (await take(api.GET("/v1/providers", { params: { query: { limit: 200 } }, signal }))).data,
    [],
  );
  if (!instance) return <Note>An instance comes first: step 2.</Note>;
  const known = providers.data ?? [];
  const provider = known.find(({ id }) => id === chosen) ?? known[0];
  const nameOf = (id: string) => known.find((one) => one.id === id)?.display_name ?? id;
  const test = async (id: string) => {
    setTried({ of: id, result: await tryKey(instance, id) });
    await reload();
  };
  const save = async () => {
    if (!provider) return;
    setTried(null);
    const params = { path: { instance_id: instance, provider_id: provider.id } };
    await take(api.PUT("/v1/provider-keys/{instance_id}/{provider_id}", { body: { secret }, params }));
    setSecret("");
    await test(provider.id);
  };
  return (
    <section class="card" aria-label={STEPS[2]}>
      <h2>A vendor's key for {progress.instance?.name}</h2>
      <p class="quiet">It is sealed, never shown again, and sent to nobody but this vendor.</p>
      <Form action="Save and try it" onFault={setFault} onSubmit={save}>
        <div class="form-grid">
          <SelectField
            label="Vendor"
            help={provider?.base_url}
            options={known.map(({ display_name, id }) => [id, display_name] as const)}
            value={provider?.id ?? ""}
            onInput={setChosen}
          />
          <TextField
            label="Key"
            type="password"
            required
            fault={faultsOf(fault).secret}
            value={secret}
            onInput={setSecret}
          />
        </div>
      </Form>
      {tried && <Result name={nameOf(tried.of)} of={tried.result} />}
      {progress.providerKeys.length > 0 && (
        <Table
          caption="Keys of this instance"
          id={({ provider_id }) => provider_id}
          rows={progress.providerKeys}
          columns={[
            { cell: ({ provider_id }) => nameOf(provider_id), head: "Vendor" },
            { cell: ({ last_four }) => <code class="nowrap">…{last_four ?? ""}</code>, head: "Key" },
            {
              cell: ({ last_test }) =>
                last_test ? (
                  <span class="nowrap">
                    <Badge tone={last_test.ok ? "good" : "bad"}>{last_test.ok ? "taken" : "refused"}</Badge>{" "}
                    <Time at={last_test.at} />
                  </span>
                ) : (
                  <span class="quiet">not tried</span>
                ),
              head: "Last test",
            },
            {
              cell: ({ provider_id }) => (
                <Button
                  size="small"
                  aria-label={`Try ${nameOf(provider_id)}`}
                  onClick={() => test(provider_id)}
                >
                  Try
                </Button>
              ),
              head: "Actions",
            },
          ]}
        />
      )}
      {progress.providerKeys.length > 0 && (
        <div class="form-end">
          <Button kind="primary" onClick={() => go(4)}>
            Go on
          </Button>
        </div>
      )}
    </section>
  );
}

function Result({ name, of }: { name: string; of: Tried }) {
  if (of.ok === null) {
    return (
      <Note tone="warn">
        {name}'s key is saved, and cannot be tried: {of.message}.
      </Note>
    );
  }
  if (of.ok) {
    return (
      <Note tone="good">
        {name} took the key, in {duration(of.duration_ms)}.
      </Note>
    );
  }
  return (
    <Note tone="bad">
      <p>{name} did not take the key. It is saved: save another one over it.</p>
      {of.message && (
        <p>
          In its words: <q>{of.message}</q>
        </p>
      )}
    </Note>
  );
}
