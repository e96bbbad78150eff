import type { Page } from "@playwright/test";
import { address, callsOf, expectFigures, figure, figuresOf, makeCalls, panel } from "./monitoring.ts";
import { expect, expectNoBarriers, test } from "./stack.ts";

// They wait for what is told every few seconds.
test.describe.configure({ timeout: 120_000 });

/** The time that the address has, as the API takes it. */
function narrowed(page: Page): string {
  const asked = new URL(page.url()).searchParams;
  return `&from=${asked.get("from")}&to=${asked.get("to")}`;
}

test("a click on a legend or a row filters everything, and chips take filters away", async ({
  api,
  open,
}) => {
  const caller = await makeCalls(api);
  const calls = await callsOf(api, caller);
  const page = await open("monitoring", address(caller));
  await panel(page, "Requests")
    .getByRole("button", { name: /^failed/ })
    .click();
  await expect(page).toHaveURL(/status=failed/);
  await expectFigures(page, figuresOf(calls.filter(({ status }) => status === "failed")));
  await panel(page, "Error rate")
    .getByRole("button", { name: /^PROVIDER_ERROR/ })
    .click();
  await expectFigures(page, figuresOf(calls.filter(({ error_code }) => error_code === "PROVIDER_ERROR")));
  await expect(panel(page, "Providers").getByRole("row", { name: /anthropic/ })).toBeVisible();
  await expect(panel(page, "Providers").getByRole("row", { name: /openai/ })).toBeHidden();
  await page.reload();
  const chips = page.getByRole("list", { name: "Filters" });
  await expect(chips.getByRole("listitem")).toHaveText([
    /project/,
    "status failed",
    "error PROVIDER_ERROR",
    "Take all away",
  ]);
  await chips.getByRole("button", { name: "Take away error PROVIDER_ERROR" }).click();
  await chips.getByRole("button", { name: "Take away status failed" }).click();
  await expectFigures(page, figuresOf(calls));
  await panel(page, "Slowest models").getByRole("button", { name: "claude-haiku-4-5" }).click();
  await expectFigures(page, figuresOf(calls.filter(({ model_id }) => model_id === "claude-haiku-4-5")));
  await expect(page.getByLabel("Model", { exact: true })).toHaveValue("claude-haiku-4-5");
  // The same once more shows everything again; and the browser's own way back undoes that.
  await panel(page, "Slowest models").getByRole("button", { name: "claude-haiku-4-5" }).click();
  await expectFigures(page, figuresOf(calls));
  await page.goBack();
  await expect(figure(page, "Requests")).toHaveText("2");
  await page.getByLabel("Model", { exact: true }).selectOption("");
  await panel(page, "Providers").getByRole("button", { name: "openai" }).click();
  await expect(figure(page, "Requests")).toHaveText("3");
  await page.getByLabel("Project", { exact: true }).selectOption("All projects");
  await expect(page).not.toHaveURL(/project=/);
});

test("a click on a bar narrows everything to its time", async ({ api, open }) => {
  const caller = await makeCalls(api);
  const page = await open("monitoring", address(caller, "&range=24h&live=off"));
  const slider = panel(page, "Requests").getByRole("slider");
  await expect(figure(page, "Requests")).toHaveText("5");
  await slider.scrollIntoViewIfNeeded();
  const bar = await panel(page, "Requests").locator("rect[fill^='url']").last().boundingBox();
  const at = await slider.boundingBox();
  if (!bar || !at) throw new Error("no bar is drawn");
  await slider.click({ position: { x: bar.x + bar.width / 2 - at.x, y: at.height / 2 } });
  await expect(page).toHaveURL(/from=.*&to=|to=.*from=/);
  await expect(page.getByRole("list", { name: "Filters" })).toContainText("time");
  const calls = await callsOf(api, caller, narrowed(page));
  expect(calls.length).toBeGreaterThan(0);
  await expectFigures(page, figuresOf(calls));
  await page.getByRole("button", { name: /^Take away time/ }).click();
  await expect(page.getByRole("button", { exact: true, name: "24 h" })).toHaveAttribute(
    "aria-pressed",
    "true",
  );
  await expect(figure(page, "Requests")).toHaveText("5");
});

