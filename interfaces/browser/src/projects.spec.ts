import { expect, expectNoBarriers, test, unique } from "./stack.ts";
import { call, makeInstance, makeKey, makeProject, news, notTold, readable } from "./tenants.ts";

test("a project is created with all that it has, and edited", async ({ api, open }) => {
  const instance = await makeInstance(api, "org_dev");
  const page = await open("admin-panel", `/projects?instance_id=${instance.id}`);
  await page.getByRole("button", { name: "New project" }).click();
  const dialog = page.getByRole("dialog", { name: "New project" });
  await expect(dialog.getByLabel("Instance")).toHaveValue(instance.id);
  const name = unique("Search");
  await dialog.getByLabel("Name").fill(name);
  await dialog.getByLabel("Description").fill("The search of the shop");
  await dialog.getByLabel("Retain content").check();
  await dialog.getByLabel("Response cache").check();
  await dialog.getByLabel("Kept for seconds").fill("5400");
  await expect(dialog.getByText("1 hour 30 minutes")).toBeVisible();
  await dialog.getByLabel("Settings").fill('{"team": "search"}');
  await expectNoBarriers(page);
  await dialog.getByRole("button", { name: "Create project" }).click();
  await expect(page.getByRole("heading", { level: 1, name })).toBeVisible();
  await page.reload();
  const facts = page.getByRole("region", { name: "Set-up" });
  await expect(facts).toContainText("prompts and replies may be kept");
  await expect(facts).toContainText("answers are kept for 1 hour 30 minutes");
  await expect(facts).toContainText('"team": "search"');
  await expectNoBarriers(page);

  await page.getByRole("button", { name: "Edit" }).click();
  const edit = page.getByRole("dialog", { name: `Edit ${name}` });
  await edit.getByLabel("Description").fill("");
  await edit.getByLabel("Response cache").uncheck();
  await edit.getByLabel("Retain content").uncheck();
  await edit.getByRole("button", { name: "Save" }).click();
  await expect(edit).toBeHidden();
  await expect(facts).toContainText("only where a call asks for it");
  const { data } = await api.send<{ data: object[] }>("GET", `/v1/projects?instance_id=${instance.id}`);
  expect(data).toMatchObject([
    { description: null, name, response_cache: null, retain_content: false, settings: { team: "search" } },
  ]);
});

