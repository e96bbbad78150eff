import type { Page } from "@playwright/test";
import { type Api, expect, stack, unique } from "./stack.ts";

interface Named {
  id: string;
  name: string;
}

/** A key as the API shows it once. */
export interface MadeKey extends Named {
  secret: string;
}

export function makeOrganization(api: Api, name = unique("Org")): Promise<Named> {
  return api.send("POST", "/v1/organizations", { name });
}

export function makeInstance(api: Api, organization: string, fields: object = {}): Promise<Named> {
  const body = { environment: "development", name: unique("Instance"), organization_id: organization };
  return api.send("POST", "/v1/instances", { ...body, ...fields });
}

export function makeProject(api: Api, instance: string, fields: object = {}): Promise<Named> {
  return api.send("POST", "/v1/projects", { instance_id: instance, name: unique("Project"), ...fields });
}

export function makeKey(api: Api, fields: object): Promise<MadeKey> {
  return api.send("POST", "/v1/api-keys", { name: unique("Key"), scopes: ["text"], ...fields });
}

/** Somebody, with a key to log in by. */
export async function makePerson(api: Api, organization: string, fields: object = {}) {
  const email = `${unique("p").replace(" ", "-")}@example.com`;
  const body = { email, organization_id: organization, ...fields };
  const { id } = await api.send<Named>("POST", "/v1/users", body);
  const { secret } = await makeKey(api, { scopes: ["admin"], user_id: id });
  return { email, id, secret };
}

/** Opens a page of the admin panel as whoever has this key. */
export async function openAs(page: Page, key: string, path: string): Promise<Page> {
  const origin = stack.interfaces["admin-panel"];
  const answer = await page.request.post(`${stack.base}/v1/sessions`, { data: { key }, headers: { origin } });
  expect(answer.status()).toBe(201);
  await page.goto(origin + path);
  return page;
}

/** What the gateway answers to a call with this key. */
export async function call(key: string, prompt = "Hello"): Promise<{ body: string; status: number }> {
  const answer = await fetch(`${stack.base}/v1/chat/completions`, {
    body: JSON.stringify({ messages: [{ content: prompt, role: "user" }], model: "gpt-4o-mini" }),
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    method: "POST",
  });
  return { body: await answer.text(), status: answer.status };
}

/** With these the admin panel may read an answer that a test gives in the API's place. */
export const readable = {
  "access-control-allow-credentials": "true",
  "access-control-allow-origin": stack.interfaces["admin-panel"],
};

/** The answer where some Limiter could not be told of a change. */
export function notTold(error: string, details: Record<string, boolean>) {
  return {
    headers: readable,
    json: { details, error, error_code: "LIMITER_UNAVAILABLE" },
    status: 503,
  };
}

/** Where short news stand. */
export function news(page: Page) {
  return page.getByRole("status", { name: "News" });
}
