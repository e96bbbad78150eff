import { expect, expectNoBarriers, test, unique } from "./stack.ts";

test("a change is found by what it is of, with before and after of each member", async ({ api, open }) => {
  const before = unique("Audited");
  const after = unique("Renamed");
  const made = await api.send<{ id: string }>("POST", "/v1/projects", {
    instance_id: "inst_dev",
    name: before,
  });
  await api.send("PATCH", `/v1/projects/${made.id}`, { description: "for tests", name: after });
  const page = await open("admin-panel", "/audit");
  await expect(page.getByRole("table", { name: "Changes" })).toBeVisible();
  await page.getByLabel("Of what").fill(made.id);
  await expect(page).toHaveURL(new RegExp(`target_id=${made.id}`));
  const rows = page.getByRole("table", { name: "Changes" }).getByRole("row");
  await expect(rows).toHaveCount(3);
  await expect(rows.nth(1)).toContainText("project.update");
  await expect(rows.nth(1)).toContainText("name");
  await expect(rows.nth(2)).toContainText("new");
  await expectNoBarriers(page);

  await rows.nth(1).getByRole("link", { name: "project.update" }).click();
  const dialog = page.getByRole("dialog", { name: "project.update" });
  const name = dialog.getByRole("row").filter({ has: page.getByText("name", { exact: true }) });
  await expect(name.locator("del")).toHaveText(before);
  await expect(name.locator("ins")).toHaveText(after);
  await expect(dialog.getByText("inst_dev")).toBeHidden();
  await dialog.getByLabel(/^Show the/).check();
  await expect(dialog.getByText("inst_dev").first()).toBeVisible();
  await expectNoBarriers(page);
  await page.reload();
  await expect(dialog).toBeVisible();
  // Sent to somebody who sees another page of the list.
  await page.goto(
    page
      .url()
      .replace(/target_id=[^&]*&?/, "")
      .replace("?", "?target_id=org_dev&"),
  );
  await expect(dialog.locator("ins")).toContainText([after]);
  await page.goBack();
  await expect(dialog).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(dialog).toBeHidden();
  await rows.nth(1).getByRole("link", { name: made.id }).click();
  await expect(page).toHaveURL(new RegExp(`/projects/${made.id}$`));
});

test("an id of nothing says so", async ({ open }) => {
  const page = await open("admin-panel", "/audit?target_id=proj_nowhere");
  await expect(page.getByText("Nothing of that id was changed")).toBeVisible();
});

test("the list is walked through by its pages, and a page is an address", async ({ api, open }) => {
  const made = await api.send<{ id: string }>("POST", "/v1/projects", {
    instance_id: "inst_dev",
    name: unique("Paged"),
  });
  for (let turn = 0; turn < 52; turn += 1) {
    await api.send("PATCH", `/v1/projects/${made.id}`, { description: `turn ${turn}` });
  }
  const page = await open("admin-panel", `/audit?target_id=${made.id}`);
  await expect(page.getByText("50 rows")).toBeVisible();
  await page.getByRole("button", { name: "Next" }).click();
  await expect(page.getByText("3 rows, not from the beginning")).toBeVisible();
  await page.reload();
  await expect(page.getByText("3 rows, not from the beginning")).toBeVisible();
  await page.getByRole("button", { name: "First" }).click();
  await expect(page.getByText("50 rows")).toBeVisible();
});
