import { readFileSync } from "node:fs";
import type { APIRequestContext } from "@playwright/test";
import { chargesOf } from "../../admin-panel/src/requests/prices.ts";
import { expect, expectNoBarriers, stack, test, unique } from "./stack.ts";
import { makeInstance, makeKey, makeOrganization, makeProject } from "./tenants.ts";

/** Sends a call of the dev project, under a request id of its own. */
async function call(request: APIRequestContext, content: string, more: Record<string, string> = {}) {
  const id = `browser-${crypto.randomUUID()}`;
  const answer = await request.post(`${stack.base}/v1/chat/completions`, {
    data: { messages: [{ content, role: "user" }], model: "gpt-4o-mini" },
    headers: { authorization: `Bearer ${stack.client_key}`, "x-request-id": id, ...more },
  });
  return { answer, id, receipt: answer.headers()["x-de-receipt"] ?? "" };
}

test("the log is searched by filters that stand in the address", async ({ open, request }) => {
  const { id, receipt } = await call(request, "fail:429");
  const page = await open("admin-panel", "/requests");
  const table = page.getByRole("table", { name: "Requests" });
  await expect(table.getByRole("row").nth(1)).toBeVisible();
  await page.getByLabel("Request id").fill(id);
  await expect(page).toHaveURL(new RegExp(`request_id=${id}`));
  await expect(async () => {
    if (await page.getByRole("button", { name: "Look again" }).isVisible()) {
      await page.getByRole("button", { name: "Look again" }).click();
    }
    await expect(table.getByRole("row")).toHaveCount(2, { timeout: 1_000 });
  }).toPass();
  await expect(table).toContainText("PROVIDER_RATE_LIMIT");
  await page.getByLabel("Status").selectOption("ok");
  await expect(page.getByText("No call is like that")).toBeVisible();
  await page.getByLabel("Status").selectOption("failed");
  await page.getByLabel("Model").fill("gpt-4o-mini");
  await page.getByLabel("Provider").selectOption("openai");
  await page.getByLabel("Time").selectOption("1h");
  await page.getByText("More filters").click();
  await page.getByLabel("Error code").fill("PROVIDER_RATE_LIMIT");
  await expect(page).toHaveURL(/error_code=PROVIDER_RATE_LIMIT/);
  await page.reload();
  await expect(page.getByLabel("Error code")).toHaveValue("PROVIDER_RATE_LIMIT");
  await expect(table.getByRole("row")).toHaveCount(2);
  await expectNoBarriers(page);
  await table.getByRole("link").first().click();
  await expect(page).toHaveURL(new RegExp(`/requests/${receipt}$`));
  await page.goBack();
  await page.getByRole("button", { name: "Clear filters" }).click();
  await expect(page).toHaveURL(/\/requests$/);
});

test("calls are heard as they end, held while paused, and the line is begun again", async ({
  open,
  page,
  request,
}) => {
  await open("admin-panel", "/requests?live=1&model_id=gpt-4o-mini");
  const status = page.getByRole("status", { name: "Live tail" });
  await expect(status).toContainText("live");
  const first = await call(request, "hello live");
  const link = (receipt: string) => page.locator(`a[href="/requests/${receipt}"]`);
  await expect(link(first.receipt)).toBeVisible({ timeout: 20_000 });
  await page.getByRole("button", { name: "Pause" }).click();
  const second = await call(request, "hello paused");
  await expect(status).toContainText("meanwhile", { timeout: 20_000 });
  await expect(link(second.receipt)).toBeHidden();
  await expectNoBarriers(page);
  await page.getByRole("button", { name: "Go on" }).click();
  await expect(link(second.receipt)).toBeVisible();

  await page.context().setOffline(true);
  await page.getByLabel("Status").selectOption("ok");
  await expect(status).toContainText("reconnecting");
  await expect(page.getByRole("alert")).toContainText("offline");
  await page.context().setOffline(false);
  await expect(status).toContainText("live");
  const third = await call(request, "hello again");
  await expect(link(third.receipt)).toBeVisible({ timeout: 20_000 });
  await page.getByRole("link", { name: "Stop listening" }).click();
  await expect(page.getByRole("table", { exact: true, name: "Requests" })).toBeVisible();
});

