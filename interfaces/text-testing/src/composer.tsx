import { Button, Icon, toast, useQuery } from "@de/ui";
import { useRef, useState } from "preact/hooks";
import { faultsOf, isRunning } from "./body.ts";
import { type Known, send, stop } from "./run.ts";
import { Thumbnail } from "./thumbnail.tsx";
import type { Conversation, Picture } from "./types.ts";

const TYPES = ["image/gif", "image/jpeg", "image/png", "image/webp"];
const MOST_PICTURES = 8;
const LARGEST = 8 * 1024 * 1024;

interface ComposerProps {
  known: Known;
  now: Conversation;
  setText: (text: string) => void;
  text: string;
}

/** Where a prompt is written. Enter sends it, Shift and Enter begin a line, Escape stops what runs. */
export function Composer({ known, now, setText, text }: ComposerProps) {
  const [, change] = useQuery();
  const [pictures, setPictures] = useState<Picture[]>([]);
  const file = useRef<HTMLInputElement>(null);
  const last = now.turns.at(-1);
  const isBusy = last !== undefined && isRunning(last);
  const isWrong = Object.keys(faultsOf(now.settings)).length > 0;
  const held =
    now.models.length === 0
      ? "Choose a model first."
      : isWrong
        ? "Something is wrong with the settings."
        : text.trim() === "" && pictures.length === 0
          ? "Write a prompt first."
          : null;
  const go = () => {
    if (held !== null || isBusy) return;
    send(text, pictures, known);
    setText("");
    setPictures([]);
  };
  const add = (files: Iterable<File>) => {
    const more: Picture[] = [];
    for (const one of files) {
      if (!TYPES.includes(one.type)) toast.failed(`${one.name} is no PNG, JPEG, WebP or GIF.`);
      else if (one.size > LARGEST) toast.failed(`${one.name} has more than 8 MB.`);
      else more.push({ blob: one, id: crypto.randomUUID(), name: one.name });
    }
    const all = [...pictures, ...more];
    if (all.length > MOST_PICTURES) toast.failed(`A prompt takes ${MOST_PICTURES} pictures.`);
    setPictures(all.slice(0, MOST_PICTURES));
  };
  const blind = known.models.filter(
    ({ capabilities, model_id }) => now.models.includes(model_id) && capabilities.vision !== true,
  );
  const keys = (event: KeyboardEvent) => {
    if (event.key === "Escape" && isBusy) stop();
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    go();
  };
  return (
    <form
      class="composer"
      aria-label="Prompt"
      onSubmit={(event) => {
        event.preventDefault();
        go();
      }}
      onDragOver={(event) => event.preventDefault()}
      onDrop={(event) => {
        event.preventDefault();
        add(event.dataTransfer?.files ?? []);
      }}
    >
      {pictures.length > 0 && (
        <ul class="row" aria-label="Attached pictures">
          {pictures.map((picture) => (
            <li key={picture.id} class="attached">
              <Thumbnail picture={picture} />
              <Button
                kind="plain"
                size="small"
                aria-label={`Remove ${picture.name}`}
                onClick={() => setPictures(pictures.filter(({ id }) => id !== picture.id))}
              >
                <Icon name="close" />
              </Button>
            </li>
          ))}
        </ul>
      )}
      {pictures.length > 0 && blind.length > 0 && (
        <p class="small warn">
          {blind.map(({ display_name }) => display_name).join(", ")}{" "}
          {blind.length === 1
            ? "does not say that it reads pictures."
            : "do not say that they read pictures."}
        </p>
      )}
      <textarea
        class="input"
        aria-label="Prompt"
        placeholder="Ask something. Enter sends, Shift+Enter begins a line."
        rows={3}
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={keys}
        onPaste={(event) => {
          const files = [...(event.clipboardData?.files ?? [])];
          if (files.length > 0) event.preventDefault();
          add(files);
        }}
      />
      <div class="row">
        <input
          ref={file}
          type="file"
          hidden
          multiple
          accept={TYPES.join()}
          aria-label="Pictures"
          onInput={(event) => {
            add(event.currentTarget.files ?? []);
            event.currentTarget.value = "";
          }}
        />
        <Button size="small" kind="plain" onClick={() => file.current?.click()}>
          <Icon name="plus" /> Picture
        </Button>
        <Button
          size="small"
          kind="plain"
          disabled={now.models.length === 0 || isWrong}
          onClick={() => change({ call: "next", tab: null })}
        >
          Code
        </Button>
        <span class="row row-end">
          {isBusy ? (
            <Button kind="danger" onClick={() => stop()}>
              Stop
            </Button>
          ) : (
            <Button kind="primary" type="submit" disabled={held !== null} title={held ?? undefined}>
              Send
            </Button>
          )}
        </span>
      </div>
    </form>
  );
}