test("charts are read and narrowed by the keyboard", async ({ api, open }) => {
  const caller = await makeCalls(api);
  const page = await open("monitoring", address(caller, "&range=24h&live=off"));
  const slider = panel(page, "Requests").getByRole("slider", { name: "Requests, over time" });
  await expect(slider).toBeVisible();
  await page.getByRole("button", { name: "Requests as CSV" }).focus();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  await expect(slider).toBeFocused();
  await page.keyboard.press("Home");
  await expect(slider).toHaveAttribute("aria-valuetext", /: ok 0, failed 0$/);
  await page.keyboard.press("End");
  // Calls were made just now: in this hour, or in the one before if it has just begun.
  if (!/ok [1-9]/.test((await slider.getAttribute("aria-valuetext")) ?? ""))
    await page.keyboard.press("ArrowLeft");
  await expect(slider).toHaveAttribute("aria-valuetext", /: ok [1-9], failed \d$/);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("list", { name: "Filters" })).toContainText("time");
  await expectFigures(page, figuresOf(await callsOf(api, caller, narrowed(page))));
});

test("an own time range is asked for, checked, and kept", async ({ api, open }) => {
  const caller = await makeCalls(api);
  const page = await open("monitoring", address(caller));
  await page.getByRole("button", { name: "Own…" }).click();
  const dialog = page.getByRole("dialog", { name: "Own time range" });
  await expectNoBarriers(page);
  await dialog.getByLabel("From").fill("2026-01-02T00:00");
  await dialog.getByLabel("To").fill("2026-01-01T00:00");
  await dialog.getByRole("button", { name: "Show" }).click();
  await expect(dialog).toContainText("It has to end after it begins.");
  await dialog.getByLabel("To").fill("2026-01-02T01:30");
  await dialog.getByRole("button", { name: "Show" }).click();
  await expect(dialog).toBeHidden();
  await expect(page).toHaveURL(/from=2026-01-02T00%3A00%3A00.000Z/);
  // So long ago, receipts may be gone while their sums are kept: whole hours it is.
  await expect(page.locator("p.told")).toHaveText(/00:00:00 to 2 Jan 2026, 02:00:00\. Sums of whole hours/);
  await expect(figure(page, "Requests")).toHaveText("0");
  await page.reload();
  await expect(page.locator("p.told")).toHaveText(/2 Jan 2026/);
  await page.getByRole("button", { name: "Own…" }).click();
  await expect(dialog).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(dialog).toBeHidden();
  await page.getByRole("button", { exact: true, name: "1 h" }).click();
  await expect(figure(page, "Requests")).toHaveText("5");
});

test("an own time of some hours is summed over the same quarters of an hour everywhere", async ({
  api,
  open,
  page,
}) => {
  const caller = await makeCalls(api);
  const minute = 60_000;
  const quarter = Math.ceil(Date.now() / (15 * minute)) * 15 * minute;
  const iso = (at: number) => new Date(at).toISOString();
  const asked = new Set<string>();
  page.on("request", (request) => {
    const { pathname, searchParams } = new URL(request.url());
    if (pathname.startsWith("/v1/usage") && searchParams.has("to")) {
      asked.add(`${searchParams.get("from")} ${searchParams.get("to")}`);
    }
  });
  const [from, to] = [quarter - 240 * minute + 7 * minute, quarter + 7 * minute];
  await open("monitoring", address(caller, `&from=${iso(from)}&to=${iso(to)}&live=off`));
  await expectFigures(page, figuresOf(await callsOf(api, caller)));
  await expect(panel(page, "Requests").getByRole("button", { name: /^ok/ })).toHaveText(/ok 3/);
  expect([...asked]).toEqual([`${iso(from - 7 * minute)} ${iso(to + 8 * minute)}`]);
});

test("the instance is in the address, and another one shows its own", async ({ api, open }) => {
  const caller = await makeCalls(api);
  const page = await open("monitoring", address(caller));
  await expect(figure(page, "Requests")).toHaveText("5");
  const { id } = await api.send<{ id: string }>("POST", "/v1/instances", {
    environment: "development",
    name: `Quiet ${caller.name}`,
    organization_id: "org_dev",
  });
  await page.reload();
  await page.getByLabel("Instance").selectOption(id);
  await expect(page).toHaveURL(new RegExp(`instance=${id}`));
  // A project of the other instance has nothing here.
  await expect(page).not.toHaveURL(/project=/);
  await expect(figure(page, "Requests")).toHaveText("0");
  await expect(panel(page, "Limits and budgets")).toContainText(/No limits and no budgets|organization/);
  await page.reload();
  await expect(page.getByLabel("Instance")).toHaveValue(id);
});

test("who follows a link to an instance that is not there is told so", async ({ open }) => {
  const page = await open("monitoring", "/?instance=inst_nowhere");
  await expect(page.getByText("inst_nowhere that was asked for is not there")).toBeVisible();
  await expect(page).not.toHaveURL(/inst_nowhere/);
  await expectNoBarriers(page);
});
