import { defineConfig } from "@playwright/test";
import { stack } from "./src/stack.ts";

/** Debian's Chromium; `DE_CHROMIUM` names another one. */
const executablePath = process.env.DE_CHROMIUM ?? "/usr/bin/chromium";

export default defineConfig({
  expect: { timeout: process.env.CI ? 20_000 : 10_000 },
  forbidOnly: Boolean(process.env.CI),
  fullyParallel: false,
  outputDir: "results",
  reporter: [["list"]],
  // Where the machine is not ours alone, one that only passes at its second try is named as flaky in the summary.
  retries: process.env.CI ? 1 : 0,
  // Where nobody is yet only the first run can be tried, and only there.
  testDir: stack.bootstrap_token ? "empty" : "src",
  timeout: process.env.CI ? 120_000 : 60_000,
  use: {
    launchOptions: {
      args: [
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-quic",
        "--disable-sync",
        "--no-first-run",
      ],
      chromiumSandbox: process.getuid?.() !== 0,
      executablePath,
    },
    locale: "en-GB",
    permissions: ["clipboard-read", "clipboard-write"],
    screenshot: "only-on-failure",
    timezoneId: "UTC",
    // A trace of each step costs a third of the time, and what failed is told without: on demand.
    trace: process.env.DE_TRACE ? "retain-on-failure" : "on-first-retry",
    viewport: { height: 900, width: 1440 },
  },
  workers: 2,
});
