import type { Locator, Page } from "@playwright/test";
import { type Api, expect, type Name, stack, test } from "./stack.ts";

/*
 * Text from people, models and vendors is never markup. A picture that runs a script when it fails is planted
 * wherever a text can be kept, and in an answer; then every view is entered.
 */

const MARK = crypto.randomUUID().slice(0, 8);
const PLANTED = `<img src=planted-${MARK} onerror=window.planted=1>`;

interface Row {
  id: string;
}

interface Planted {
  image: string;
  instance: string;
  key: string;
  model: string;
  organization: string;
  project: string;
  provider: string;
  request: string;
  secret: string;
  user: string;
  webhook: string;
}

async function plant(api: Api): Promise<Planted> {
  const make = (path: string, body: unknown) => api.send<Row>("POST", path, body);
  const organization = (await make("/v1/organizations", { name: PLANTED })).id;
  const instance = (
    await make("/v1/instances", { environment: "development", name: PLANTED, organization_id: organization })
  ).id;
  await api.send("PUT", `/v1/provider-keys/${instance}/openai`, { secret: stack.simulator_keys.openai });
  const project = (await make("/v1/projects", { description: PLANTED, instance_id: instance, name: PLANTED }))
    .id;
  await api.send("PUT", `/v1/limits/project/${project}`, { requests_per_hour: 1_000 });
  const user = (
    await make("/v1/users", {
      email: `planted-${MARK}@example.com`,
      name: PLANTED,
      organization_id: organization,
      role: "admin",
    })
  ).id;
  const key = await api.send<{ id: string; secret: string }>("POST", "/v1/api-keys", {
    name: PLANTED,
    project_id: project,
    scopes: ["text", "image"],
  });
  const webhook = (
    await make("/v1/webhooks", {
      description: PLANTED,
      events: ["job.failed"],
      instance_id: instance,
      url: `${stack.simulator}/hooks/p${MARK}`,
    })
  ).id;
  await api.send("POST", `/v1/webhooks/${webhook}/test`);
  const provider = `planted-${MARK}`;
  await make("/v1/providers", {
    auth: { kind: "bearer" },
    base_url: "https://example.com/v1",
    display_name: PLANTED,
    id: provider,
  });
  // Vendors name the model that they do not have: what is planted comes back in a failure's words.
  const model = `planted-${MARK}`;
  const image = `planted-image-${MARK}`;
  const config = {
    description: PLANTED,
    display_name: PLANTED,
    provider_id: "openai",
    upstream_model: PLANTED,
  };
  await make("/v1/model-configs", {
    ...config,
    capabilities: { streaming: true, system_prompt: true, text: true },
    model_id: model,
    protocol: "openai-chat",
  });
  await make("/v1/model-configs", {
    ...config,
    capabilities: { image: true },
    model_id: image,
    protocol: "openai-images",
  });
  await api.send("PATCH", `/v1/model-configs/${model}`, { description: `${PLANTED} once more` });
  const call = await fetch(`${stack.base}/v1/chat/completions`, {
    body: JSON.stringify({ messages: [{ content: PLANTED, role: "user" }], model }),
    headers: { authorization: `Bearer ${key.secret}`, "content-type": "application/json" },
    method: "POST",
  });
  expect(await call.text()).toContain(`planted-${MARK}`);
  const request = call.headers.get("x-request-id") ?? "";
  return {
    ...{ image, instance, key: key.id, model, organization, project, provider, request },
    ...{ secret: key.secret, user, webhook },
  };
}

async function unplant(api: Api, { image, model, organization, provider }: Planted): Promise<void> {
  for (const id of [model, image]) await api.send("DELETE", `/v1/model-configs/${id}`);
  await api.send("DELETE", `/v1/providers/${provider}`);
  await api.send("DELETE", `/v1/organizations/${organization}?cascade=true`);
}

/** A place where something is shown. */
interface Place {
  /** What is done there before it is looked at. */
  act?: (page: Page) => Promise<unknown>;
  /** Nothing that anybody typed is shown there. */
  isBare?: boolean;
  page: Name;
  path: string;
}

const press = (name: string | RegExp) => (page: Page) => page.getByRole("button", { name }).first().click();

