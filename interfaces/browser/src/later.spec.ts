import { expect, type Name, test } from "./stack.ts";

/* Parts of a page are loaded when they are shown. One that does not come says so, and can be asked for again. */

const SCRIPTS = "**/assets/*.js";

test("a room that does not load says so, and comes when it is asked for again", async ({ open, page }) => {
  await open("admin-panel");
  await expect(page.getByRole("heading", { name: "Overview" })).toBeVisible();
  await page.route(SCRIPTS, (route) => route.abort());
  await page.getByRole("link", { name: "Users" }).click();
  const fault = page.getByRole("alert");
  await expect(fault).toContainText("could not be loaded");
  // Where nothing answers, the page stays.
  await page.route("**/", (route) =>
    route.request().method() === "HEAD" ? route.abort() : route.continue(),
  );
  await fault.getByRole("button", { name: "Try again" }).click();
  await expect(fault).toContainText("could not be loaded");
  await page.unrouteAll();
  await fault.getByRole("button", { name: "Try again" }).click();
  await expect(page.getByRole("heading", { name: "Users" })).toBeVisible();
});

test("a room whose file went with a deployment comes with the page that is there now", async ({
  open,
  page,
}) => {
  await open("image-testing");
  await expect(page.getByRole("heading", { name: "Image testing" })).toBeVisible();
  let isOld = true;
  page.on("request", (request) => {
    if (request.isNavigationRequest()) isOld = false;
  });
  await page.route(SCRIPTS, (route) =>
    isOld ? route.fulfill({ body: "<!doctype html>", contentType: "text/html" }) : route.continue(),
  );
  await page.getByRole("link", { name: "Gallery" }).click();
  await page.getByRole("alert").getByRole("button", { name: "Try again" }).click();
  await expect(page.getByRole("heading", { name: "Gallery" })).toBeVisible();
  expect(isOld).toBe(false);
});

const DIALOGS: readonly [page: Name, button: string, title: string][] = [
  ["text-testing", "Conversations", "Conversations"],
  ["monitoring", "Own…", "Own time range"],
];

for (const [name, button, title] of DIALOGS) {
  test(`${name}: a dialog that does not load says so in its place`, async ({ open, page }) => {
    await open(name);
    await expect(page.getByRole("button", { name: button })).toBeVisible();
    await page.route(SCRIPTS, (route) => route.abort());
    await page.getByRole("button", { name: button }).click();
    const broken = page.getByRole("dialog", { name: "Not loaded" });
    await expect(broken).toContainText("could not be loaded");
    await page.unrouteAll();
    await broken.getByRole("button", { name: "Try again" }).click();
    // A browser that remembers the failure gets the page anew, and there nobody has asked for the dialog yet.
    const dialog = page.getByRole("dialog", { name: title });
    await expect(async () => {
      if (await dialog.isHidden()) {
        await page.getByRole("button", { name: button }).click({ timeout: 1_000 });
      }
      await expect(dialog).toBeVisible({ timeout: 2_000 });
    }).toPass();
  });
}
