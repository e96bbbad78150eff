import { money } from "@de/ui";

/** What a call cost; without a price nobody knows. */
export function Cost({ micros }: { micros: number | null }) {
  return micros === null ? <span class="quiet">no price</span> : <span class="nowrap">{money(micros)}</span>;
}
