import { count, duration } from "../../ui/src/numbers.ts";
import {
  address,
  ask,
  callsOf,
  expectFigures,
  figure,
  figuresOf,
  inTheBooks,
  makeCaller,
  makeCalls,
  panel,
} from "./monitoring.ts";
import { endSession, expect, renew, stack, test } from "./stack.ts";

// They wait for what is told every few seconds.
test.describe.configure({ timeout: 120_000 });

test("limits and budgets show what is used of them now", async ({ api, open }) => {
  const caller = await makeCaller(api);
  await api.send("PUT", `/v1/limits/project/${caller.id}`, { requests_per_hour: 4 });
  await api.send("PUT", `/v1/budgets/project/${caller.id}`, {
    amount_micros: 2_000_000,
    period: "day",
    shadow: true,
  });
  const page = await open("monitoring", "/?instance=inst_dev");
  const limits = panel(page, "Limits and budgets");
  const row = limits.getByRole("row", { name: new RegExp(`${caller.name} requests per hour`) });
  await expect(row).toContainText("0 of 4");
  await ask(caller, "Hello");
  await expect(row).toContainText("1 of 4", { timeout: 20_000 });
  await expect(row).toContainText("25 %");
  const budget = limits.getByRole("row", { name: new RegExp(`${caller.name} budget per day on trial`) });
  await expect(budget).toContainText("of $2.00");
  for (let sent = 0; sent < 4; sent += 1) await ask(caller, "Hello again");
  await expect(row).toContainText("4 of 4", { timeout: 20_000 });
  await limits.getByRole("button", { name: caller.name }).first().click();
  await expect(page).toHaveURL(new RegExp(`project=${caller.id}`));
  // The one that the limit refused is a call too.
  await inTheBooks(api, caller, 5);
  await expect(panel(page, "Error rate").getByRole("button", { name: /^RATE_LIMIT_EXCEEDED/ })).toHaveText(
    / 1$/,
    { timeout: 20_000 },
  );
  await expectFigures(page, figuresOf(await callsOf(api, caller)));
});

test("providers have their share, and the health that the API tells", async ({ api, open }) => {
  const caller = await makeCalls(api);
  const page = await open("monitoring", address(caller));
  const row = panel(page, "Providers").getByRole("row", { name: /^anthropic/ });
  await expect(row).toContainText("40 %");
  await expect(row).toContainText("50 %");
  await expect(async () => {
    const { attempts, status } = await api.send<{ attempts: number; status: string }>(
      "GET",
      "/v1/providers/anthropic/health?instance_id=inst_dev",
    );
    await expect(row).toContainText(status, { timeout: 6_000 });
    await expect(row).toContainText(`of ${count(attempts)} tries failed`, { timeout: 6_000 });
  }).toPass();
});

test("the slowest and the failing models are those of the sums", async ({ api, open }) => {
  const caller = await makeCalls(api);
  const page = await open("monitoring", address(caller, "&range=24h"));
  const path = `/v1/usage?group_by=model&project_id=${caller.id}`;
  const { data } = await api.send<{ data: { model_id: string; p50_ms: number; p95_ms: number }[] }>(
    "GET",
    path,
  );
  const slowest = data.toSorted((a, b) => b.p95_ms - a.p95_ms || a.model_id.localeCompare(b.model_id));
  const rows = panel(page, "Slowest models").getByRole("row");
  await expect(rows).toHaveCount(3);
  for (const [at, { model_id, p50_ms, p95_ms }] of slowest.entries()) {
    const text = `${model_id} ${duration(p50_ms)} ${duration(p95_ms)}`;
    await expect(rows.nth(at + 1)).toHaveAccessibleName(new RegExp(`^${text}`));
  }
  const failing = panel(page, "Failing models").getByRole("row");
  await expect(failing.nth(1)).toHaveAccessibleName("claude-haiku-4-5 1 2 50 %");
  await expect(failing.nth(2)).toHaveAccessibleName("gpt-4o-mini 1 3 33.3 %");
});

