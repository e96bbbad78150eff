import type { Schema } from "@de/api";
import { tokensOf } from "./tokens.ts";

type Pricing = Schema<"Pricing">;
type Usage = Schema<"Usage">;

/** One class of what was used, and what its list price makes of it. */
export interface Charge {
  /** Micro-dollars; null without a price. */
  micros: number | null;
  name: string;
  /** How the price is told: `$0.15 / M tokens`. */
  per: "image" | "M characters" | "M seconds" | "M tokens" | "request";
  /** Micro-dollars for one of `per`; null where the model's row has none. */
  price: number | null;
  units: number;
}

const TOKENS = [
  ["input_tokens", "Input"],
  ["cached_input_tokens", "Cached input"],
  ["cache_write_tokens", "Cache write"],
  ["cache_write_1h_tokens", "Cache write, an hour"],
  ["cache_write_12h_tokens", "Cache write, 12 hours"],
  ["output_tokens", "Output"],
  ["image_input_tokens", "Images read"],
  ["cached_image_input_tokens", "Cached images read"],
  ["image_output_tokens", "Images made, in tokens"],
  ["audio_input_tokens", "Sound read"],
  ["audio_output_tokens", "Sound made"],
] as const;

/** What is dear as something else where it has no price of its own. */
const AS: Partial<Record<string, string>> = {
  cached_image_input_tokens: "image_input_tokens",
  cached_input_tokens: "input_tokens",
};

/** What was used by class, at list prices. Reasoning is part of the output, and no class of its own. */
export function chargesOf(usage: Usage, pricing: Pricing | null): Charge[] {
  const { read } = tokensOf(usage);
  const tier = pricing?.tiers
    ?.filter(({ above_input_tokens }) => read > above_input_tokens)
    .sort((a, b) => b.above_input_tokens - a.above_input_tokens)[0];
  const prices: Record<string, unknown> = { ...pricing, ...tier };
  const priceOf = (name: string): number | null => {
    const key = name.replace(/_tokens$/, "_micros_per_million_tokens");
    const price = prices[key];
    if (typeof price === "number") return price;
    const other = AS[name];
    return other ? priceOf(other) : null;
  };
  const charges: Charge[] = [];
  const add = (name: string, units: number, per: Charge["per"], price: number | null, of = 1) => {
    if (units > 0)
      charges.push({ micros: price === null ? null : (units * price) / of, name, per, price, units });
  };
  for (const [name, title] of TOKENS) add(title, usage[name], "M tokens", priceOf(name), 1_000_000);
  const image = typeof prices.image_micros === "number" ? prices.image_micros : null;
  // Images that were billed in tokens are not billed by the piece again.
  const isInTokens = usage.image_output_tokens > 0 && priceOf("image_output_tokens") !== null;
  add("Images", isInTokens ? 0 : usage.images, "image", image);
  add(
    "Characters",
    usage.characters,
    "M characters",
    pricing?.character_micros_per_million ?? null,
    1_000_000,
  );
  add("Seconds", usage.media_ms / 1_000, "M seconds", pricing?.second_micros_per_million ?? null, 1_000_000);
  add("Calls", usage.requests, "request", pricing?.request_micros ?? null);
  return charges;
}
