// What goes over the wire while an SDK works: every SDK lets its user give it a `fetch`.
import { AsyncLocalStorage } from "node:async_hooks";

const calls = new AsyncLocalStorage();

/** A `fetch` that notes the last body that was sent, and the head of the last answer. */
export async function noting(input, init) {
  const call = calls.getStore();
  if (call && typeof init?.body === "string") call.sent = JSON.parse(init.body);
  const answer = await fetch(input, init);
  if (call) call.headers = Object.fromEntries(answer.headers);
  return answer;
}

/** Runs `work`; what it sent and got is noted in the object that it is given. */
export function noted(work) {
  const call = { sent: null, headers: {} };
  return calls.run(call, () => work(call));
}
