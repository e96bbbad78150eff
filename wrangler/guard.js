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
  // In the caller's protocol, as `de_core::http::context::Envelope` has them.
  const told = (path, id) => {
    if (/\/v1\/messages(\/|$)/.test(path)) {
      return { type: "error", error: { type: "api_error", message }, request_id: id };
    }
    if (/\/v1\/(chat\/|completions|embeddings|images\/|audio\/|responses|models)/.test(path)) {
      return { error: { message, type: "server_error", param: null, code: "internal_error" } };
    }
    return { error: message, error_code: "INTERNAL_ERROR", request_id: id };
  };
  const gone = (request) => {
    const id = request.headers.get("x-request-id");
    const body = told(new URL(request.url).pathname, id);
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
