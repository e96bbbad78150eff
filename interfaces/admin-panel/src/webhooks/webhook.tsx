import { api, take } from "@de/api";
import {
  Badge,
  Button,
  CopyButton,
  Crumbs,
  confirm,
  Note,
  Page,
  Resource,
  Tag,
  Time,
  toast,
  useInstances,
  useResource,
} from "@de/ui";
import { useState } from "preact/hooks";
import { useLocation, useRoute } from "preact-iso";
import { Deliveries } from "./deliveries.tsx";
import { EditWebhook, NewSecret } from "./form.tsx";
import { useMayChange } from "./may.ts";
import { Rotate } from "./rotate.tsx";
import { hearsOf, type Webhook } from "./words.tsx";

/** One webhook: what it hears of, and what it was told. */
export default function WebhookPage() {
  const id = useRoute().params.id ?? "";
  const read = useResource(
    async (signal) => {
      const answer = await api.GET("/v1/webhooks/{id}", { params: { path: { id } }, signal });
      return { etag: answer.response.headers.get("etag"), webhook: answer.data as Webhook };
    },
    [id],
  );
  return (
    <Resource of={read}>
      {({ etag, webhook }) => <Shown etag={etag} webhook={webhook} onChange={read.reload} />}
    </Resource>
  );
}

interface ShownProps {
  etag: string | null;
  onChange: () => Promise<void>;
  webhook: Webhook;
}

function Shown({ etag, onChange, webhook }: ShownProps) {
  const [open, setOpen] = useState<"edit" | "rotate" | null>(null);
  const [secret, setSecret] = useState<string | null>(null);
  const [told, setTold] = useState(0);
  const instances = useInstances();
  const mayChange = useMayChange().of(webhook);
  const { route } = useLocation();
  const { id, status } = webhook;
  const nameOf = (one: string) => instances.data?.find((found) => found.id === one)?.name ?? one;
  const set = async (next: "active" | "disabled") => {
    const params = { header: etag ? { "If-Match": etag } : {}, path: { id } };
    await take(api.PATCH("/v1/webhooks/{id}", { body: { status: next } as never, params }));
    toast.done(next === "active" ? "The webhook is active" : "The webhook is disabled");
    await onChange();
  };
  const test = async () => {
    const delivery = await take(api.POST("/v1/webhooks/{id}/test", { params: { path: { id } } }));
    setTold(told + 1);
    if (delivery.state === "delivered") {
      toast.done(`The receiver answered ${delivery.last_status}`);
    } else {
      const answer = delivery.last_status === null ? "" : ` (${delivery.last_status})`;
      toast.failed(
        new Error(`The test did not arrive: ${delivery.last_error ?? "no reason is known"}${answer}`),
      );
    }
  };
  const remove = () =>
    confirm({
      action: "Delete webhook",
      body: (
        <p>
          Nothing more is told to <span class="wrap">{webhook.url}</span>. The record of what it was told goes
          with it, and messages that wait are given up.
        </p>
      ),
      title: "Delete this webhook?",
      work: async () => {
        const params = { header: etag ? { "If-Match": etag } : {}, path: { id } };
        await take(api.DELETE("/v1/webhooks/{id}", { params }));
        toast.done("The webhook is deleted");
        route("/webhooks");
      },
    });
  return (
    <Page
      title="Webhook"
      crumbs={<Crumbs of={[["/webhooks", "Webhooks"]]} />}
      lead={<span class="wrap">{webhook.url}</span>}
      actions={
        mayChange && (
          <>
            <Button disabled={status === "disabled"} onClick={test}>
              Send a test
            </Button>
            <Button onClick={() => setOpen("edit")}>Edit</Button>
            <Button onClick={() => setOpen("rotate")}>Rotate secret</Button>
            <Button onClick={() => set(status === "active" ? "disabled" : "active")}>
              {status === "active" ? "Disable" : "Enable"}
            </Button>
            <Button kind="danger" onClick={remove}>
              Delete
            </Button>
          </>
        )
      }
    >
      {status === "disabled" && (
        <Note tone="warn">
          It is disabled, by somebody or because its receiver answered 410: what happens meanwhile is not
          told.
        </Note>
      )}
      <section class="card" aria-label="Facts">
        <dl class="facts">
          <dt>Status</dt>
          <dd>
            <Badge>{status}</Badge>
          </dd>
          <dt>Hears of</dt>
          <dd>{hearsOf(webhook, nameOf)}</dd>
          <dt>Events</dt>
          <dd class="row">
            {webhook.events.map((event) => (
              <Tag key={event}>{event}</Tag>
            ))}
          </dd>
          {webhook.description && (
            <>
              <dt>Description</dt>
              <dd>{webhook.description}</dd>
            </>
          )}
          {webhook.previous_secret_until && (
            <>
              <dt>Old secret</dt>
              <dd>
                signs too, until <Time at={webhook.previous_secret_until} />
              </dd>
            </>
          )}
          <dt>Made</dt>
          <dd>
            <Time at={webhook.created_at} />, changed <Time at={webhook.updated_at} />
          </dd>
          <dt>Id</dt>
          <dd>
            <code>{id}</code> <CopyButton label="Copy the id" text={id} />
          </dd>
        </dl>
      </section>
      <Deliveries key={told} mayChange={mayChange} webhook={webhook} />
      {open === "edit" && (
        <EditWebhook etag={etag} webhook={webhook} onChange={onChange} onClose={() => setOpen(null)} />
      )}
      {open === "rotate" && (
        <Rotate
          id={id}
          onClose={() => setOpen(null)}
          onMade={async (made) => {
            setOpen(null);
            setSecret(made);
            await onChange();
          }}
        />
      )}
      {secret && <NewSecret secret={secret} onClose={() => setSecret(null)} />}
    </Page>
  );
}
