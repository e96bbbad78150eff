/**
 * Stands in front of a worker's wasm, and answers for it once it is dead.
 *
 * A trap ends the instance. The call that made it is told so by the runtime, but others of the same isolate wait for
 * promises that nobody keeps any more: without this they would wait until their clients lose patience (ADR 0017).
 * Each looks by a timer of its own, as one request may not wake another one.
 *
 * `cargo xtask build` puts this behind the code that worker-build has made, whose entrypoint is `inner`.
 */
const guarded = (inner) => {
  let deaths = 0;
  const note = (error) => {
    deaths += error instanceof WebAssembly.RuntimeError ? 1 : 0;
  };
  addEventListener("error", (event) => note(event.error));
  const message = "this call was lost by a failure of the service, and nobody knows what became of it";
  // Those of `de_core::http::context::Envelope`, found as it finds them: a test of xtask compares all answers.
  const below = (path, mark) => (path.includes(mark) ? path.slice(path.indexOf(mark) + mark.length) : "");
  const is = (rest, name) => rest === name || rest.startsWith(`${name}/`);
  const openai = ["chat/", "completions", "embeddings", "images/", "audio/", "responses"];
  const envelope = (path, headers) => {
    const rest = below(path, "/v1/");
    if (is(below(path, "/v2/"), "voices") || is(rest, "voices") || rest.startsWith("text-to-speech/")) {
      return "elevenlabs";
    }
    const models = is(rest, "models");
    if (is(rest, "messages") || (models && headers.has("anthropic-version"))) return "anthropic";
    return models || openai.some((prefix) => rest.startsWith(prefix)) ? "openai" : "native";
  };
  const code = "internal_error";
  const told = {
    anthropic: (id) => ({ type: "error", error: { type: "api_error", message }, request_id: id }),
    elevenlabs: (id) => ({
      detail: { type: "server_error", code, status: code, message, request_id: id, param: null },
    }),
    native: (id) => ({ error: message, error_code: "INTERNAL_ERROR", request_id: id }),
    openai: () => ({ error: { message, type: "server_error", param: null, code } }),
  };
  const gone = (request) => {
    const id = request.headers.get("x-request-id");
    const body = told[envelope(new URL(request.url).pathname, request.headers)](id);
    const headers = { "cache-control": "no-store", "x-should-retry": "false" };
    if (id !== null) headers["x-request-id"] = id;
    return Response.json(body, { headers, status: 500 });
  };
  return class extends inner {
    async fetch(request) {
      const before = deaths;
      let timer;
      const lost = new Promise((resolve) => {
        timer = setInterval(() => deaths !== before && resolve(gone(request)), 500);
      });
      try {
        return await Promise.race([super.fetch(request), lost]);
      } catch (error) {
        note(error);
        return gone(request);
      } finally {
        clearInterval(timer);
      }
    }
  };
};
