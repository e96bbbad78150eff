// The least that a worker between a caller and a vendor does: the same path, the same body, a fixed key.
export default {
  fetch(request, env) {
    const { pathname } = new URL(request.url);
    const headers = { "content-type": "application/json", authorization: `Bearer ${env.KEY}`, "x-api-key": env.KEY };
    return fetch(env.VENDOR + pathname, { method: request.method, headers, body: request.body });
  },
};