test("one call shows its tries, its times, and what it was charged at which prices", async ({
  open,
  request,
}) => {
  const { answer, id, receipt } = await call(request, "openai-fail:503 hello", {
    "x-de-fallback": "claude-haiku-4-5",
  });
  expect(answer.status()).toBe(200);
  // By the id that the caller knows, while the receipt is on its way.
  const page = await open("admin-panel", `/requests/${id}`);
  const facts = page.getByRole("region", { name: "The call" });
  await expect(facts).toContainText("asked for as gpt-4o-mini", { timeout: 20_000 });
  await expect(facts.getByRole("link", { name: "claude-haiku-4-5" })).toHaveAttribute(
    "href",
    "/models/claude-haiku-4-5",
  );
  await expect(facts.getByRole("link", { name: "anthropic" })).toBeVisible();
  await expect(facts.getByRole("link", { name: "Playground" })).toHaveAttribute("href", "/projects/proj_dev");
  await expect(facts).toContainText(receipt);
  const times = page.getByRole("list", { name: "Timings" });
  await expect(times.getByRole("listitem").filter({ hasText: "PROVIDER UNAVAILABLE" }).first()).toBeVisible();
  await expect(times.getByRole("listitem").last()).toContainText("claude-haiku-4-5");
  const bill = page.getByRole("region", { name: "What it cost" });
  await expect(bill.getByRole("row").filter({ hasText: "Output" })).toContainText("/ M tokens");
  const { cost_micros } = (await (
    await request.get(`${stack.base}/v1/receipts/${receipt}`, {
      headers: { authorization: `Bearer ${stack.admin_key}` },
    })
  ).json()) as { cost_micros: number };
  await expect(bill.getByText(`$${(cost_micros / 1_000_000).toFixed(6)}`, { exact: true })).toBeVisible();
  await expectNoBarriers(page);
});

test("a call of a tenant's own model is told at the prices of that, and leads to it", async ({
  api,
  open,
  request,
}) => {
  const organization = await makeOrganization(api);
  const instance = await makeInstance(api, organization.id);
  const project = await makeProject(api, instance.id);
  const { secret } = await makeKey(api, { project_id: project.id });
  await api.send("PUT", `/v1/provider-keys/${instance.id}/openai`, { secret: stack.simulator_keys.openai });
  const model_id = unique("own").replace(" ", "-");
  await api.send("POST", "/v1/model-configs", {
    capabilities: { streaming: true, system_prompt: true, text: true },
    display_name: model_id,
    model_id,
    organization_id: organization.id,
    pricing: { input_micros_per_million_tokens: 7_000_000, output_micros_per_million_tokens: 9_000_000 },
    protocol: "openai-chat",
    provider_id: "openai",
    upstream_model: "gpt-4o-mini",
  });
  const answer = await request.post(`${stack.base}/v1/chat/completions`, {
    data: { messages: [{ content: "hello", role: "user" }], model: model_id },
    headers: { authorization: `Bearer ${secret}` },
  });
  expect(answer.status()).toBe(200);
  const page = await open("admin-panel", `/requests/${answer.headers()["x-de-receipt"]}`);
  const bill = page.getByRole("region", { name: "What it cost" });
  await expect(bill.getByRole("row").filter({ hasText: "Output" })).toContainText("$9.00 / M tokens", {
    timeout: 20_000,
  });
  await expect(
    page.getByRole("region", { name: "The call" }).getByRole("link", { name: model_id }),
  ).toHaveAttribute("href", `/models/${model_id}?organization_id=${organization.id}`);
});

test("a bill has the lines that are billed: pictures by tokens or by the piece, all at the tier of the whole input", () => {
  const text = ["input", "cached_input", "cache_write", "cache_write_1h", "cache_write_12h", "output"];
  const other = ["image_input", "cached_image_input", "image_output", "audio_input", "audio_output"];
  const none = Object.fromEntries([...text, ...other, "reasoning"].map((name) => [`${name}_tokens`, 0]));
  const lines = (usage: object, pricing: object) =>
    chargesOf(
      { ...none, characters: 0, images: 0, media_ms: 0, requests: 0, ...usage } as never,
      pricing as never,
    ).map(({ micros, name }) => [name, micros]);
  const both = { image_micros: 40_000, image_output_micros_per_million_tokens: 10_000_000 };
  expect(lines({ image_output_tokens: 1_000, images: 1 }, both)).toEqual([
    ["Images made, in tokens", 10_000],
  ]);
  expect(lines({ images: 2 }, both)).toEqual([["Images", 80_000]]);
  const long = {
    audio_input_micros_per_million_tokens: 1_000_000,
    input_micros_per_million_tokens: 1_000_000,
    tiers: [{ above_input_tokens: 1_000, input_micros_per_million_tokens: 2_000_000 }],
  };
  expect(lines({ audio_input_tokens: 600, input_tokens: 500 }, long)).toEqual([
    ["Input", 1_000],
    ["Sound read", 600],
  ]);
});