test("settings that are no JSON object are told at once, and not sent", async ({ api, open }) => {
  const instance = await makeInstance(api, "org_dev");
  const page = await open("admin-panel", `/projects?instance_id=${instance.id}`);
  await page.getByRole("button", { name: "New project" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Name").fill(unique("Search"));
  await dialog.getByLabel("Settings").fill("[1]");
  await expect(dialog.getByLabel("Settings")).toHaveAccessibleDescription(/has to be an object/);
  await dialog.getByRole("button", { name: "Create project" }).click();
  await expect(dialog.getByRole("alert")).toContainText("Settings");
  await dialog.getByLabel("Settings").fill("{}");
  await dialog.getByRole("button", { name: "Create project" }).click();
  await expect(dialog).toBeHidden();
});

test("what is chosen already is sent before its name has come", async ({ api, open }) => {
  const instance = await makeInstance(api, "org_dev");
  const page = await open("admin-panel", `/projects?instance_id=${instance.id}`);
  const button = page.getByRole("button", { name: "New project" });
  await expect(button).toBeVisible();
  // The names of instances are asked for once more where somebody chooses one.
  let answer = () => {};
  const told = new Promise<void>((resolve) => {
    answer = resolve;
  });
  await page.route("**/v1/instances?*", async (route) => {
    await told;
    await route.continue();
  });
  await button.click();
  const dialog = page.getByRole("dialog", { name: "New project" });
  await expect(dialog.getByLabel("Instance")).toHaveValue(instance.id);
  const name = unique("Search");
  await dialog.getByLabel("Name").fill(name);
  await dialog.getByRole("button", { name: "Create project" }).click();
  await expect(page.getByRole("heading", { level: 1, name })).toBeVisible();
  answer();
});

test("a long list comes in pages, and a reload stays on its page", async ({ api, open }) => {
  const instance = await makeInstance(api, "org_dev");
  const made = [];
  for (let at = 0; at < 51; at += 1) made.push(await makeProject(api, instance.id, { name: `P ${at}` }));
  const page = await open("admin-panel", `/projects?instance_id=${instance.id}`);
  const table = page.getByRole("region", { name: "Projects" });
  const rows = table.getByRole("row");
  await expect(rows).toHaveCount(51);
  await page.getByRole("button", { name: "Next" }).click();
  await expect(rows).toHaveCount(2);
  await expect(page).toHaveURL(/cursor=/);
  // The keyboard goes on at the list, and the browser's way back leads to the page before.
  await expect(table).toBeFocused();
  await page.goBack();
  await expect(rows).toHaveCount(51);
  await page.goForward();
  await expect(rows).toHaveCount(2);
  await page.reload();
  await expect(rows).toHaveCount(2);
  await expect(page.getByText("1 row, not from the beginning")).toBeVisible();
  await expectNoBarriers(page);
  await page.getByRole("button", { name: "First" }).click();
  await expect(rows).toHaveCount(51);
  // A search looks through all pages.
  await page.getByLabel("Search").fill(made.at(-1)?.id ?? "");
  await expect(rows).toHaveCount(2);
});

test("what its calls came to this month is told, failures of vendors too", async ({ api, open }) => {
  const project = await makeProject(api, "inst_dev");
  const { secret } = await makeKey(api, { project_id: project.id });
  expect((await call(secret)).status).toBe(200);
  expect((await call(secret, "fail:500")).status).toBeGreaterThanOrEqual(500);
  const page = await open("admin-panel", `/projects/${project.id}`);
  const month = page.getByRole("region", { name: "This month" });
  // Receipts reach the books some seconds later.
  await expect(async () => {
    await page.reload();
    await expect(month.getByRole("definition").first()).toHaveText("2", { timeout: 1_000 });
  }).toPass({ timeout: 40_000 });
  await expect(month.getByRole("definition").nth(1)).toHaveText("1");
  await expect(month).toContainText("$0.0000");
  await expect(month.getByRole("link", { name: "Requests" })).toHaveAttribute(
    "href",
    new RegExp(`project_id=${project.id}&from=`),
  );
});

test("the tokens of this month are those of all classes", async ({ api, open, page }) => {
  const project = await makeProject(api, "inst_dev");
  const text = ["input", "cached_input", "cache_write", "cache_write_1h", "cache_write_12h", "output"];
  const other = ["image_input", "cached_image_input", "image_output", "audio_input", "audio_output"];
  const tokens = Object.fromEntries([...text, ...other].map((name, at) => [`${name}_tokens`, 2 ** at]));
  const sum = { ...tokens, cost_micros: 0, errors: 0, reasoning_tokens: 20, requests: 1, unpriced: 0 };
  await page.route(/\/v1\/usage\?/, (route) => route.fulfill({ headers: readable, json: { data: [sum] } }));
  await open("admin-panel", `/projects/${project.id}`);
  await expect(page.getByRole("region", { name: "This month" }).getByRole("definition").nth(2)).toHaveText(
    "2,047",
  );
});

test("its limits live: a call that is over them is 429, and the meter is full", async ({ api, open }) => {
  const project = await makeProject(api, "inst_dev");
  const { secret } = await makeKey(api, { project_id: project.id });
  await api.send("PUT", `/v1/limits/project/${project.id}`, { requests_per_hour: 1 });
  await api.send("PUT", `/v1/budgets/project/${project.id}`, {
    amount_micros: 0,
    period: "total",
    shadow: true,
  });
  const page = await open("admin-panel", `/projects/${project.id}`);
  const limits = page.getByRole("region", { name: "Limits and budgets" });
  const meter = limits.getByRole("meter", { name: "Requests per hour" });
  await expect(meter).toHaveAttribute("aria-valuetext", "0 of 1");
  expect((await call(secret)).status).toBe(200);
  expect((await call(secret)).status).toBe(429);
  await expect(meter).toHaveAttribute("aria-valuetext", "1 of 1");
  await expect(limits).toContainText("shadow");
  await expectNoBarriers(page);
});

test("the keys of a suspended project are refused until it is active again", async ({ api, open }) => {
  const project = await makeProject(api, "inst_dev");
  const { secret } = await makeKey(api, { project_id: project.id });
  const page = await open("admin-panel", `/projects/${project.id}`);
  await page.getByRole("button", { name: "Suspend" }).click();
  await page.getByRole("button", { name: "Suspend project" }).click();
  await expect(page.getByRole("button", { name: "Activate" })).toBeVisible();
  expect((await call(secret)).status).toBe(403);
  await page.getByRole("button", { name: "Activate" }).click();
  await expect(page.getByRole("button", { name: "Suspend" })).toBeVisible();
  expect((await call(secret)).status).toBe(200);
});

test("a change that some Limiter does not know of yet is saved, and the next one is nobody else's", async ({
  api,
  open,
}) => {
  const project = await makeProject(api, "inst_dev");
  const page = await open("admin-panel", `/projects/${project.id}`);
  // The change comes to be, and the answer says that not every Limiter could be told.
  await page.route(`**/v1/projects/${project.id}`, async (route) => {
    if (route.request().method() !== "PATCH") return route.fallback();
    await route.fetch();
    await route.fulfill(notTold("the change is saved", { saved: true }));
  });
  const edit = page.getByRole("dialog", { name: /^Edit / });
  for (const text of ["First", "Second"]) {
    await page.getByRole("button", { exact: true, name: "Edit" }).click();
    await edit.getByLabel("Description").fill(text);
    await edit.getByRole("button", { name: "Save" }).click();
    await expect(edit).toBeHidden();
    await expect(news(page)).toContainText("Saved. Not every Limiter knows yet");
    await expect(page.getByRole("main")).toContainText(text);
  }
  await page.getByRole("button", { name: "Suspend" }).click();
  await page.getByRole("button", { name: "Suspend project" }).click();
  await expect(news(page)).toContainText(`${project.name} is suspended. Not every Limiter knows yet`);
  await page.getByRole("button", { name: "Activate" }).click();
  await expect(page.getByRole("button", { name: "Suspend" })).toBeVisible();
  expect(await api.send("GET", `/v1/projects/${project.id}`)).toMatchObject({
    description: "Second",
    status: "active",
  });
});

test("its response cache is cleared after a question", async ({ api, open }) => {
  const project = await makeProject(api, "inst_dev", { response_cache: { ttl_s: 3_600 } });
  const page = await open("admin-panel", `/projects/${project.id}`);
  await page.getByRole("button", { name: "Clear" }).click();
  await expectNoBarriers(page);
  await page.getByRole("button", { name: "Clear response cache" }).click();
  await expect(news(page)).toContainText("The response cache is cleared");
});

test("a project without keys is deleted after one question, one with keys after its name", async ({
  api,
  open,
}) => {
  const instance = await makeInstance(api, "org_dev");
  const bare = await makeProject(api, instance.id);
  const used = await makeProject(api, instance.id);
  await makeKey(api, { project_id: used.id });
  const page = await open("admin-panel", `/projects/${bare.id}`);
  await page.getByRole("button", { exact: true, name: "Delete" }).click();
  await expect(page.getByRole("dialog")).toContainText("Nothing is below this project.");
  await page.getByRole("button", { name: "Delete project" }).click();
  await expect(page).toHaveURL(new RegExp(`instance_id=${instance.id}`));
  await page.getByRole("link", { name: used.name }).click();
  await page.getByRole("button", { exact: true, name: "Delete" }).click();
  await expect(page.getByRole("list", { name: "What goes with it" })).toHaveText("1 API key");
  await expect(page.getByRole("button", { name: "Delete project" })).toBeDisabled();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toBeHidden();
  await api.send("GET", `/v1/projects/${used.id}`);
});

test("what was suspended before it could be deleted goes at the next press", async ({ api, open }) => {
  const project = await makeProject(api, "inst_dev");
  await makeKey(api, { project_id: project.id });
  const page = await open("admin-panel", `/projects/${project.id}`);
  let deletions = 0;
  await page.route(`**/v1/projects/${project.id}*`, async (route) => {
    const isDeletion = route.request().method() === "DELETE" && !route.request().url().includes("dry_run");
    if (!isDeletion) return route.fallback();
    deletions += 1;
    if (deletions > 1) return route.fallback();
    await api.send("PATCH", `/v1/projects/${project.id}`, { status: "suspended" });
    await route.fulfill(notTold("it is suspended, not deleted yet: delete it again", { suspended: true }));
  });
  await page.getByRole("button", { exact: true, name: "Delete" }).click();
  const dialog = page.getByRole("dialog", { name: `Delete ${project.name}?` });
  await dialog.getByLabel(`Type ${project.name} to go on`).fill(project.name);
  const button = dialog.getByRole("button", { name: "Delete project" });
  await button.click();
  await expect(dialog.getByRole("alert")).toContainText("it is suspended, not deleted yet");
  await button.click();
  await expect(news(page)).toContainText(`${project.name} is deleted`);
  expect(deletions).toBe(2);
});
