import { type Api, expect, expectNoBarriers, stack, test, unique } from "./stack.ts";

test.beforeEach(async ({ page }) => {
  await page.addInitScript(() => localStorage.setItem("de.instance", "inst_dev"));
});

const NEWS = { name: "News" } as const;

/** A provider at the simulator. */
async function make(api: Api, more: Record<string, unknown> = {}): Promise<string> {
  const id = unique("vendor").replace(" ", "-");
  await api.send("POST", "/v1/providers", {
    auth: { kind: "bearer" },
    base_url: `${stack.simulator}/openai/v1`,
    display_name: `Vendor ${id}`,
    id,
    key_test: { path: "/models" },
    ...more,
  });
  return id;
}

async function makeModel(api: Api, provider_id: string): Promise<string> {
  const model_id = unique("served").replace(" ", "-");
  await api.send("POST", "/v1/model-configs", {
    capabilities: { text: true },
    circuit_breaker: { failures: 2, open_ms: 600000, window_ms: 60000 },
    display_name: "Served",
    model_id,
    protocol: "openai-chat",
    provider_id,
    upstream_model: "gpt-4o-mini",
  });
  return model_id;
}

test("providers are listed with their address, models, key and health", async ({ api, open }) => {
  const id = await make(api);
  await makeModel(api, id);
  const page = await open("admin-panel", `/providers?q=${id}`);
  const row = page.getByRole("row").filter({ hasText: id });
  await expect(row).toContainText(`${stack.simulator}/openai/v1`);
  await expect(row.getByRole("link", { exact: true, name: "1" })).toHaveAttribute(
    "href",
    `/models?provider_id=${id}`,
  );
  await expect(row).toContainText("none");
  await expect(row).toContainText("no calls");
  await expectNoBarriers(page);
  await page.reload();
  await expect(page.getByLabel("Search")).toHaveValue(id);
  await row.getByRole("link", { name: `Vendor ${id}` }).click();
  await expect(page.getByRole("heading", { level: 1, name: `Vendor ${id}` })).toBeVisible();
});

test("a provider is made with all that can be said of it, and what is wrong stands at its field", async ({
  api,
  open,
}) => {
  const page = await open("admin-panel", "/providers");
  await page.getByRole("button", { name: "New provider" }).click();
  const dialog = page.getByRole("dialog", { name: "New provider" });
  const id = unique("whole").replace(" ", "-");
  await dialog.getByLabel("Id", { exact: true }).fill(id);
  await dialog.getByLabel("Display name").fill("Whole");
  await dialog.getByLabel("Base URL").fill("http://example.com/v1");
  await dialog.getByLabel("Place").selectOption("header");
  await dialog.getByLabel("Header", { exact: true }).fill("x-api-key");
  await dialog.getByLabel("Before the key").fill("Key ");
  await dialog.getByLabel("Path").fill("/account");
  await dialog.getByText("Hosts, headers and where its protocol differs").click();
  await dialog.getByLabel("Allowed hosts").fill("eu.example.com");
  await dialog.getByRole("textbox", { name: /^Headers/ }).fill("x-client: gateway");
  await dialog.getByLabel("Output is bounded by").selectOption("max_tokens");
  await dialog.getByLabel("Takes user").selectOption("no");
  await dialog.getByRole("button", { name: "Make it" }).click();
  await expect(dialog.getByRole("alert")).toContainText("only https is allowed");
  await expect(dialog.getByLabel("Base URL")).toHaveAttribute("aria-invalid", "true");
  await expectNoBarriers(page);
  await dialog.getByLabel("Base URL").fill("https://api.example.com/v1");
  await dialog.getByRole("button", { name: "Make it" }).click();
  await expect(page).toHaveURL(new RegExp(`/providers/${id}`));
  expect(await api.send("GET", `/v1/providers/${id}`)).toMatchObject({
    allowed_hosts: ["eu.example.com"],
    auth: { kind: "header", name: "x-api-key", prefix: "Key " },
    headers: { "x-client": "gateway" },
    key_test: { method: "GET", path: "/account" },
    protocol_defaults: { max_tokens_field: "max_tokens", takes_user: false },
  });
  await api.send("DELETE", `/v1/providers/${id}`);
});

test("a provider is changed, and not over what somebody else has changed", async ({ api, open }) => {
  const id = await make(api);
  const page = await open("admin-panel", `/providers/${id}`);
  await page.getByLabel("Display name").fill("Mine");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("status", NEWS)).toContainText("Mine is saved");
  await expect(page.getByRole("heading", { level: 1, name: "Mine" })).toBeVisible();
  await page.getByLabel("Base URL").fill(`${stack.simulator}/groq/v1`);
  await expect(page.getByText("at another host they have to be saved again")).toBeVisible();
  await api.send("PATCH", `/v1/providers/${id}`, { display_name: "Theirs" });
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("alert")).toContainText("someone has changed it since");
  await expectNoBarriers(page);
  await page.getByRole("button", { name: "Drop mine, show theirs" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Theirs" })).toBeVisible();
  await expect(page.getByLabel("Base URL")).toHaveValue(`${stack.simulator}/openai/v1`);
  // What is not saved is not left unasked.
  await page.getByLabel("Display name").fill("Lost");
  await page.getByRole("link", { exact: true, name: "Models" }).first().click();
  await expect(page.getByRole("dialog", { name: "Leave without saving?" })).toBeVisible();
});

test("a vendor that is down is seen to be, with its circuit", async ({ api, open }) => {
  const id = await make(api);
  const model = await makeModel(api, id);
  await api.send("PUT", `/v1/provider-keys/inst_dev/${id}`, { secret: stack.simulator_keys.openai });
  const page = await open("admin-panel", `/providers/${id}`);
  const health = page.getByRole("region", { name: "Health" });
  await expect(health).toContainText("unknown");
  for (const prompt of ["fail:503 one", "fail:503 two", "fail:503 three"]) {
    await api.send("POST", `/v1/model-configs/${model}/test`, { input: { prompt } }).catch(() => null);
  }
  await expect
    .poll(async () => (await api.send(`GET`, `/v1/providers/${id}/health?instance_id=inst_dev`)).attempts)
    .not.toBe(0);
  await page.reload();
  await expect(health).toContainText("failing");
  await expect(health).toContainText("PROVIDER_");
  await expect(health).toContainText("503");
  await expect(health.getByRole("link", { name: model })).toBeVisible();
  await expectNoBarriers(page);
});

test("deleting says what goes with it, and wants the name typed", async ({ api, open }) => {
  const id = await make(api);
  const model = await makeModel(api, id);
  await api.send("PUT", `/v1/provider-keys/inst_dev/${id}`, { secret: "sk-for-nothing-12345" });
  const page = await open("admin-panel", `/providers/${id}`);
  await expect(page.getByRole("link", { name: model })).toBeVisible();
  await page.getByRole("button", { name: "Delete" }).click();
  const dialog = page.getByRole("dialog", { name: `Delete Vendor ${id}?` });
  await expect(dialog).toContainText("1 model");
  await expect(dialog).toContainText("1 key");
  await expectNoBarriers(page);
  await dialog.getByLabel(`Type ${id} to go on`).fill(id);
  await dialog.getByRole("button", { name: "Delete provider" }).click();
  await expect(page).toHaveURL(/\/providers$/);
  await expect(api.send("GET", `/v1/model-configs/${model}`)).rejects.toThrow("404");
});

test("a provider that is not there says so", async ({ open }) => {
  const page = await open("admin-panel", "/providers/nobody-knows-it");
  await expect(page.getByRole("alert")).toContainText("NOT_FOUND");
});
