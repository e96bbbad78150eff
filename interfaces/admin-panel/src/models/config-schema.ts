import capabilities from "shape:Capabilities";
import breaker from "shape:CircuitBreaker";
import config from "shape:NewModelConfig";
import pricing from "shape:Pricing";
import limits from "shape:RateLimits";
import timeouts from "shape:Timeouts";
import type { Shape } from "@de/ui";
import type { Member } from "@de/ui/editor";
import { mappingSchema } from "./mapping-schema.ts";
import { CLASSES_OF_FAILURE } from "./words.ts";

/** What the API describes of a body, for completion. */
function members(shape: Shape): Record<string, Member> {
  return Object.fromEntries(
    Object.entries(shape).map(([name, { description, enum: words, items, type }]) => {
      const member: Member = {
        ...(description === undefined ? {} : { description }),
        ...(words ? { values: words } : type === "boolean" ? { values: [true, false] } : {}),
        ...(type === "array" ? { items: items?.enum ? { values: items.enum } : {} } : {}),
        ...(type === "object" ? { start: "{#}" } : {}),
        ...(type === "integer" || type === "number" ? { start: "#" } : {}),
      };
      return [name, member];
    }),
  );
}

const fallback: Member = {
  members: {
    model_id: { description: "A model's id or alias." },
    on: { description: "After which failures.", items: { values: CLASSES_OF_FAILURE } },
  },
};

/** A whole model config. */
export const configSchema: Member = {
  members: {
    ...members(config),
    capabilities: { description: "What it makes and can do.", members: members(capabilities) },
    circuit_breaker: { description: "When it is not asked for a while.", members: members(breaker) },
    fallbacks: { description: "What serves instead, in this order.", items: fallback },
    payload_mapping: { description: "How the vendor is called.", ...mappingSchema },
    pricing: { description: "Prices in micro-dollars.", members: members(pricing) },
    rate_limits: { description: "How much of it an instance may use.", members: members(limits) },
    timeouts: { description: "In milliseconds.", members: members(timeouts) },
  },
};
