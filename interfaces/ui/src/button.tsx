import type { ComponentChildren, JSX } from "preact";
import { useState } from "preact/hooks";
import { Icon } from "./icons.tsx";
import { toast } from "./toast.tsx";

type Kind = "danger" | "plain" | "primary" | "usual";

interface ButtonProps extends Omit<JSX.IntrinsicElements["button"], "onClick" | "size"> {
  kind?: Kind;
  /** A promise keeps the button busy until it ends; what it throws is told in a toast. */
  onClick?: (event: MouseEvent) => unknown;
  size?: "small" | "usual";
}

/** A button that cannot be pressed twice while its work runs. */
export function Button({ children, kind = "usual", onClick, size = "usual", ...rest }: ButtonProps) {
  const [busy, setBusy] = useState(false);
  const press = async (event: MouseEvent) => {
    if (busy) return;
    const work = onClick?.(event);
    if (!(work instanceof Promise)) return;
    setBusy(true);
    try {
      await work;
    } catch (thrown) {
      toast.failed(thrown);
    } finally {
      setBusy(false);
    }
  };
  return (
    <button
      type="button"
      {...rest}
      class="button"
      data-kind={kind}
      data-size={size}
      aria-busy={busy}
      aria-disabled={busy || undefined}
      onClick={press}
    >
      {children}
    </button>
  );
}

/** A link that looks like a button: for what leads to another page. */
export function LinkButton(props: {
  children: ComponentChildren;
  href: string;
  kind?: Kind;
  size?: "small" | "usual";
}) {
  const { children, href, kind = "usual", size = "usual" } = props;
  return (
    <a class="button" href={href} data-kind={kind} data-size={size}>
      {children}
    </a>
  );
}

/** Copies a text. */
export function CopyButton({ label = "Copy", text }: { label?: string; text: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    setCopied(true);
    setTimeout(() => setCopied(false), 2000);
  };
  return (
    <Button kind="plain" size="small" aria-label={label} title={label} onClick={copy}>
      <Icon name={copied ? "check" : "copy"} />
      <span role="status" class="only-heard">
        {copied ? "Copied" : ""}
      </span>
    </Button>
  );
}
