import type { Schema } from "@de/api";

type Key = Pick<Schema<"ApiKeyWithSecret">, "allowed_models" | "scopes" | "secret" | "user_id">;
type Instance = Pick<Schema<"Instance">, "default_models" | "id">;

/** A first call for a key, as a shell takes it: one that its scopes and models allow. */
export function tryIt(key: Key, instance: Instance | undefined, base: string): string {
  const call = callFor(key, instance);
  const parts = [
    `curl ${new URL(call.path, base).href}`,
    `-H ${quoted(`Authorization: Bearer ${key.secret}`)}`,
    // The key of a project says by itself for which instance it acts.
    ...(key.user_id && call.isOfInstance && instance
      ? [`-H ${quoted(`X-Instance-ID: ${instance.id}`)}`]
      : []),
    ...(call.body ? ["-H 'Content-Type: application/json'", `-d ${quoted(JSON.stringify(call.body))}`] : []),
  ];
  return parts.join(" \\\n  ");
}

interface Call {
  body?: object;
  isOfInstance: boolean;
  path: string;
}

function callFor({ allowed_models, scopes, user_id }: Key, instance: Instance | undefined): Call {
  const model = (kind: "image" | "text") => {
    const usual = instance?.default_models[kind];
    return usual && (!allowed_models || allowed_models.includes(usual)) ? usual : null;
  };
  const text = scopes.includes("text") ? model("text") : null;
  if (text) {
    const body = { messages: [{ content: "Hello", role: "user" }], model: text };
    return { body, isOfInstance: true, path: "/v1/chat/completions" };
  }
  const image = scopes.includes("image") ? model("image") : null;
  if (image) {
    return {
      body: { model: image, prompt: "A red kite" },
      isOfInstance: true,
      path: "/v1/images/generations",
    };
  }
  if (user_id && (scopes.includes("admin") || scopes.includes("read"))) {
    return { isOfInstance: false, path: "/v1/instances" };
  }
  // Which models it may call is for every key to ask.
  return { isOfInstance: true, path: "/v1/models" };
}

/** A text for a shell, as it is. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
