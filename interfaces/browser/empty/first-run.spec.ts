import { execFileSync } from "node:child_process";
import type { BrowserContext, Page } from "@playwright/test";
import { expect, expectNoBarriers, stack, test } from "../src/stack.ts";

const PANEL = stack.interfaces["admin-panel"];
/** What is promised: from the token to the first answer, by a clock. */
const MOST_MS = 180_000;
const GOAL = "from the token to the first answer in five steps, each left and gone on with";

/** The step at which a page stands, by the list of steps at its top. */
function at(page: Page) {
  return page.getByRole("navigation", { name: "Steps" }).locator("[aria-current=step]");
}

/** Leaves the page for another one, as one who is called away, and comes back by the panel's own way. */
async function leave(context: BrowserContext, page: Page): Promise<Page> {
  await page.close();
  const next = await context.newPage();
  await next.goto(PANEL);
  return next;
}

test(GOAL, async ({ browser, page: first }) => {
  test.setTimeout(2 * MOST_MS);
  const began = performance.now();
  const context = first.context();
  let page = first;
  const main = () => page.getByRole("main");
  const card = () => page.getByRole("region", { name: "Set-up is not finished" });

  // 1: who knows the token takes it over. A wrong one does not, and the right one still does then.
  await page.goto(PANEL);
  await page.getByRole("link", { name: "A new installation? Set it up" }).click();
  await expect(at(page)).toContainText("1. Take it over");
  await page.getByLabel("Bootstrap token").fill("not the token of this deployment");
  await page.getByLabel("Organization").fill("Acme");
  await page.getByLabel("Your e-mail address").fill("ada@example.com");
  await page.getByRole("button", { name: "Take it over" }).click();
  await expect(page.getByRole("alert")).toContainText("the bootstrap token is not valid");
  await page.reload();
  await page.getByLabel("Bootstrap token").fill(stack.bootstrap_token ?? "");
  await page.getByLabel("Organization").fill("Acme");
  await page.getByLabel("Your e-mail address").fill("ada@example.com");
  await page.getByLabel("Your name").fill("Ada");
  await page.keyboard.press("Enter");
  const adminKey =
    (await main()
      .getByText(/^de_admin_/)
      .textContent()) ?? "";
  await expectNoBarriers(page);
  await page.getByRole("button", { name: "I have kept it: log in and go on" }).click();
  await expect(page.getByText("ada@example.com")).toBeVisible();
  await expect(page.getByText(adminKey)).toBeHidden();

  // Nobody takes it over a second time, in whatever browser.
  const other = await browser.newContext();
  const second = await other.newPage();
  await second.goto(`${PANEL}/setup`);
  await second.getByLabel("Bootstrap token").fill(stack.bootstrap_token ?? "");
  await second.getByLabel("Organization").fill("Mallory");
  await second.getByLabel("Your e-mail address").fill("mallory@example.com");
  await second.getByRole("button", { name: "Take it over" }).click();
  await expect(second.getByRole("heading", { name: "This installation is set up already" })).toBeVisible();

  // 2: left before it is done; the overview of nothing leads back.
  await expect(at(page)).toContainText("2. Instance and project");
  page = await leave(context, page);
  await expect(page.getByRole("heading", { level: 1, name: "Overview" })).toBeVisible();
  await card().getByRole("link", { name: "Go on with it" }).click();
  await expect(at(page)).toContainText("2. Instance and project");
  await page.getByRole("textbox", { name: "Instance" }).fill("Main");
  await page.getByRole("textbox", { name: "Project" }).fill("Playground");
  await page.getByRole("button", { name: "Make them" }).click();

  // 3: gone on with in the other browser, by the key of step 1: nothing was kept in the first.
  await expect(at(page)).toContainText("3. A vendor's key");
  await page.close();
  page = second;
  await page.getByLabel("Admin key").fill(adminKey);
  await page.getByRole("button", { exact: true, name: "Log in" }).click();
  await expect(at(page)).toContainText("3. A vendor's key");
  await page.getByLabel("Vendor", { exact: true }).selectOption("openai");
  await page.getByLabel("Key", { exact: true }).fill(stack.simulator_keys.openai ?? "");
  await page.getByRole("button", { name: "Save and try it" }).click();
  await expect(main()).toContainText("OpenAI took the key");
  await expect(page.getByRole("row").filter({ hasText: "OpenAI" })).toContainText("taken");

  // 4: a program's key, shown this once; left once more, after it was made.
  await page.reload();
  await expect(at(page)).toContainText("4. An API key");
  await page.getByRole("button", { name: "Make the key" }).click();
  const secret =
    (await main()
      .getByText(/^de_test_/)
      .textContent()) ?? "";
  page = await leave(other, page);
  await expect(card()).toContainText("the first request");
  await card().getByRole("link", { name: "Go on with it" }).click();

  // 5: the first answer, for the person and for the program.
  await expect(at(page)).toContainText("5. The first request");
  await page.getByLabel("Prompt").fill("Hello there");
  await page.getByRole("button", { name: "Send it" }).click();
  await expect(page.getByRole("status", { name: "Answer" })).toContainText("You said: Hello there");
  const took = performance.now() - began;
  expect(took, `the first answer came after ${Math.round(took / 1_000)} s`).toBeLessThan(MOST_MS);
  await page.getByRole("button", { name: "Copy The same call as curl" }).click();
  const curl = await page.evaluate(() => navigator.clipboard.readText());
  const env = { ...process.env, DE_KEY: secret };
  const answer = execFileSync("bash", ["-c", curl], { encoding: "utf8", env });
  expect(JSON.parse(answer).choices[0].message.content).toBe("You said: Hello there");
  await expect(page.getByText("the set-up is finished")).toBeVisible({ timeout: 30_000 });
  await page.getByRole("link", { name: "To the overview" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Overview" })).toBeVisible();
  await expect(card()).toBeHidden();
  await other.close();
});
