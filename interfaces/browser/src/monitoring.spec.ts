import { readFile } from "node:fs/promises";
import { duration } from "../../ui/src/numbers.ts";
import {
  address,
  ask,
  callsOf,
  expectFigures,
  figure,
  figuresOf,
  inTheBooks,
  makeCalls,
  panel,
  timeOf,
} from "./monitoring.ts";
import { expect, expectNoBarriers, test } from "./stack.ts";

// They wait for what is told every few seconds.
test.describe.configure({ timeout: 120_000 });

for (const range of ["15m", "1h", "24h", "30d"]) {
  test(`sums of ${range} equal the log of calls, which the test asks for itself`, async ({ api, open }) => {
    const caller = await makeCalls(api);
    const page = await open("monitoring", address(caller, `&range=${range}`));
    await expect(figure(page, "Requests")).toHaveText("5");
    const calls = await callsOf(api, caller, await timeOf(page));
    expect(calls).toHaveLength(5);
    expect(calls.filter(({ status }) => status === "failed")).toHaveLength(2);
    await expectFigures(page, figuresOf(calls));
    // What charts say beside the names of their series adds up to the same.
    await expect(panel(page, "Requests").getByRole("button", { name: /^ok/ })).toHaveText(/ok 3/);
    await expect(panel(page, "Requests").getByRole("button", { name: /^failed/ })).toHaveText(/failed 2/);
    await expect(panel(page, "Error rate").getByRole("button", { name: /^PROVIDER_ERROR/ })).toHaveText(
      / 1$/,
    );
    await expect(panel(page, "Error rate").getByRole("button", { name: /^PROVIDER_RATE_LIMIT/ })).toHaveText(
      / 1$/,
    );
  });
}

test("latency of few calls is exact: what the log says of the slowest is p99", async ({ api, open }) => {
  const caller = await makeCalls(api);
  const page = await open("monitoring", address(caller, "&table=latency,first-byte"));
  const times = (await callsOf(api, caller)).map(({ latency_ms }) => latency_ms).sort((a, b) => a - b);
  await expect(figure(page, "Latency p95")).toHaveText(duration(times[4] ?? 0));
  await expect(page.getByRole("article", { name: "Latency p95" })).toContainText(
    `p50 ${duration(times[2] ?? 0)}, p99 ${duration(times[4] ?? 0)}`,
  );
  // Where nothing happened, nothing is told.
  await expect(panel(page, "Latency").getByRole("cell", { name: "–" }).first()).toBeVisible();
  await expect(panel(page, "Time to first byte").getByRole("table")).toBeVisible();
});

test("a call that comes is seen without anybody asking, and no more while it is paused", async ({
  api,
  open,
}) => {
  const caller = await makeCalls(api);
  const page = await open("monitoring", address(caller));
  await expect(figure(page, "Requests")).toHaveText("5");
  await expect(page.getByRole("timer", { name: "Last update" })).toHaveText(/Updated \d+ s ago/);
  await ask(caller, "Another one");
  await expect(figure(page, "Requests")).toHaveText("6", { timeout: 20_000 });
  await expectFigures(page, figuresOf(await callsOf(api, caller)));
  await page.getByRole("button", { name: /pause updates/ }).click();
  await expect(page).toHaveURL(/live=off/);
  await page.reload();
  await expect(page.getByRole("button", { name: /go on with updates/ })).toContainText("Paused");
  await ask(caller, "One more");
  await inTheBooks(api, caller, 7);
  await expect(page.getByRole("timer", { name: "Last update" })).toHaveText(/Updated ([6-9]|\d\d) s ago/, {
    timeout: 20_000,
  });
  await expect(figure(page, "Requests")).toHaveText("6");
  await page.getByRole("button", { name: /go on with updates/ }).click();
  await expect(figure(page, "Requests")).toHaveText("7", { timeout: 20_000 });
});

test("a page that nobody sees asks for nothing, and asks at once when it is seen again", async ({
  api,
  open,
  page,
}) => {
  await page.clock.install();
  const caller = await makeCalls(api);
  await open("monitoring", address(caller));
  await expect(figure(page, "Requests")).toHaveText("5");
  const hide = (hidden: boolean) =>
    page.evaluate((hidden) => {
      Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
      document.dispatchEvent(new Event("visibilitychange"));
    }, hidden);
  await hide(true);
  const asked: string[] = [];
  page.on("request", (request) => asked.push(request.url()));
  await page.clock.runFor(60_000);
  expect(asked).toEqual([]);
  await hide(false);
  await expect.poll(() => asked.some((url) => url.includes("/v1/requests/events"))).toBe(true);
});

test("each chart has a table and a file, and a reload keeps what is chosen", async ({ api, open }) => {
  const caller = await makeCalls(api);
  const page = await open("monitoring", address(caller, "&range=15m"));
  for (const name of ["Requests", "Error rate", "Spend", "Latency", "Time to first byte", "Tokens"]) {
    await expect(panel(page, name).getByRole("img")).toHaveAttribute(
      "aria-label",
      new RegExp(`^${name}, .*: .`),
    );
    await page.getByRole("button", { name: `${name} as a table` }).click();
    await expect(panel(page, name).getByRole("table", { name })).toBeVisible();
  }
  await page.reload();
  const calls = figuresOf(await callsOf(api, caller));
  await expectFigures(page, calls);
  const table = panel(page, "Requests").getByRole("table", { name: "Requests" });
  const column = async (at: number) => {
    const cells = await table.locator(`tbody td:nth-child(${at})`).allTextContents();
    return cells.reduce((sum, text) => sum + Number(text), 0);
  };
  expect([await column(2), await column(3)]).toEqual([3, 2]);
  const coming = page.waitForEvent("download");
  await page.getByRole("button", { name: "Requests as CSV" }).click();
  const file = await coming;
  expect(file.suggestedFilename()).toBe("requests.csv");
  const lines = (await readFile(await file.path(), "utf8")).split("\r\n");
  expect(lines[0]).toBe("From,To,ok,failed");
  expect(lines.slice(1, -1).reduce((sum, line) => sum + Number(line.split(",")[2]), 0)).toBe(3);
  expect(lines.at(-1)).toBe("");
  await expectNoBarriers(page);
  await page.getByRole("button", { name: "Requests as a table" }).click();
  await expect(panel(page, "Requests").getByRole("img")).toBeVisible();
});

test("nothing to show says so, and leads to where there is something", async ({ api, open }) => {
  const caller = await makeCalls(api);
  const page = await open("monitoring", address(caller, "&model=nobody-calls-this"));
  await expect(page.getByText("No calls in this time that all filters hold for.")).toBeVisible();
  await expect(figure(page, "Requests")).toHaveText("0");
  await expect(figure(page, "Latency p95")).toHaveText("–");
  await expectNoBarriers(page);
  await page.getByRole("button", { name: "Take away model nobody-calls-this" }).click();
  await expect(figure(page, "Requests")).toHaveText("5");
});

for (const width of [360, 768, 1440]) {
  test(`at ${width} px everything has its place, without barriers`, async ({ api, open, page }) => {
    await page.setViewportSize({ height: 900, width });
    await open("monitoring", address(await makeCalls(api)));
    await expect(panel(page, "Requests").getByRole("slider")).toBeVisible();
    // Observable Plot's own style sheets are refused where pages are served.
    expect(await page.locator("svg style").count()).toBe(0);
    await expectNoBarriers(page);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
  });
}
