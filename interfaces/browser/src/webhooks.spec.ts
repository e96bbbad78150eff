import { expect, expectNoBarriers, stack, test, unique } from "./stack.ts";

/** A receiver at the simulator, which keeps what it gets and fails as its query says. */
function receiver(how = ""): { name: string; url: string } {
  const name = `p${crypto.randomUUID().slice(0, 12)}`;
  return { name, url: `${stack.simulator}/hooks/${name}${how}` };
}

test("a webhook is made, its secret is shown once, and a test arrives", async ({ open }) => {
  const { name, url } = receiver();
  const page = await open("admin-panel", "/webhooks");
  await page.getByRole("button", { name: "New webhook" }).first().click();
  const dialog = page.getByRole("dialog", { name: "New webhook" });
  await dialog.getByLabel("Address").fill("http://10.0.0.1/hooks");
  await dialog.getByRole("button", { name: "Make it" }).click();
  await expect(dialog.getByRole("alert")).toContainText("VALIDATION_ERROR");
  await dialog.getByLabel("Address").fill(url);
  await dialog.getByLabel("budget.threshold").check();
  await dialog.getByLabel("Description").fill(unique("Shop"));
  await expectNoBarriers(page);
  await dialog.getByRole("button", { name: "Make it" }).click();
  const made = page.getByRole("dialog", { name: "The webhook's secret" });
  await expect(made.getByText(/^whsec_/)).toBeVisible();
  await expectNoBarriers(page);
  await made.getByRole("link", { name: "To the webhook" }).click();
  await expect(page.getByText(/^whsec_/)).toBeHidden();

  await page.getByRole("button", { name: "Send a test" }).click();
  await expect(page.getByRole("status", { name: "News" })).toContainText("The receiver answered 200");
  const row = page.getByRole("row").filter({ hasText: "webhook.test" });
  await expect(row).toContainText("delivered");
  const got = await (await page.request.get(`${stack.simulator}/control/hooks/${name}`)).json();
  expect(JSON.stringify(got)).toContain("webhook.test");
  await expectNoBarriers(page);

  await row.getByRole("link", { name: "webhook.test" }).click();
  await expect(page.getByRole("dialog", { name: "Delivery of webhook.test" })).toContainText(
    '"type": "webhook.test"',
  );
  await page.reload();
  await expect(page.getByRole("dialog", { name: "Delivery of webhook.test" })).toBeVisible();
  await expectNoBarriers(page);
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toBeHidden();
});

test("a receiver that fails is told of, and a message is told again", async ({ api, open }) => {
  const { url } = receiver("?fail=503&times=1");
  const made = await api.send<{ id: string }>("POST", "/v1/webhooks", {
    events: ["job.failed"],
    instance_id: "inst_dev",
    url,
  });
  const page = await open("admin-panel", `/webhooks/${made.id}`);
  await expect(page.getByText("Nothing was told yet")).toBeVisible();
  await page.getByRole("button", { name: "Send a test" }).click();
  await expect(page.getByRole("status", { name: "News" })).toContainText("The test did not arrive");
  const row = page.getByRole("row").filter({ hasText: "webhook.test" });
  await expect(row).toContainText("503");
  await row.getByRole("button", { name: "Redeliver webhook.test" }).click();
  await expect(page.getByRole("status", { name: "News" })).toContainText("The message arrived");
  await expect(row).toContainText("delivered");
  await page.getByLabel("State").selectOption("failed");
  await expect(page.getByText("No delivery is failed")).toBeVisible();
  await expect(page).toHaveURL(/state=failed/);
});

test("a webhook is edited, rotated, disabled and deleted", async ({ api, open }) => {
  const { url } = receiver();
  const made = await api.send<{ id: string }>("POST", "/v1/webhooks", {
    events: ["job.failed"],
    organization_id: "org_dev",
    url,
  });
  const page = await open("admin-panel", `/webhooks/${made.id}`);
  await expect(page.getByText("every instance of")).toBeVisible();
  await page.getByRole("button", { name: "Edit" }).click();
  await page.getByLabel("outbox.failing").check();
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByLabel("Facts").getByText("outbox.failing")).toBeVisible();

  await page.getByRole("button", { name: "Rotate secret" }).click();
  await page.getByLabel("The old secret signs too, for").selectOption("3600");
  await page.getByRole("button", { name: "Rotate", exact: true }).click();
  await expect(page.getByText(/^whsec_/)).toBeVisible();
  await page.getByRole("button", { name: "I have kept it" }).click();
  await expect(page.getByText("signs too, until")).toBeVisible();

  await page.getByRole("button", { name: "Disable" }).click();
  await expect(page.getByText("It is disabled, by somebody")).toBeVisible();
  await expect(page.getByRole("button", { name: "Send a test" })).toBeDisabled();
  await expectNoBarriers(page);
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("button", { name: "Delete webhook" }).click();
  await expect(page).toHaveURL(/\/webhooks$/);
  await expect(page.getByText(url)).toBeHidden();
});
