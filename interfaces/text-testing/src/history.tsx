import { Button, confirm, Dialog, Resource, Time, toast, useQuery, useResource } from "@de/ui";
import { clear, conversation, keep, open } from "./conversation.ts";
import { asJson, asMarkdown } from "./export.ts";
import { KEPT, store } from "./store.ts";
import { answersOf, type Conversation } from "./types.ts";

/** The conversations that this browser keeps for the person and the instance; and what can be done with the open one. */
export default function History({ now, onClose }: { now: Conversation; onClose: () => void }) {
  const [, change] = useQuery();
  const list = useResource(async () => {
    await keep();
    return store.list(now.owner);
  }, [now.owner, now.id]);
  const enter = async (id: string) => {
    await open(now.owner, id, now.models);
    // What the address says of models was said of the other one.
    change({ chat: conversation.peek()?.id ?? null, models: null, show: null });
  };
  const forget = async (one: Conversation) => {
    const isOpen = one.id === now.id;
    await confirm({
      action: isOpen ? "Clear" : "Delete",
      body: (
        <p>
          “{titleOf(one)}” with {one.turns.length} {one.turns.length === 1 ? "prompt" : "prompts"} goes from
          this browser. The books keep what was charged.
        </p>
      ),
      title: isOpen ? "Clear this conversation?" : "Delete this conversation?",
      work: () => (isOpen ? clear() : store.remove(one.id)),
    });
    await list.reload();
  };
  const give = async (one: Conversation, kind: "json" | "md") => {
    const text = kind === "json" ? await asJson(one) : asMarkdown(one);
    const type = kind === "json" ? "application/json" : "text/markdown";
    save(new Blob([text], { type }), `conversation-${one.id.slice(0, 8)}.${kind}`);
    toast.done("The conversation is exported");
  };
  return (
    <Dialog title="Conversations" size="large" onClose={onClose}>
      <p class="quiet">
        Kept in this browser alone, for you and this instance: the newest {KEPT}. They can be exported here.
      </p>
      <Resource of={list} isEmpty={(all) => all.length === 0} empty={<p>Nothing is kept yet.</p>}>
        {(all) => (
          <ul class="history">
            {all.map((one) => (
              <li key={one.id} aria-current={one.id === now.id || undefined}>
                <div class="history-title">
                  {one.id === now.id ? (
                    <strong>{titleOf(one)}</strong>
                  ) : (
                    <button type="button" class="link" onClick={() => void enter(one.id)}>
                      {titleOf(one)}
                    </button>
                  )}
                  <span class="quiet small">
                    {one.models.join(", ") || "no model"} · {counted(one)} · <Time at={one.updatedAt} />
                  </span>
                </div>
                <span class="row">
                  <Button size="small" onClick={() => give(one, "json")}>
                    JSON
                  </Button>
                  <Button size="small" onClick={() => give(one, "md")}>
                    Markdown
                  </Button>
                  <Button size="small" kind="danger" onClick={() => forget(one)}>
                    {one.id === now.id ? "Clear" : "Delete"}
                  </Button>
                </span>
              </li>
            ))}
          </ul>
        )}
      </Resource>
      <div class="form-end">
        <Button onClick={onClose}>Close</Button>
      </div>
    </Dialog>
  );
}

function titleOf({ turns }: Conversation): string {
  const text = turns[0]?.text.trim() ?? "";
  return text === "" ? "Nothing asked yet" : text.length > 80 ? `${text.slice(0, 79)}…` : text;
}

function counted({ turns }: Conversation): string {
  const answers = turns.flatMap(answersOf).length;
  return answers === 1 ? "1 answer" : `${answers} answers`;
}

function save(blob: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
