import path from "node:path";
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
  ["text-testing", "/", "text-testing"],
  ["image-testing", "/", "image-testing"],
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
      await page.screenshot({ animations: "disabled", path: path.join(FOLDER, `${picture}.png`) });
    }
  });
}
