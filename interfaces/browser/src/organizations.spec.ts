import { expect, expectNoBarriers, test, unique } from "./stack.ts";

test("an organization is made, and found in the list", async ({ open }) => {
  const page = await open("admin-panel", "/organizations");
  await expect(page.getByRole("heading", { name: "Organizations" })).toBeVisible();
  await page.getByRole("button", { name: "New organization" }).click();
  const dialog = page.getByRole("dialog", { name: "New organization" });
  const name = unique("Acme");
  await dialog.getByLabel("Name").fill(name);
  await expectNoBarriers(page);
  await dialog.getByRole("button", { name: "Make it" }).click();
  await expect(dialog).toBeHidden();
  await expect(page.getByRole("status", { name: "News" })).toContainText(`${name} is made`);
  await expectNoBarriers(page);
});

test("what the API refuses stays in the form, with its words and the request's id", async ({ open }) => {
  const page = await open("admin-panel", "/organizations");
  await page.getByRole("button", { name: "New organization" }).click();
  const dialog = page.getByRole("dialog", { name: "New organization" });
  await dialog.getByLabel("Name").fill(" ");
  await dialog.getByRole("button", { name: "Make it" }).click();
  await expect(dialog.getByRole("alert")).toContainText("VALIDATION_ERROR");
  await expect(dialog.getByRole("alert").getByRole("link")).toHaveAttribute("href", /^\/requests\//);
});
