import { CopyButton } from "./button.tsx";

/** Text of a machine, as it is, to be copied. */
export function Code({ label, text }: { label: string; text: string }) {
  return (
    <figure class="code" aria-label={label}>
      <pre tabIndex={0}>
        <code>{text}</code>
      </pre>
      <div class="copy">
        <CopyButton label={`Copy ${label}`} text={text} />
      </div>
    </figure>
  );
}

/** A secret that is shown this once. */
export function Secret({ label, secret }: { label: string; secret: string }) {
  return (
    <div class="field">
      <span class="field-label">{label}</span>
      <div class="secret">
        <code>{secret}</code>
        <CopyButton label={`Copy ${label}`} text={secret} />
      </div>
      <span class="field-help">It is not shown again. Keep it where secrets are kept.</span>
    </div>
  );
}
