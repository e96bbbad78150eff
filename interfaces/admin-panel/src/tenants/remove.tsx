import { confirm, toast } from "@de/ui";

/** How kinds of rows are called, one and several. */
const KINDS: Record<string, readonly [string, string]> = {
  api_keys: ["API key", "API keys"],
  assets: ["asset", "assets"],
  grants: ["grant", "grants"],
  instances: ["instance", "instances"],
  model_configs: ["model", "models"],
  projects: ["project", "projects"],
  provider_keys: ["provider key", "provider keys"],
  providers: ["provider", "providers"],
  sessions: ["log-in", "log-ins"],
  users: ["person", "people"],
  webhooks: ["webhook", "webhooks"],
};

interface Removal {
  kind: string;
  name: string;
  /** What else there is to know. */
  note?: string;
  send: (query: {
    cascade?: boolean;
    dry_run?: boolean;
  }) => Promise<{ would_delete: Record<string, number> } | undefined>;
}

/** Asks, with a list of all that goes too, and deletes. Resolves with whether it is gone. */
export async function remove({ kind, name, note, send }: Removal): Promise<boolean> {
  const would = await send({ dry_run: true });
  const below = Object.entries(would?.would_delete ?? {}).filter(([, count]) => count > 0);
  const done = await confirm({
    action: `Delete ${kind}`,
    body: <Consequences below={below} kind={kind} note={note} />,
    title: `Delete ${name}?`,
    work: () => send(below.length > 0 ? { cascade: true } : {}),
    ...(below.length > 0 && { typed: name }),
  });
  if (done) toast.done(`${name} is deleted`);
  return done;
}

function Consequences(props: { below: [string, number][]; kind: string; note?: string | undefined }) {
  const { below, kind, note } = props;
  return (
    <div class="form">
      {below.length === 0 ? (
        <p>Nothing is below this {kind}. It cannot be undone.</p>
      ) : (
        <>
          <p>It cannot be undone. With it go, for good:</p>
          <ul class="goes" aria-label="What goes with it">
            {below.map(([name, count]) => (
              <li key={name}>{counted(name, count)}</li>
            ))}
          </ul>
        </>
      )}
      {note && <p>{note}</p>}
    </div>
  );
}

function counted(name: string, count: number): string {
  const words = KINDS[name] ?? [name.replaceAll("_", " "), name.replaceAll("_", " ")];
  return `${count.toLocaleString("en")} ${count === 1 ? words[0] : words[1]}`;
}
