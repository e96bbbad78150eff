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
  await expect(page.getByText("Nothing like that was changed")).toBeVisible();
});

test("a change is found by what was done, by whom, and by the request that asked for it", async ({
  api,
  open,
}) => {
  const made = await api.send<{ id: string }>("POST", "/v1/projects", {
    instance_id: "inst_dev",
    name: unique("Asked"),
  });
  await api.send("PATCH", `/v1/projects/${made.id}`, { description: "again" });
  const list = await api.send<{ data: { action: string; request_id: string }[] }>(
    "GET",
    `/v1/audit-events?target_id=${made.id}`,
  );
  const request = list.data.find(({ action }) => action === "project.create")?.request_id ?? "";
  const page = await open("admin-panel", "/audit");
  const rows = page.getByRole("table", { name: "Changes" }).getByRole("row");
  await page.getByLabel("Request id").fill(request);
  await expect(rows).toHaveCount(2);
  await expect(rows.nth(1)).toContainText("project.create");
  await page.getByLabel("What", { exact: true }).selectOption("webhook");
  await expect(page.getByText("Nothing like that was changed")).toBeVisible();
  await page.getByLabel("What", { exact: true }).selectOption("project");
  await page.getByLabel("Who").selectOption("user_dev");
  await expect(rows).toHaveCount(2);
  await page.getByLabel("Request id").fill("");
  await expect(page).toHaveURL(/actor_id=user_dev/);
  await expect(rows.nth(1)).toContainText("project.");
  await expectNoBarriers(page);

  // The page of a request says which change it made.
  await page.goto(`${new URL(page.url()).origin}/requests/${request}`);
  await expect(page.getByRole("main")).toContainText("project.create");
  await page.getByRole("link", { name: "Before and after" }).click();
  await expect(page.getByRole("dialog", { name: "project.create" })).toBeVisible();
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
