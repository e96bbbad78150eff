import { type Api, expect, expectNoBarriers, stack, test, unique } from "./stack.ts";
import { makeInstance, makeOrganization, makePerson, openAs } from "./tenants.ts";

test.beforeEach(async ({ page }) => {
  await page.addInitScript(() => localStorage.setItem("de.instance", "inst_dev"));
});

const NEWS = { name: "News" } as const;

async function make(api: Api, more: Record<string, unknown> = {}): Promise<string> {
  const id = unique("keyed").replace(" ", "-");
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

test("a key is put, tried by a real call, and never shown again", async ({ api, open }) => {
  const id = await make(api);
  const secret = stack.simulator_keys.openai ?? "";
  const page = await open("admin-panel", "/provider-keys");
  await page.getByRole("button", { name: "Put a key" }).click();
  const dialog = page.getByRole("dialog", { name: "Put a key" });
  await dialog.getByLabel("Provider").selectOption(id);
  await dialog.getByLabel("Key", { exact: true }).fill("sk-wrong-000000001234");
  await expect(dialog.getByLabel("Key", { exact: true })).toHaveAttribute("type", "password");
  await expectNoBarriers(page);
  await dialog.getByRole("button", { name: "Save and test" }).click();
  // The vendor's own words; the dialog stays for the right one.
  await expect(dialog).toContainText("The vendor does not take the key");
  await expect(dialog).toContainText("Incorrect API key provided");
  await expect(dialog.getByLabel("Key", { exact: true })).toHaveValue("");
  await dialog.getByLabel("Key", { exact: true }).fill(secret);
  await dialog.getByRole("button", { name: "Save and test" }).click();
  await expect(dialog).toBeHidden();
  const row = page.getByRole("row").filter({ hasText: id });
  await expect(row).toContainText(`…${secret.slice(-4)}`);
  await expect(row).toContainText("taken");
  await expect(row).toContainText("never");
  expect(await page.content()).not.toContain(secret);
  await expectNoBarriers(page);
});

test("a key is tested from the list, and tells when it was used last", async ({ api, open }) => {
  const id = await make(api);
  await api.send("PUT", `/v1/provider-keys/inst_dev/${id}`, { secret: "sk-wrong-000000005678" });
  const page = await open("admin-panel", "/provider-keys");
  const row = page.getByRole("row").filter({ hasText: id });
  await row.getByRole("button", { name: `Test the key for ${id}` }).click();
  const dialog = page.getByRole("dialog", { name: `Test of the key for ${id}` });
  await expect(dialog).toContainText("The vendor does not take the key");
  await expect(dialog).toContainText("401");
  await expectNoBarriers(page);
  await dialog.getByRole("button", { name: "Close" }).click();
  await expect(row).toContainText("refused");
  await expect(row).toContainText("Incorrect API key provided");
  const used = page.getByRole("row").filter({ hasText: "anthropic" }).first();
  await expect(used.locator("time").first()).toBeVisible();
});

test("a vendor that answers otherwise, and one that names no test, are told apart from a bad key", async ({
  api,
  open,
}) => {
  const silent = await make(api, { key_test: null });
  const lost = await make(api, { key_test: { path: "/nowhere" } });
  for (const id of [silent, lost]) {
    await api.send("PUT", `/v1/provider-keys/inst_dev/${id}`, { secret: stack.simulator_keys.openai });
  }
  const page = await open("admin-panel", "/provider-keys");
  await expect(page.getByRole("button", { name: `Test the key for ${silent}` })).toBeDisabled();
  await page.getByRole("button", { name: `Test the key for ${lost}` }).click();
  await expect(page.getByRole("status", { name: "Key test" })).toContainText("404");
});

test("a key whose provider has moved is not usable until it is saved again", async ({ api, open }) => {
  const id = await make(api);
  await api.send("PUT", `/v1/provider-keys/inst_dev/${id}`, { secret: "sk-somewhere-0001234" });
  await api.send("PATCH", `/v1/providers/${id}`, { base_url: "https://api.example.com/v1" });
  const page = await open("admin-panel", `/providers/${id}`);
  const card = page.getByRole("region", { exact: true, name: "Key" });
  await expect(card).toContainText("not usable");
  await expect(card.getByRole("button", { name: "Test the key" })).toBeDisabled();
  await card.getByRole("button", { name: "Replace" }).click();
  const dialog = page.getByRole("dialog", { name: `Key for Vendor ${id}` });
  await dialog.getByLabel("Key", { exact: true }).fill("sk-elsewhere-0005678");
  await dialog.getByRole("button", { name: "Save and test" }).click();
  await expect(page.getByRole("status", NEWS)).toContainText(`The key for Vendor ${id} is saved`);
  await expect(card).not.toContainText("not usable");
});

test("a key is forgotten once that was asked", async ({ api, open }) => {
  const id = await make(api);
  await api.send("PUT", `/v1/provider-keys/inst_dev/${id}`, { secret: "sk-forgotten-0001234" });
  const page = await open("admin-panel", "/provider-keys");
  await page.getByRole("button", { name: `Delete the key for ${id}` }).click();
  const dialog = page.getByRole("dialog", { name: `Delete the key for ${id}?` });
  await expectNoBarriers(page);
  await page.keyboard.press("Escape");
  await expect(dialog).toBeHidden();
  await page.getByRole("button", { name: `Delete the key for ${id}` }).click();
  await dialog.getByRole("button", { name: "Delete key" }).click();
  await expect(page.getByRole("status", NEWS)).toContainText(`The key for ${id} is deleted`);
  await expect(page.getByRole("row").filter({ hasText: id })).toHaveCount(0);
});

test("keys are put by whoever has a grant for it there, and by no administrator of another place", async ({
  api,
  page,
}) => {
  const vendor = await make(api);
  const instance = await makeInstance(api, "org_dev");
  const elsewhere = await makeOrganization(api);
  const guest = await makePerson(api, elsewhere.id, { role: "admin" });
  const person = await makePerson(api, "org_dev");
  await page.addInitScript((id) => localStorage.setItem("de.instance", id), instance.id);
  const put = page.getByRole("button", { exact: true, name: "Put a key" });
  const none = page.getByRole("heading", { name: "No key yet" });
  for (const { id, secret } of [guest, person]) {
    await api.send("PUT", `/v1/users/${id}/grants/${instance.id}`, { role: "user" });
    await openAs(page, secret, "/provider-keys");
    await expect(none).toBeVisible();
    await expect(page.getByLabel("Instance", { exact: true })).toHaveValue(instance.id);
    await expect(put).toHaveCount(0);
  }

  await api.send("PUT", `/v1/users/${person.id}/grants/${instance.id}`, { role: "admin" });
  await page.reload();
  await put.click();
  const dialog = page.getByRole("dialog", { name: "Put a key" });
  await dialog.getByLabel("Provider").selectOption(vendor);
  await dialog.getByLabel("Key", { exact: true }).fill(stack.simulator_keys.openai ?? "");
  await dialog.getByRole("button", { name: "Save and test" }).click();
  await expect(page.getByRole("row").filter({ hasText: vendor })).toContainText("taken");
  await page.goto(new URL(`/providers/${vendor}`, page.url()).href);
  await expect(page.getByRole("button", { name: "Test the key" })).toBeVisible();
});

test("the operator seals all keys anew, and sees how far it is", async ({ open }) => {
  const page = await open("admin-panel", "/provider-keys");
  await page.getByRole("button", { name: "Reseal" }).click();
  const dialog = page.getByRole("dialog", { name: "Reseal all keys" });
  await expectNoBarriers(page);
  await dialog.getByRole("button", { name: "Reseal" }).click();
  await expect(dialog.getByRole("status", { name: "Progress" })).toContainText("0 remain");
  await expect(dialog.getByRole("progressbar", { name: "Resealed" })).toBeVisible();
});

test("resealing goes on until none remain, and tells of what does not open", async ({ open, page }) => {
  // The stack has one master key, so what the API answers with several of them is put in its place here.
  const rounds = [
    { remaining: 70, resealed: 50 },
    { remaining: 20, resealed: 50 },
    { remaining: 1, resealed: 19 },
    { remaining: 1, resealed: 0 },
  ];
  let asked = 0;
  await page.route("**/v1/provider-keys/reseal", async (route) => {
    if (route.request().method() !== "POST") return route.fallback();
    const round = rounds[asked];
    asked += 1;
    const failed =
      asked > 2 ? [{ instance_id: "inst_dev", provider_id: "acme", reason: "the master key is gone" }] : [];
    const headers = {
      "access-control-allow-credentials": "true",
      "access-control-allow-origin": stack.interfaces["admin-panel"],
    };
    await route.fulfill({ headers, json: { ...round, failed, failed_webhooks: [], newest_version: 2 } });
  });
  await open("admin-panel", "/provider-keys");
  await page.getByRole("button", { name: "Reseal" }).click();
  const dialog = page.getByRole("dialog", { name: "Reseal all keys" });
  await dialog.getByRole("button", { name: "Reseal" }).click();
  await expect(dialog).toContainText("119 sealed anew, 1 remain; master key 2 seals now.");
  await expect(dialog).toContainText("the master key is gone");
  expect(asked).toBe(4);
});
