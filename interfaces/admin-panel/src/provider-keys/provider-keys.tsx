import { api, instance, isOperator, type Schema, take } from "@de/api";
import { Button, confirm, Page, Resource, Table, Time, toast } from "@de/ui";
import { useState } from "preact/hooks";
import { useProviderKeys, useProviders } from "../models/rows.ts";
import { type KeyRow, LastFour, LastTest } from "./key-parts.tsx";
import { useMayPut } from "./may.ts";
import { PutKey } from "./put-key.tsx";
import { Reseal } from "./reseal.tsx";
import { TestKey } from "./test-key.tsx";
import "../models/models.css";

type Dialogs = { what: "put"; provider?: string } | { what: "reseal" } | { what: "test"; row: KeyRow } | null;

/** The vendors' keys of the chosen instance: what is known of them, never the keys. */
export default function ProviderKeys() {
  const at = instance.value;
  const [open, setOpen] = useState<Dialogs>(null);
  const providers = useProviders();
  const keys = useProviderKeys(at);
  const providerOf = (id: string) => providers.data?.find((one) => one.id === id);
  const mayPut = useMayPut(at);
  return (
    <Page
      title="Provider keys"
      lead="With which keys the chosen instance calls vendors. A key is written once and shown by nothing."
      actions={
        <>
          {isOperator.value && <Button onClick={() => setOpen({ what: "reseal" })}>Reseal</Button>}
          {mayPut && (
            <Button kind="primary" onClick={() => setOpen({ what: "put" })}>
              Put a key
            </Button>
          )}
        </>
      }
    >
      <Resource
        of={keys}
        isEmpty={(rows) => rows.length === 0}
        empty={
          <>
            <h2>{at === null ? "No instance is chosen" : "No key yet"}</h2>
            <p>Without a key no vendor can be called: calls answer 503.</p>
          </>
        }
      >
        {(rows) => (
          <Table
            caption="Provider keys"
            id={(row) => row.provider_id}
            rows={rows}
            columns={[
              {
                cell: (row) => (
                  <div class="model-name">
                    <a href={`/providers/${encodeURIComponent(row.provider_id)}`}>
                      {providerOf(row.provider_id)?.display_name ?? row.provider_id}
                    </a>
                    <div class="small quiet">
                      <code>{row.provider_id}</code>
                    </div>
                  </div>
                ),
                head: "Provider",
                sort: (row) => row.provider_id,
              },
              { cell: (row) => <LastFour row={row} />, head: "Key" },
              { cell: (row) => <Time at={row.updated_at} />, head: "Saved", sort: (row) => row.updated_at },
              {
                cell: (row) =>
                  row.last_used_at ? <Time at={row.last_used_at} /> : <span class="quiet">never</span>,
                head: "Last used",
                sort: (row) => row.last_used_at ?? null,
              },
              { cell: (row) => <LastTest row={row} />, head: "Last test" },
              {
                cell: (row) =>
                  mayPut && (
                    <Actions
                      canTest={!!providerOf(row.provider_id)?.key_test}
                      onForgotten={keys.reload}
                      onOpen={setOpen}
                      row={row}
                    />
                  ),
                head: "Actions",
              },
            ]}
            foot={<span>{rows.length} keys</span>}
          />
        )}
      </Resource>
      {open?.what === "put" && at !== null && (
        <PutKey
          instanceId={at}
          {...(open.provider === undefined ? {} : { providerId: open.provider })}
          providers={providers.data ?? []}
          onClose={() => setOpen(null)}
          onDone={keys.reload}
        />
      )}
      {open?.what === "test" && (
        <TestKey row={open.row} onClose={() => setOpen(null)} onTested={keys.reload} />
      )}
      {open?.what === "reseal" && <Reseal onClose={() => setOpen(null)} onDone={keys.reload} />}
    </Page>
  );
}

interface ActionsProps {
  canTest: boolean;
  onForgotten: () => Promise<void>;
  onOpen: (dialog: Dialogs) => void;
  row: Schema<"ProviderKey">;
}

function Actions({ canTest, onForgotten, onOpen, row }: ActionsProps) {
  const id = row.provider_id;
  const why = canTest ? undefined : "The provider names no call that tries a key";
  return (
    <span class="row">
      <Button
        size="small"
        disabled={!canTest || !row.usable}
        title={why}
        aria-label={`Test the key for ${id}`}
        onClick={() => onOpen({ row, what: "test" })}
      >
        Test
      </Button>
      <Button
        size="small"
        aria-label={`Replace the key for ${id}`}
        onClick={() => onOpen({ provider: id, what: "put" })}
      >
        Replace
      </Button>
      <Button
        size="small"
        kind="danger"
        aria-label={`Delete the key for ${id}`}
        onClick={() => void forget(row, onForgotten)}
      >
        Delete
      </Button>
    </span>
  );
}

async function forget(row: KeyRow, onForgotten: () => Promise<void>): Promise<void> {
  const path = { instance_id: row.instance_id, provider_id: row.provider_id };
  const isDone = await confirm({
    action: "Delete key",
    body: "No call is made with it from then on: models of this provider answer 503 on this instance.",
    title: `Delete the key for ${row.provider_id}?`,
    work: () => take(api.DELETE("/v1/provider-keys/{instance_id}/{provider_id}", { params: { path } })),
  });
  if (!isDone) return;
  toast.done(`The key for ${row.provider_id} is deleted`);
  await onForgotten();
}
