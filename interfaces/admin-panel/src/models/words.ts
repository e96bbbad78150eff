/** What kinds of failure a fallback can serve after. */
export const CLASSES_OF_FAILURE = [
  "auth",
  "content_refused",
  "context_length",
  "error",
  "rate_limit",
  "timeout",
  "unavailable",
  "unsupported",
] as const;

/** Protocols by what speaks them. Those that are kept and not built yet stand last. */
export const PROTOCOLS: readonly (readonly [string, string])[] = [
  ["openai-chat", "OpenAI Chat Completions"],
  ["openai-responses", "OpenAI Responses"],
  ["anthropic-messages", "Anthropic Messages"],
  ["gemini", "Gemini"],
  ["openai-embeddings", "OpenAI Embeddings"],
  ["gemini-embeddings", "Gemini Embeddings"],
  ["openai-images", "OpenAI Images"],
  ["openai-speech", "OpenAI Speech"],
  ["elevenlabs-speech", "ElevenLabs Speech"],
  ["openai-transcriptions", "OpenAI Transcriptions"],
  ["elevenlabs-transcription", "ElevenLabs Transcription"],
  ["pexels", "Pexels"],
  ["pixabay", "Pixabay"],
  ["shotstack", "Shotstack"],
  ["mapped", "By a payload mapping"],
  ["ideogram", "Ideogram (not built: use a mapping)"],
  // mark: protocols. `cargo xtask new-provider` writes above this line.
];

/** What stands in a choice of what happens to what a model cannot do. */
export const ON_UNSUPPORTED: readonly (readonly [string, string])[] = [
  ["reject", "Reject the call"],
  ["warn", "Leave it out and warn"],
  ["drop", "Leave it out"],
];
