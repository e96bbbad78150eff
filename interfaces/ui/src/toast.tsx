import { isApiError } from "@de/api";
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Button } from "./button.tsx";
import { RequestId } from "./fault.tsx";
import { Icon } from "./icons.tsx";

interface Told {
  id: number;
  requestId?: string | undefined;
  text: string;
  tone: "bad" | "good";
}

const told = signal<Told[]>([]);
let last = 0;

/** Short news at the edge of the page. What went well goes by itself, failures stay until they are closed. */
export const toast = {
  done(text: string): void {
    const id = add({ text, tone: "good" });
    setTimeout(() => close(id), 5_000);
  },
  failed(thrown: unknown): void {
    if (thrown instanceof DOMException && thrown.name === "AbortError") return;
    const text = thrown instanceof Error ? thrown.message : String(thrown);
    add({ requestId: isApiError(thrown) ? thrown.requestId : undefined, text, tone: "bad" });
  },
};

function add(news: Omit<Told, "id">): number {
  last += 1;
  told.value = [...told.value.slice(-3), { ...news, id: last }];
  return last;
}

function close(id: number): void {
  told.value = told.value.filter((one) => one.id !== id);
}

/** Where toasts are shown; rendered once by the frame, above dialogs too. */
export function Toasts() {
  const box = useRef<HTMLDivElement>(null);
  const list = told.value;
  // Shown anew with each one: the last that was shown lies above all others, an open dialog too.
  useEffect(() => {
    if (box.current?.matches(":popover-open")) box.current.hidePopover();
    if (list.length > 0) box.current?.showPopover();
  }, [list]);
  return (
    <div class="toasts" popover="manual" ref={box} role="status" aria-label="News">
      {list.map(({ id, requestId, text, tone }) => (
        <div key={id} class="toast" data-tone={tone}>
          <div>
            {text}
            {requestId !== undefined && <RequestId id={requestId} />}
          </div>
          <Button kind="plain" size="small" aria-label="Close" onClick={() => close(id)}>
            <Icon name="close" />
          </Button>
        </div>
      ))}
    </div>
  );
}
