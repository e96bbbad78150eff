import { isApiError, pageAt } from "@de/api";
import type { ComponentChildren } from "preact";
import type { Tone } from "./badge.tsx";

/** Something to know, beside what it is about. */
export function Note({ children, tone = "plain" }: { children: ComponentChildren; tone?: Tone }) {
  return (
    <div class="note" data-tone={tone} role={tone === "bad" ? "alert" : undefined}>
      {children}
    </div>
  );
}

/** A failure in the API's own words, with the fields that it names and the request's id. */
export function Fault({ error, retry }: { error: unknown; retry?: () => void }) {
  if (!isApiError(error)) {
    return (
      <Note tone="bad">
        <p>{error instanceof Error ? error.message : String(error)}</p>
        <Again retry={retry} />
      </Note>
    );
  }
  return (
    <Note tone="bad">
      <p>
        {error.message} <code>{error.code}</code>
      </p>
      {error.fields.length > 0 && (
        <ul>
          {error.fields.map((field) => (
            <li key={field.pointer}>
              <code>{field.pointer || "/"}</code> {field.reason}
            </li>
          ))}
        </ul>
      )}
      <VendorWords details={error.details} />
      {error.retryAfter !== undefined && <p>Try again in {error.retryAfter} s.</p>}
      {error.requestId !== undefined && <RequestId id={error.requestId} />}
      <Again retry={retry} />
    </Note>
  );
}

function Again({ retry }: { retry: (() => void) | undefined }) {
  if (!retry) return null;
  return (
    <p>
      <button type="button" class="button" data-size="small" onClick={retry}>
        Try again
      </button>
    </p>
  );
}

/** What a vendor said itself, where it is the vendor who failed. */
function VendorWords({ details }: { details: Record<string, unknown> }) {
  const { provider, provider_message: message, provider_status: status } = details;
  if (typeof message !== "string" || message === "") return null;
  return (
    <p class="small">
      {typeof provider === "string" ? provider : "The vendor"}
      {typeof status === "number" ? ` (${status})` : ""}: <q>{message}</q>
    </p>
  );
}

/** A request's id, which leads to the request in the admin panel. */
export function RequestId({ id }: { id: string }) {
  return (
    <p class="small">
      Request{" "}
      <AdminLink path={`/requests/${encodeURIComponent(id)}`}>
        <code>{id}</code>
      </AdminLink>
    </p>
  );
}

/** Leads to a place of the admin panel, beside this page where it is another one. */
export function AdminLink({ children, path }: { children: ComponentChildren; path: string }) {
  const href = pageAt("admin-panel", path);
  if (href === null) return <>{children}</>;
  return (
    <a href={href} {...(href === path ? {} : { target: "_blank" })}>
      {children}
    </a>
  );
}
