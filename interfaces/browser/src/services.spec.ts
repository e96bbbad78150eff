import { execFileSync } from "node:child_process";
import { expect, expectNoBarriers, stack, test } from "./stack.ts";

test("each worker says whether it is ready, in which version, and what it stands on", async ({
  api,
  open,
}) => {
  const { data } = await api.send<{ data: { name: string; parts: object; version: string }[] }>(
    "GET",
    "/v1/services",
  );
  const page = await open("admin-panel", "/services");
  for (const { name, parts, version } of data) {
    const card = page.getByRole("region", { exact: true, name });
    await expect(card.getByText("ready", { exact: true })).toBeVisible();
    await expect(card).toContainText(version);
    const list = card.getByRole("list", { name: `What ${name} stands on` });
    await expect(list.getByRole("listitem")).toHaveCount(Object.keys(parts).length);
  }
  await expectNoBarriers(page);
});

test("deployments are told by the workers themselves", async ({ api, open }) => {
  const { data } = await api.send<{ data: { deployment: { id: string } | null; name: string }[] }>(
    "GET",
    "/v1/services",
  );
  const page = await open("admin-panel", "/services");
  await page.getByRole("tab", { name: "Services" }).press("ArrowRight");
  await expect(page.getByRole("tab", { name: "Deployments" })).toBeFocused();
  await expect(page).toHaveURL(/tab=deployments/);
  await page.reload();
  for (const { deployment, name } of data) {
    const row = page.getByRole("row").filter({ has: page.getByText(name, { exact: true }) });
    await expect(row).toContainText(deployment?.id ?? "not known");
  }
  await page.getByRole("button", { name: "Worker" }).click();
  await expect(page).toHaveURL(/sort=Worker/);
  await expectNoBarriers(page);
});

test("an endpoint is found, and its curl works as it stands", async ({ open }) => {
  const page = await open("admin-panel", "/services?tab=endpoints");
  await page.getByLabel("Find").fill("POST chat");
  await page.getByLabel("Worker").selectOption("text");
  const summary = page.getByText("/v1/chat/completions", { exact: true });
  await summary.click();
  const entry = page.getByRole("listitem").filter({ has: summary });
  await expect(entry.getByText("needs text")).toBeVisible();
  await expectNoBarriers(page);
  await page.getByRole("button", { name: "Copy POST /v1/chat/completions" }).click();
  const curl = await page.evaluate(() => navigator.clipboard.readText());
  expect(curl).toContain(`${stack.base}/v1/chat/completions`);
  const env = { ...process.env, DE_KEY: stack.client_key };
  const answer = execFileSync("bash", ["-c", curl], { encoding: "utf8", env });
  expect(JSON.parse(answer).choices[0].message.content).toContain("You said");
  await page.reload();
  await expect(page.getByLabel("Find")).toHaveValue("POST chat");
  await page.getByLabel("Find").fill("nothing is like this");
  await expect(page.getByText("No operation is like that.")).toBeVisible();
});

test("when services cannot be asked, the page says so and asks again", async ({ open, page }) => {
  await open("admin-panel");
  await page.route("**/v1/services", (route) => route.abort());
  await page.getByRole("link", { name: "Services" }).click();
  await expect(page.getByRole("alert")).toContainText("the API cannot be reached");
  await page.unroute("**/v1/services");
  await page.getByRole("button", { name: "Try again" }).click();
  await expect(page.getByRole("region", { exact: true, name: "config" })).toBeVisible();
});
