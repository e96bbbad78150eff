import path from "node:path";
import type { Page } from "@playwright/test";
import { expect, stack, test } from "./stack.ts";

/*
 * The pictures of docs/interfaces.md. They are taken with `DE_PICTURES=write`; without it each view is only entered,
 * at three widths, and must not be wider than the screen.
 */

const FOLDER = path.join(import.meta.dirname, "../../../docs/pictures");
const VIEWS = [
  ["admin-panel", "/", "admin-panel"],
  ["admin-panel", "/models", "models"],
  ["admin-panel", "/models/gpt-4o-mini", "model"],
  ["admin-panel", "/requests", "requests"],
  ["admin-panel", "/limits", "limits"],
  ["admin-panel", "/services", "services"],
  ["monitoring", "/", "monitoring"],
  ["text-testing", "/?instance=inst_dev&models=gpt-4o-mini,claude-haiku-4-5", "text-testing"],
  [
    "image-testing",
    "/?instance=inst_dev&models=ideogram-v3,gpt-image-2&prompt=A+red+kite+over+dunes",
    "image-testing",
  ],
] as const;

test.beforeAll(async ({ api, playwright }) => {
  const client = await playwright.request.newContext({
    baseURL: stack.base,
    extraHTTPHeaders: { authorization: `Bearer ${stack.client_key}` },
  });
  const ask = (model: string, content: string) =>
    client.post("/v1/chat/completions", { data: { messages: [{ content, role: "user" }], model } });
  for (const prompt of ["Name three rivers", "Write a haiku about rain", "fail:500 now", "fail:429 now"]) {
    await Promise.all([ask("gpt-4o-mini", prompt), ask("claude-haiku-4-5", prompt)]);
  }
  await client.dispose();
  await api.send("GET", "/v1/services");
});

/** What is done before a picture of the page is taken. */
const BEFORE: Record<string, (page: Page) => Promise<void>> = {
  "image-testing": async (page) => {
    await page.getByRole("button", { name: "Generate" }).click();
    await expect(page.getByRole("region", { name: /^Pictures of/ }).locator("img")).toHaveCount(2);
  },
  "text-testing": async (page) => {
    await page.getByRole("textbox", { exact: true, name: "Prompt" }).fill("Write a haiku about rain");
    await page.keyboard.press("Enter");
    await expect(page.getByText("2 of 2 answers are complete")).toBeAttached();
  },
};

for (const [name, place, picture] of VIEWS) {
  test(`${picture} fits on 360, 768 and 1440 pixels`, async ({ open, page }) => {
    for (const width of [360, 768, 1440]) {
      await page.setViewportSize({ height: 900, width });
      await open(name, place);
      await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
      await expect(page.getByRole("status", { name: "Loading" })).toHaveCount(0);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      expect(wide, `at ${width}`).toBeLessThanOrEqual(width);
    }
    if (process.env.DE_PICTURES === "write") {
      await BEFORE[picture]?.(page);
      // A picture is better late than of half a page. Nothing is proven by it.
      await page.waitForTimeout(2_500);
      await page.screenshot({ animations: "disabled", path: path.join(FOLDER, `${picture}.png`) });
    }
  });
}
