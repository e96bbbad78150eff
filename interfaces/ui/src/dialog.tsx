import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { Button } from "./button.tsx";
import { Fault } from "./fault.tsx";
import { TextField } from "./field.tsx";

interface DialogProps {
  children: ComponentChildren;
  onClose: () => void;
  size?: "large" | "usual";
  title: string;
}

/** A dialog of the browser's own: it keeps the focus, and Escape closes it. It is open as long as it is rendered. */
export function Dialog({ children, onClose, size = "usual", title }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const before = document.activeElement;
    element.current?.showModal();
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={element}
      class="dialog"
      data-size={size}
      aria-labelledby={id}
      onCancel={({ currentTarget, target }) => {
        // A picker of files within it that is left without a choice cancels too, and that bubbles.
        if (target === currentTarget) onClose();
      }}
      onClose={onClose}
    >
      <div class="dialog-body">
        <h2 id={id}>{title}</h2>
        {children}
      </div>
    </dialog>
  );
}

interface Question {
  /** What it does, as the button says it. */
  action: string;
  body: ComponentChildren;
  /** Has to be typed first: for what cannot be undone and takes much with it. */
  typed?: string;
  title: string;
  /** Done before the dialog closes; what it throws stays in the dialog. */
  work: () => Promise<unknown>;
}

const asked = signal<(Question & { answer: (done: boolean) => void }) | null>(null);

/** Asks before something is taken away, and does it. Resolves with whether it was done. */
export function confirm(question: Question): Promise<boolean> {
  return new Promise((answer) => {
    asked.value = { ...question, answer };
  });
}

/** Where {@link confirm} asks; rendered once by the frame. */
export function Questions() {
  const question = asked.value;
  return question ? <Asking key={question} question={question} /> : null;
}

function Asking({ question }: { question: NonNullable<typeof asked.value> }) {
  const [typed, setTyped] = useState("");
  const [fault, setFault] = useState<unknown>(null);
  const end = (done: boolean) => {
    asked.value = null;
    question.answer(done);
  };
  const act = async () => {
    try {
      await question.work();
      end(true);
    } catch (thrown) {
      setFault(thrown);
    }
  };
  const held = question.typed !== undefined && typed !== question.typed;
  return (
    <Dialog title={question.title} onClose={() => asked.value === question && end(false)}>
      <div>{question.body}</div>
      {question.typed !== undefined && (
        <TextField label={`Type ${question.typed} to go on`} value={typed} onInput={setTyped} />
      )}
      {fault !== null && <Fault error={fault} />}
      <div class="form-end">
        <Button onClick={() => end(false)}>Cancel</Button>
        <Button kind="danger" disabled={held} onClick={act}>
          {question.action}
        </Button>
      </div>
    </Dialog>
  );
}