test("more calls than are read one by one are summed, all of them", async ({ api, open, page }) => {
  const caller = await makeCaller(api);
  for (let sent = 0; sent < 30; sent += 5) {
    await Promise.all(Array.from({ length: 5 }, (_, at) => ask(caller, `Call ${sent + at}`)));
  }
  await inTheBooks(api, caller, 30);
  // Pages of one instead of two hundred: the same bound, met with less.
  let pages = 0;
  await page.route(/\/v1\/requests\?/, (route) => {
    pages += 1;
    return route.continue({ url: route.request().url().replace("limit=200", "limit=1") });
  });
  await open("monitoring", address(caller));
  // One page after the other: on a busy machine that is slow.
  await expect(page.locator("p.told")).toContainText("Sums of minutes", { timeout: 45_000 });
  await expectFigures(page, figuresOf(await callsOf(api, caller)));
  // What comes is added, and nothing is read one by one any more.
  const read = pages;
  await ask(caller, "One more");
  await inTheBooks(api, caller, 31);
  await expectFigures(page, figuresOf(await callsOf(api, caller)));
  expect(pages).toBe(read);
});

test("a refusal is told and waited for, and what is there stays", async ({ api, open, page }) => {
  const caller = await makeCalls(api);
  await open("monitoring", address(caller));
  await expect(figure(page, "Requests")).toHaveText("5");
  let refused = 0;
  const origin = stack.interfaces.monitoring;
  await page.route(/\/v1\/requests\/events/, async (route) => {
    refused += 1;
    const body = { error: "too many requests", error_code: "RATE_LIMIT_EXCEEDED", request_id: "0198f4b2" };
    await route.fulfill({
      headers: {
        "access-control-allow-credentials": "true",
        "access-control-allow-origin": origin,
        "access-control-expose-headers": "retry-after, x-request-id",
        "retry-after": "40",
        "x-request-id": "0198f4b2",
      },
      json: body,
      status: 429,
    });
  });
  const alert = page.getByRole("alert");
  await expect(alert).toContainText("RATE_LIMIT_EXCEEDED", { timeout: 20_000 });
  await expect(alert).toContainText("Try again in 40 s.");
  await expect(alert).toContainText("0198f4b2");
  await expect(figure(page, "Requests")).toHaveText("5");
  await expect(panel(page, "Requests").getByRole("slider")).toBeVisible();
  await page.unroute(/\/v1\/requests\/events/);
  await ask(caller, "Meanwhile");
  await inTheBooks(api, caller, 6);
  // Whoever was told to wait does not ask by themselves; a person may.
  expect(refused).toBe(1);
  await alert.getByRole("button", { name: "Try again" }).click();
  await expect(alert).toBeHidden();
  await expect(figure(page, "Requests")).toHaveText("6");
});

test("without a connection everything stays, and goes on by itself afterwards", async ({
  api,
  open,
  page,
}) => {
  const caller = await makeCalls(api);
  await open("monitoring", address(caller));
  await expect(panel(page, "Requests").getByRole("slider")).toBeVisible();
  await page.context().setOffline(true);
  await expect(page.getByRole("alert").first()).toContainText("this device is offline", { timeout: 20_000 });
  await expect(figure(page, "Requests")).toHaveText("5");
  await ask(caller, "Meanwhile");
  await inTheBooks(api, caller, 6);
  await page.context().setOffline(false);
  await expect(figure(page, "Requests")).toHaveText("6", { timeout: 20_000 });
  await expect(page.getByRole("alert")).toHaveCount(0);
});

test("what the API refuses to narrow by is told in its own words", async ({ open }) => {
  const page = await open("monitoring", "/?instance=inst_dev&status=strange");
  const alert = page.getByRole("alert").first();
  await expect(alert).toContainText("VALIDATION_ERROR");
  await expect(alert).toContainText("?status");
  await page.getByRole("button", { name: "Take away status strange" }).click();
  await expect(page.getByRole("alert")).toHaveCount(0);
});

test("a session that ends while one watches is renewed, and what was chosen stays", async ({ api, open }) => {
  const caller = await makeCalls(api);
  const page = await open("monitoring", address(caller, "&range=3h"));
  await expectFigures(page, figuresOf(await callsOf(api, caller)));
  await endSession(page, "monitoring");
  await expect(page.getByRole("dialog", { name: "Your session has ended" })).toBeVisible({ timeout: 20_000 });
  await ask(caller, "While nobody was there");
  await inTheBooks(api, caller, 6);
  await renew(page);
  await expectFigures(page, figuresOf(await callsOf(api, caller)));
  expect(page.url()).toContain(`project=${caller.id}`);
  expect(page.url()).toContain("range=3h");
});
