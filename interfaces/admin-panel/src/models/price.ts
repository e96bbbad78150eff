import type { Schema } from "@de/api";
import { money } from "@de/ui";

type Pricing = Schema<"Pricing">;

/** The classes that have a price each, as a person reads them; what they are counted in stands behind. */
export const CLASSES = [
  ["input_micros_per_million_tokens", "Input", "1M tokens"],
  ["cached_input_micros_per_million_tokens", "Cached input", "1M tokens"],
  ["cache_write_micros_per_million_tokens", "Cache write", "1M tokens"],
  ["cache_write_1h_micros_per_million_tokens", "Cache write, 1 hour", "1M tokens"],
  ["cache_write_12h_micros_per_million_tokens", "Cache write, 12 hours", "1M tokens"],
  ["output_micros_per_million_tokens", "Output", "1M tokens"],
  ["image_input_micros_per_million_tokens", "Images read", "1M tokens"],
  ["cached_image_input_micros_per_million_tokens", "Images read, cached", "1M tokens"],
  ["image_output_micros_per_million_tokens", "Images made", "1M tokens"],
  ["audio_input_micros_per_million_tokens", "Sound read", "1M tokens"],
  ["audio_output_micros_per_million_tokens", "Sound made", "1M tokens"],
  ["image_micros", "An image", "image"],
  ["character_micros_per_million", "Characters", "1M characters"],
  ["second_micros_per_million", "Seconds of media", "1M seconds"],
  ["request_micros", "A call", "call"],
] as const;

/** The price in a line: what most calls are billed by. Null where none is known, which is not a price of nothing. */
export function priceWords(pricing: Pricing | null | undefined): string | null {
  if (!pricing) return null;
  const words: string[] = [];
  const input = pricing.input_micros_per_million_tokens;
  const output = pricing.output_micros_per_million_tokens ?? pricing.image_output_micros_per_million_tokens;
  if (input !== null && input !== undefined) words.push(`${money(input)} in`);
  if (output !== null && output !== undefined) words.push(`${money(output)} out`);
  if (words.length > 0) return `${words.join(", ")} / 1M tokens`;
  const image = pricing.image_micros;
  if (typeof image === "number") return `${money(image)} / image`;
  if (image) return `${range(image)} / image`;
  const rest = CLASSES.find(([name]) => typeof pricing[name] === "number");
  if (!rest) return null;
  const [name, , unit] = rest;
  const micros = pricing[name] as number;
  return name === "second_micros_per_million"
    ? `${money((micros * 60) / 1_000_000)} / minute`
    : `${money(micros)} / ${unit}`;
}

function range(prices: Record<string, Record<string, number>>): string {
  const list = Object.values(prices).flatMap((qualities) => Object.values(qualities));
  const [least, most] = [Math.min(...list), Math.max(...list)];
  return least === most ? money(least) : `${money(least)}–${money(most)}`;
}

/** By what lists are sorted by price: the first price that a model has. */
export function priceRank(pricing: Pricing | null | undefined): number | null {
  const first = CLASSES.map(([name]) => pricing?.[name]).find((price) => typeof price === "number");
  return typeof first === "number" ? first : null;
}
