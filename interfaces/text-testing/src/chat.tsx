import { Button, Fault, Icon, later, Note, Page, useQuery } from "@de/ui";
import { useEffect, useMemo, useState } from "preact/hooks";
import { Composer } from "./composer.tsx";
import { change, elsewhere, MOST_TURNS, setModels, start, unkept } from "./conversation.ts";
import { ModelStrip } from "./model-strip.tsx";
import { type Model, useModels, useOptions } from "./models.ts";
import { type Known, settleAll } from "./run.ts";
import type { Conversation } from "./types.ts";

const CallDialog = later(() => import("./call-dialog.tsx"));
const History = later(() => import("./history.tsx"));
const SettingsPanel = later(() => import("./settings.tsx"));
const Transcript = later(() => import("./transcript.tsx"));
const ReceiptDialog = later(async () => ({ default: (await import("@de/ui/receipt")).ReceiptDialog }));

/** The conversation, with what is set for it at its side. */
export default function Chat({ now, owner }: { now: Conversation; owner: string }) {
  const [query, changeQuery] = useQuery();
  const models = useModels();
  const chosen = now.models
    .map((id) => models.data?.find(({ model_id }) => model_id === id))
    .filter((model): model is Model => model !== undefined);
  const options = useOptions(chosen);
  const known = useMemo<Known>(() => ({ models: models.data ?? [], options }), [models.data, options]);
  const choose = (ids: string[]) => {
    setModels(ids);
    changeQuery({ models: ids.join() });
  };
  const [draft, setDraft] = useState("");
  useEffect(settleAll, [now.id]);
  const isFull = now.turns.length >= MOST_TURNS;
  return (
    <Page
      title="Text testing"
      lead="Ask several models the same: answers, speed and cost side by side."
      actions={
        <>
          <Button onClick={() => changeQuery({ show: "history" })}>Conversations</Button>
          <Button onClick={() => start(owner, now.models, now.settings)} disabled={now.turns.length === 0}>
            <Icon name="plus" /> New conversation
          </Button>
        </>
      }
    >
      {elsewhere.value && (
        <Note tone="warn">That conversation is open in another tab. This is a new one.</Note>
      )}
      {unkept.value !== null && (
        <Note tone="warn">This browser does not keep the conversation: {unkept.value}</Note>
      )}
      {models.error ? <Fault error={models.error} retry={() => void models.reload()} /> : null}
      <div class="chat">
        <div class="chat-main">
          <ModelStrip all={models.data} chosen={now.models} choose={choose} />
          {now.turns.length === 0 ? <Nothing now={now} /> : <Transcript now={now} known={known} />}
          {isFull ? (
            <Note>This conversation has {MOST_TURNS} prompts, and takes no more. Begin a new one.</Note>
          ) : (
            <Composer now={now} known={known} text={draft} setText={setDraft} />
          )}
        </div>
        <SettingsPanel
          key={now.id}
          settings={now.settings}
          chosen={chosen}
          options={options}
          onChange={(settings) => change({ settings: { ...now.settings, ...settings } })}
        />
      </div>
      {query.call && (
        <CallDialog
          id={query.call}
          now={now}
          known={known}
          draft={draft}
          onClose={() => changeQuery({ call: null, lang: null, of: null, tab: null })}
        />
      )}
      {query.receipt && <ReceiptDialog id={query.receipt} onClose={() => changeQuery({ receipt: null })} />}
      {query.show === "history" && <History now={now} onClose={() => changeQuery({ show: null })} />}
    </Page>
  );
}

function Nothing({ now }: { now: Conversation }) {
  return (
    <div class="empty">
      <h2>Nothing has been asked yet</h2>
      <p>
        {now.models.length === 0
          ? "Choose one model or several, then write a prompt."
          : "Write a prompt below. Each chosen model is really asked, and billed."}
      </p>
    </div>
  );
}
