import { count, money, Tag } from "@de/ui";
import type { Use } from "./usage.ts";

interface UseWordsProps {
  defaultFor: readonly string[];
  /** Sums could not be asked for. */
  failed: boolean;
  fallbackOf: readonly string[];
  isKnown: boolean;
  use: Use | undefined;
}

/** Who uses a model, in a line: calls and money, and who names it. */
export function UseWords({ defaultFor, failed, fallbackOf, isKnown, use }: UseWordsProps) {
  return (
    <div class="small">
      {use ? (
        <div class="nowrap">
          {count(use.requests)} {use.requests === 1 ? "call" : "calls"} · {money(use.costMicros)}
          {use.projects > 0 && ` · ${use.projects} ${use.projects === 1 ? "project" : "projects"}`}
        </div>
      ) : (
        <div class="quiet">{isKnown ? "not called" : failed ? "not known" : "…"}</div>
      )}
      {(defaultFor.length > 0 || fallbackOf.length > 0) && (
        <div class="row">
          {defaultFor.map((modality) => (
            <Tag key={modality}>default for {modality}</Tag>
          ))}
          {fallbackOf.length > 0 && (
            <span title={fallbackOf.join(", ")}>
              <Tag>fallback of {fallbackOf.length === 1 ? fallbackOf[0] : `${fallbackOf.length} models`}</Tag>
            </span>
          )}
        </div>
      )}
    </div>
  );
}