/** Everywhere, on all pages. */
function placesOf(of: Planted): Place[] {
  const admin = (path: string, more: Partial<Place> = {}): Place => ({ page: "admin-panel", path, ...more });
  const bare = { isBare: true };
  const own = `instance=${of.instance}`;
  // Lists are narrowed: other tests make dozens of rows meanwhile, and what is older is on another page.
  return [
    admin(`/?instance_id=${of.instance}`),
    admin("/organizations"),
    admin(`/organizations/${of.organization}`),
    admin(`/organizations/${of.organization}`, { act: press("Delete") }),
    admin(`/instances?organization_id=${of.organization}`),
    admin(`/instances/${of.instance}`),
    admin(`/instances/${of.instance}`, { act: press("Edit") }),
    admin(`/instances/${of.instance}`, { act: press("Delete") }),
    admin(`/projects?instance_id=${of.instance}`),
    admin(`/projects/${of.project}`),
    admin(`/projects/${of.project}`, { act: press("Delete") }),
    admin(`/users?organization_id=${of.organization}`),
    admin(`/users/${of.user}`),
    admin(`/users/${of.user}`, { act: press("Delete") }),
    admin(`/api-keys?project_id=${of.project}`),
    admin(`/api-keys/${of.key}`),
    admin(`/api-keys/${of.key}`, { act: press("Revoke") }),
    admin("/providers"),
    admin(`/providers/${of.provider}`),
    admin(`/providers/${of.provider}`, { act: press("Delete") }),
    admin(`/provider-keys?instance_id=${of.instance}`, bare),
    admin(`/models?q=${of.model}`),
    admin(`/models/${of.model}`),
    admin(`/models/${of.model}?view=json`, {
      // What the editor shows is in a tree of its own.
      act: (page) => shown(page, `planted-${MARK}`).waitFor(),
      ...bare,
    }),
    admin(`/models/${of.model}?tab=versions&from=1&to=2`),
    admin(`/models/${of.model}?tab=use`),
    admin(`/models/${of.model}`, { act: press("Delete") }),
    admin(`/limits?instance_id=${of.instance}`),
    admin(`/requests?model_id=${of.model}`, bare),
    admin(`/requests?live=1&model_id=${of.model}`, bare),
    admin(`/requests/${of.request}`),
    admin("/services", bare),
    admin("/services?tab=deployments", bare),
    admin("/services?tab=endpoints", bare),
    admin(`/webhooks?instance_id=${of.instance}`),
    admin(`/webhooks/${of.webhook}`),
    admin(`/webhooks/${of.webhook}`, {
      act: (page) => page.getByRole("link", { name: "webhook.test" }).click(),
    }),
    admin(`/webhooks/${of.webhook}`, { act: press("Delete") }),
    admin(`/audit?target_id=${of.project}`, bare),
    admin(`/audit?target_id=${of.project}`, {
      act: (page) => page.getByRole("link", { name: "project.create" }).click(),
    }),
    admin(`/setup?organization=${of.organization}&step=2`),
    { page: "monitoring", path: `/?${own}` },
    { page: "monitoring", path: `/?${own}&project=${of.project}` },
    {
      act: async (page) => {
        await page.getByRole("textbox", { exact: true, name: "Prompt" }).fill(PLANTED);
        await press("Generate")(page);
        await expect(page.getByRole("alert")).toContainText(PLANTED);
      },
      page: "image-testing",
      path: `/?${own}&models=${of.image}`,
    },
    { page: "image-testing", path: `/gallery?${own}`, ...bare },
    {
      act: async (page) => {
        await page.getByRole("textbox", { exact: true, name: "Prompt" }).fill(PLANTED);
        await page.keyboard.press("Enter");
        await expect(page.getByRole("alert")).toContainText(PLANTED);
      },
      page: "text-testing",
      path: `/?${own}&models=${of.model}`,
    },
    { act: press("Conversations"), page: "text-testing", path: `/?${own}&models=${of.model}` },
    { act: press(/Models/), page: "text-testing", path: `/?${own}&models=${of.model}` },
  ];
}

/** A text in the page itself: the choices of a closed list are everywhere, and seen by nobody. */
function shown(page: Page, text: string): Locator {
  return page.locator("main, dialog[open]").getByText(text).filter({ visible: true }).first();
}

async function expectText(page: Page, place: string): Promise<void> {
  expect(await page.locator(`img[src*="planted-${MARK}"]`).count(), place).toBe(0);
  expect(await page.evaluate(() => "planted" in window), place).toBe(false);
}

test("markup that somebody planted is text on every page", async ({ api, open }) => {
  test.setTimeout(300_000);
  const planted = await plant(api);
  const silent: string[] = [];
  for (const { act, isBare, page: name, path } of placesOf(planted)) {
    const place = `${name} ${path}${act ? " and what opens there" : ""}`;
    const page = await open(name, path);
    await expect(page.getByRole("heading", { level: 1 }), place).toBeVisible();
    await expect(page.getByRole("status", { name: "Loading" }), place).toHaveCount(0);
    await act?.(page);
    if (!isBare) {
      await shown(page, PLANTED)
        .waitFor({ timeout: 15_000 })
        .catch(() => silent.push(place));
    }
    await expectText(page, place);
  }
  // Else it was planted where nobody looks, and the test proves nothing.
  expect(silent).toEqual([]);
  await unplant(api, planted);
});

test("an answer with markup is text", async ({ open, page }) => {
  await open("text-testing", "/?instance=inst_dev&models=gpt-4o-mini");
  await page.getByRole("textbox", { exact: true, name: "Prompt" }).fill(PLANTED);
  await page.keyboard.press("Enter");
  await expect(page.getByText("You said:").first()).toBeVisible();
  await expect(page.getByRole("main")).toContainText(`You said: ${PLANTED.slice(0, 12)}`);
  await expectText(page, "text-testing");
});