test("a vendor's failure is told with its code, and leads to the vendor", async ({ open, request }) => {
  const { answer, receipt } = await call(request, "fail:401");
  expect(answer.status()).toBe(502);
  const page = await open("admin-panel", `/requests/${receipt}`);
  await expect(page.getByRole("alert")).toContainText("PROVIDER_AUTH", { timeout: 20_000 });
  await expect(page.getByRole("link", { name: "Health of openai" })).toHaveAttribute(
    "href",
    "/providers/openai",
  );
});

test("an id that is in no book says why, and one of a change leads to it", async ({ open, request }) => {
  const page = await open("admin-panel", "/requests/nobody-has-this-id");
  await expect(page.getByRole("heading", { name: "No call with this id is in the books" })).toBeVisible();
  await expect(page.getByText("a receipt comes some seconds after the end")).toBeVisible();
  await expectNoBarriers(page);
  const changed = await request.post(`${stack.base}/v1/projects`, {
    data: { instance_id: "inst_dev", name: "Changed" },
    headers: { authorization: `Bearer ${stack.admin_key}` },
  });
  await page.goto(new URL(`/requests/${changed.headers()["x-request-id"]}`, page.url()).href);
  await expect(page.getByRole("heading", { name: "This request changed the configuration" })).toBeVisible();
  await page.getByRole("link", { name: "Before and after" }).click();
  await expect(page.getByRole("row").filter({ hasText: "project.create" })).toBeVisible();
});

test("who has to log in again finds the page as it was", async ({ open, page }) => {
  await open("admin-panel", "/requests?status=failed&model_id=gpt-4o-mini");
  const table = page.getByRole("table", { exact: true, name: "Requests" });
  await expect(page.getByLabel("Status")).toHaveValue("failed");
  await page.context().clearCookies();
  await page.getByLabel("Provider").selectOption("openai");
  const dialog = page.getByRole("dialog", { name: "Your session has ended" });
  await dialog.getByLabel("Admin key").fill(stack.admin_key);
  await dialog.getByRole("button", { exact: true, name: "Log in" }).click();
  await expect(dialog).toBeHidden();
  await expect(page).toHaveURL(/status=failed&model_id=gpt-4o-mini&provider_id=openai/);
  await expect(page.getByRole("alert")).toBeHidden();
  await expect(table.or(page.getByText("No call is like that"))).toBeVisible();
});

test("what was asked for is a file of lines, and a refusal of it is told", async ({
  open,
  page,
  request,
}) => {
  const { receipt } = await call(request, "hello table");
  await open("admin-panel", `/requests/${receipt}`);
  await expect(page.getByRole("region", { name: "The call" })).toBeVisible({ timeout: 20_000 });
  await page.goto(new URL("/requests?model_id=gpt-4o-mini", page.url()).href);
  const button = page.getByRole("button", { exact: true, name: "CSV" });
  const coming = page.waitForEvent("download");
  await button.click();
  const file = await coming;
  expect(file.suggestedFilename()).toBe("requests.csv");
  const text = readFileSync(await file.path(), "utf8");
  expect(text.split("\r\n")[0]).toContain("model_id");
  expect(text).toContain(receipt);
  const news = page.getByRole("status", { name: "News" });
  await expect(news).toContainText(/\d calls? (is|are) in the file/);
  await page.route("**/v1/requests?*format=csv*", async (route) => {
    const lines = Array.from({ length: 10_001 }, () => "a");
    await route.fulfill({
      body: `${lines.join("\r\n")}\r\n`,
      headers: {
        "access-control-allow-credentials": "true",
        "access-control-allow-origin": stack.interfaces["admin-panel"],
      },
    });
  });
  await button.click();
  await expect(news).toContainText("the newest 10,000 calls");
  await page.unrouteAll();
  await page.route("**/v1/requests?*format=csv*", (route) => route.abort());
  await button.click();
  await expect(news).toContainText("the API cannot be reached");
});
