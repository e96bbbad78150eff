import { instance, person } from "@de/api";
import { Shell, useInstanceInAddress, useInstances, useQuery } from "@de/ui";
import { useEffect } from "preact/hooks";
import Chat from "./chat.tsx";
import { conversation, open } from "./conversation.ts";

export function App() {
  return (
    <Shell name="Text testing" nav={[{ links: [["/", "Text testing"]] }]}>
      <Room />
    </Shell>
  );
}

/** Opens the conversation that the address names; the address then names the one that is open. */
function Room() {
  const [query, change] = useQuery();
  useInstanceInAddress();
  const instances = useInstances();
  const usual = instances.data?.find(({ id }) => id === instance.value)?.default_models?.text;
  const owner = `${person.value?.id}/${instance.value}`;
  const isKnown = instances.data?.some(({ id }) => id === instance.value) ?? false;
  const named = query.models?.split(",").filter(Boolean);
  useEffect(() => {
    if (!isKnown || conversation.peek()?.owner === owner) return;
    const isFirst = conversation.peek() === null;
    void open(owner, isFirst ? query.chat : undefined, usual ? [usual] : []);
  }, [owner, isKnown]);
  const now = conversation.value;
  const models = named ?? now?.models;
  useEffect(() => {
    if (!now) return;
    if (named && named.join() !== now.models.join()) conversation.value = { ...now, models: named };
    if (query.chat !== now.id) change({ chat: now.id });
  }, [now?.id, query.models]);
  if (!now || !models || now.owner !== owner) return null;
  return <Chat now={now} owner={owner} />;
}
