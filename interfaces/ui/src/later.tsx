import { signal } from "@preact/signals";
import type { ComponentType, FunctionComponent } from "preact";
import { Dialog } from "./dialog.tsx";
import { Fault } from "./fault.tsx";
import { Bones } from "./resource.tsx";

type Part<Props> = { error: unknown } | { Loaded: ComponentType<Props> } | null;

/**
 * A part of a page that is loaded when it is first shown. One that does not come says so, and can be asked for again.
 *
 * @param Waiting keeps its place meanwhile; a dialog has none.
 */
export function later<Props extends object>(
  load: () => Promise<{ readonly default: ComponentType<Props> }>,
  Waiting: FunctionComponent = Bones,
): FunctionComponent<Props> {
  const part = signal<Part<Props>>(null);
  let isAsked = false;
  const ask = async () => {
    isAsked = true;
    part.value = null;
    try {
      part.value = { Loaded: (await load()).default };
    } catch {
      part.value = { error: new Error("This part of the page could not be loaded.") };
    }
  };
  const again = async () => {
    await ask();
    // Names of files change with a deployment, and a browser may remember that one failed: only a page that is loaded
    // anew helps then. Where nothing answers, it would be gone.
    const there = part.peek();
    if (there && "error" in there && (await answers())) location.reload();
  };
  return function Later(props: Props) {
    if (!isAsked) void ask();
    const there = part.value;
    const close = "onClose" in props ? (props.onClose as () => void) : null;
    if (there === null) return close ? null : <Waiting />;
    if ("Loaded" in there) return <there.Loaded {...props} />;
    const fault = <Fault error={there.error} retry={() => void again()} />;
    if (!close) return fault;
    return (
      <Dialog title="Not loaded" onClose={close}>
        {fault}
      </Dialog>
    );
  };
}

/** Whether the page's own origin can be reached. */
async function answers(): Promise<boolean> {
  const answer = await fetch("/", { cache: "no-store", method: "HEAD" }).catch(() => null);
  return answer?.ok ?? false;
}
