import type { Schema } from "@de/api";

type Class = Extract<keyof Schema<"Usage">, `${string}_tokens`>;

/** All tokens that were read, and all that were made, of one call or of many. Reasoning is a part of the output. */
export function tokensOf(usage: Pick<Schema<"Usage">, Class>): { made: number; read: number } {
  return {
    made: usage.output_tokens + usage.image_output_tokens + usage.audio_output_tokens,
    read:
      usage.input_tokens +
      usage.cached_input_tokens +
      usage.cache_write_tokens +
      usage.cache_write_1h_tokens +
      usage.cache_write_12h_tokens +
      usage.image_input_tokens +
      usage.cached_image_input_tokens +
      usage.audio_input_tokens,
  };
}
