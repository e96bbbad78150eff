import { isApiError } from "@de/api";
import { confirm } from "@de/ui";
import { saving } from "./saving.ts";
import { stateOf } from "./state.ts";

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

interface Row {
  updated_at: string;
}

interface Removal {
  /** Asks for the row as it is now. */
  again: () => Promise<Row>;
  kind: string;
  name: string;
  /** What else there is to know. */
  note?: string;
  row: Row;
  send: (asked: {
    header: ReturnType<typeof stateOf>;
    query: { cascade?: boolean; dry_run?: boolean };
  }) => Promise<{ would_delete: Record<string, number> } | undefined>;
}

/** Asks, with a list of all that goes too, and deletes. Resolves with whether it is gone. */
export async function remove({ again, kind, name, note, row, send }: Removal): Promise<boolean> {
  const would = await send({ header: stateOf(row), query: { dry_run: true } });
  const below = Object.entries(would?.would_delete ?? {}).filter(([, count]) => count > 0);
  const query = below.length > 0 ? { cascade: true } : {};
  let isSuspended = false;
  const work = async () => {
    const header = stateOf(isSuspended ? await again() : row);
    try {
      await saving(send({ header, query }), `${name} is deleted`);
    } catch (thrown) {
      // What much hangs on is suspended first, and is another row from then on: it is deleted at the next press.
      isSuspended ||= isApiError(thrown) && thrown.details.suspended === true;
      throw thrown;
    }
  };
  return confirm({
    action: `Delete ${kind}`,
    body: <Consequences below={below} kind={kind} note={note} />,
    title: `Delete ${name}?`,
    work,
    ...(below.length > 0 && { typed: name }),
  });
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
