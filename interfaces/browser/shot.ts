// Takes pictures of pages as they are, for whoever looks at them.
//
//   STACK_JSON=… node browser/shot.ts admin-panel /models [width,…] [light|dark]
import { mkdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { chromium } from "@playwright/test";

const [name = "admin-panel", place = "/", widths = "1440", theme = "light"] = process.argv.slice(2);
const stack = JSON.parse(readFileSync(process.env.STACK_JSON ?? "", "utf8"));
const browser = await chromium.launch({
  chromiumSandbox: process.getuid?.() !== 0,
  executablePath: process.env.DE_CHROMIUM ?? "/usr/bin/chromium",
});
const folder = path.join(import.meta.dirname, "results/shots");
mkdirSync(folder, { recursive: true });
for (const width of widths.split(",").map(Number)) {
  const context = await browser.newContext({
    colorScheme: theme === "dark" ? "dark" : "light",
    viewport: { height: 900, width },
  });
  const origin = stack.interfaces[name];
  if (!process.env.DE_ANONYMOUS) {
    await context.request.post(`${stack.base}/v1/sessions`, {
      data: { key: stack.admin_key },
      headers: { origin },
    });
  }
  const page = await context.newPage();
  page.on("pageerror", (error) => console.log("pageerror", String(error)));
  page.on("console", (message) => message.type() === "error" && console.log("console", message.text()));
  await page.goto(origin + place);
  await page.waitForTimeout(1500);
  const file = path.join(folder, `${name}${place.replaceAll(/[^a-z0-9]+/gi, "-")}-${width}-${theme}.png`);
  await page.screenshot({ fullPage: true, path: file });
  console.log(file);
  await context.close();
}
await browser.close();
