import type { Page } from "@playwright/test";
import { type Api, expect, stack, test } from "./stack.ts";

/*
 * Text from people, models and vendors is never markup. A picture that runs a script when it fails is planted
 * wherever a text can be kept, and in an answer; then every view is entered.
 */

const MARK = crypto.randomUUID().slice(0, 8);
const PLANTED = `<img src=planted-${MARK} onerror="window.planted=1">`;

interface Row {
  id: string;
}

interface Planted {
  instance: string;
  key: string;
  model: string;
  organization: string;
  project: string;
  provider: string;
  request: string;
  user: string;
  webhook: string;
}

async function plant(api: Api, page: Page): Promise<Planted> {
  const make = (path: string, body: unknown) => api.send<Row>("POST", path, body);
  const organization = (await make("/v1/organizations", { name: PLANTED })).id;
  const instance = (
    await make("/v1/instances", { environment: "development", name: PLANTED, organization_id: organization })
  ).id;
  const project = (await make("/v1/projects", { description: PLANTED, instance_id: instance, name: PLANTED }))
    .id;
  const user = (
    await make("/v1/users", {
      email: `planted-${MARK}@example.com`,
      name: PLANTED,
      organization_id: organization,
      role: "admin",
    })
  ).id;
  const key = (await make("/v1/api-keys", { name: PLANTED, project_id: project, scopes: ["text"] })).id;
  const webhook = (
    await make("/v1/webhooks", {
      description: PLANTED,
      events: ["job.failed"],
      instance_id: instance,
      url: "https://example.com/hook",
    })
  ).id;
  const provider = `planted-${MARK}`;
  await make("/v1/providers", {
    auth: { kind: "bearer" },
    base_url: "https://example.com/v1",
    display_name: PLANTED,
    id: provider,
  });
  const model = `planted-${MARK}`;
  await make("/v1/model-configs", {
    capabilities: { text: true },
    description: PLANTED,
    display_name: PLANTED,
    model_id: model,
    protocol: "openai-chat",
    provider_id: provider,
    upstream_model: "planted",
  });
  // A vendor's words in an answer, and in a failure.
  const call = await page.request.post(`${stack.base}/v1/chat/completions`, {
    data: { messages: [{ content: PLANTED, role: "user" }], model: "gpt-4o-mini" },
    headers: { authorization: `Bearer ${stack.client_key}` },
  });
  expect(await call.text()).toContain("You said");
  const request = call.headers()["x-request-id"] ?? "";
  return { instance, key, model, organization, project, provider, request, user, webhook };
}

async function expectText(page: Page, place: string): Promise<void> {
  expect(await page.locator(`img[src*="planted-${MARK}"]`).count(), place).toBe(0);
  expect(await page.evaluate(() => "planted" in window), place).toBe(false);
}

test("markup that somebody planted is text on every page", async ({ api, open, page }) => {
  test.setTimeout(180_000);
  const planted = await plant(api, page);
  await open("admin-panel");
  const origin = stack.interfaces["admin-panel"];
  const places = [
    "/",
    "/organizations",
    `/organizations/${planted.organization}`,
    "/instances",
    `/instances/${planted.instance}`,
    "/projects",
    `/projects/${planted.project}`,
    "/users",
    `/users/${planted.user}`,
    "/api-keys",
    `/api-keys/${planted.key}`,
    "/providers",
    `/providers/${planted.provider}`,
    "/provider-keys",
    "/models",
    `/models/${planted.model}`,
    "/limits",
    "/requests",
    `/requests/${planted.request}`,
    "/services",
    "/webhooks",
    `/webhooks/${planted.webhook}`,
    "/audit",
  ];
  let seen = 0;
  for (const place of places) {
    await page.goto(origin + place);
    await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
    await expect(page.getByRole("status", { name: "Loading" })).toHaveCount(0);
    await expectText(page, place);
    seen += (await page.locator("body").textContent())?.includes(PLANTED) ? 1 : 0;
  }
  // Else it was planted where nobody looks, and the test proves nothing.
  expect(seen).toBeGreaterThan(8);
});

test("an answer with markup is text", async ({ open, page }) => {
  await open("text-testing", "/?instance=inst_dev&models=gpt-4o-mini");
  await page.getByRole("textbox", { exact: true, name: "Prompt" }).fill(PLANTED);
  await page.keyboard.press("Enter");
  await expect(page.getByText("You said:").first()).toBeVisible();
  await expect(page.getByRole("main")).toContainText(`You said: ${PLANTED.slice(0, 12)}`);
  await expectText(page, "text-testing");
});
