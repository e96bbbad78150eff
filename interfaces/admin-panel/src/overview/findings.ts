import { isApiError } from "@de/api";
import type { View } from "./overview.tsx";
import { apiKeys, models, providerKeys, services, vendors, webhooks } from "./sources.ts";
import { limits } from "./spent.ts";

/** Something that somebody should look at, and where it is mended. */
export interface Finding {
  action: string;
  detail: string;
  href: string;
  id: string;
  title: string;
  tone: "bad" | "warn";
}

/** What was looked at, in one word, with what was found; or why it could not be looked at. */
export interface Looked {
  failure: string | null;
  findings: readonly Finding[];
  what: string;
}

type Source = (view: View, signal: AbortSignal) => Promise<readonly Finding[]>;

const SOURCES: readonly (readonly [string, Source])[] = [
  ["services", services],
  ["vendors", vendors],
  ["vendors' keys", providerKeys],
  ["budgets and limits", limits],
  ["models", models],
  ["API keys", apiKeys],
  ["webhooks", webhooks],
];

/** Looks everywhere at once. A place that cannot be looked at is told of, and hides nothing of the others. */
export async function lookAround(view: View, signal: AbortSignal): Promise<readonly Looked[]> {
  return Promise.all(
    SOURCES.map(async ([what, source]) => {
      try {
        return { failure: null, findings: await source(view, signal), what };
      } catch (thrown) {
        if (signal.aborted) throw thrown;
        // What one may not see is for somebody else to look at.
        const isForOthers = isApiError(thrown) && thrown.status === 403;
        return {
          failure: isForOthers ? null : thrown instanceof Error ? thrown.message : String(thrown),
          findings: [],
          what,
        };
      }
    }),
  );
}
