// The least that a worker between a caller and a vendor does: the same path, the same body, a fixed key.
//
// Below /split it also does the least that it takes to count a stream that passes, and to end it by one's own hand
// if the vendor breaks off: it splits the stream, lets the platform move one branch, and reads the other now and then.
const SPLIT = "/split";
const PAUSE_MS = 200;

export default {
  async fetch(request, env, context) {
    const { pathname } = new URL(request.url);
    const path = pathname.startsWith(SPLIT) ? pathname.slice(SPLIT.length) : pathname;
    const headers = { "content-type": "application/json", authorization: `Bearer ${env.KEY}`, "x-api-key": env.KEY };
    const answer = await fetch(env.VENDOR + path, { method: request.method, headers, body: request.body });
    if (path === pathname) return answer;
    const [theirs, ours] = answer.body.tee();
    const { readable, writable } = new IdentityTransformStream();
    context.waitUntil(theirs.pipeTo(writable));
    context.waitUntil(drain(ours));
    return new Response(readable, answer);
  },
};

async function drain(stream) {
  const reader = stream.getReader({ mode: "byob" });
  let view = new Uint8Array(65_536);
  for (;;) {
    const { done, value } = await reader.read(view);
    if (done) return;
    view = new Uint8Array(value.buffer);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}
