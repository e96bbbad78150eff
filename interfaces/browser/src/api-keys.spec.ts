import { expect, expectNoBarriers, stack, test, unique } from "./stack.ts";
import { call, makeInstance, makeKey, makePerson, makeProject, news, openAs } from "./tenants.ts";

test("a key is created, shown once with a call to try, and works", async ({ api, open }) => {
  const project = await makeProject(api, "inst_dev");
  const page = await open("admin-panel", "/api-keys");
  await page.getByRole("button", { name: "New API key" }).click();
  const dialog = page.getByRole("dialog", { name: "New API key" });
  const name = unique("Shop");
  await dialog.getByLabel("Name").fill(name);
  await dialog.getByLabel("Project").selectOption(project.id);
  await expect(dialog.getByLabel("admin")).toHaveCount(0);
  await dialog.getByRole("checkbox", { name: /^read/ }).check();
  await dialog.getByRole("combobox", { name: "Models" }).selectOption("some");
  await dialog.getByLabel("Find a model").fill("gpt-4o");
  await dialog.getByRole("checkbox", { exact: true, name: "gpt-4o-mini" }).check();
  await dialog.getByLabel("Expires").selectOption("90");
  await expectNoBarriers(page);
  await dialog.getByRole("button", { name: "Create API key" }).click();

  const shown = page.getByRole("dialog", { name: "API key created" });
  await expect(shown).toContainText("It is not shown again.");
  await shown.getByRole("button", { name: "Copy API key" }).click();
  const secret = await page.evaluate(() => navigator.clipboard.readText());
  expect(secret).toMatch(/^de_test_/);
  const curl = shown.getByRole("figure", { name: "curl" });
  await expect(curl).toContainText(`${stack.base}/v1/chat/completions`);
  await expect(curl).toContainText(secret);
  await expect(curl).toContainText('"model":"gpt-4o-mini"');
  await expectNoBarriers(page);
  await shown.getByRole("button", { name: "I have kept it" }).click();
  await expect(page.getByRole("dialog")).toBeHidden();
  expect((await call(secret)).status).toBe(200);

  await page.getByLabel("Search").fill(name);
  await page.getByRole("link", { name }).click();
  await expect(page.getByRole("heading", { level: 1, name })).toBeVisible();
  await expect(page.getByText(secret)).toHaveCount(0);
  const facts = page.getByRole("region", { exact: true, name: "Key" });
  await expect(facts).toContainText("gpt-4o-mini");
  await expect(facts).toContainText(project.name);
  await expect(facts).toContainText(/Expires\s*in 2 mo|in 3 mo/);
  await expectNoBarriers(page);
});

test("the key of a person acts where it says, and may open the control plane", async ({ api, open }) => {
  const person = await makePerson(api, "org_dev");
  const page = await open("admin-panel", `/users/${person.id}`);
  await page.getByRole("button", { name: "New API key" }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog.getByLabel("Project")).toHaveCount(0);
  await dialog.getByRole("checkbox", { name: /^text/ }).uncheck();
  await dialog.getByRole("checkbox", { name: /^admin/ }).check();
  await dialog.getByRole("button", { name: "Create API key" }).click();
  const shown = page.getByRole("dialog", { name: "API key created" });
  await expect(shown.getByRole("figure", { name: "curl" })).toContainText("/v1/instances");
  await expect(shown).toContainText("de_admin_");
  await page.keyboard.press("Escape");
  await expect(page.getByRole("region", { name: "API keys" }).getByRole("row")).toHaveCount(3);
});

test("what is wrong with a key is told beside its field", async ({ api, open }) => {
  const project = await makeProject(api, "inst_dev");
  const page = await open("admin-panel", `/projects/${project.id}`);
  await page.getByRole("button", { name: "New API key" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("checkbox", { name: /^text/ }).uncheck();
  await dialog.getByLabel("Allowed addresses").fill("203.0.113.7\nnowhere");
  await dialog.getByRole("button", { name: "Create API key" }).click();
  await expect(dialog.getByRole("alert")).toContainText("/scopes");
  await expect(dialog.getByRole("alert")).toContainText("/allowed_addresses/1");
  await expect(dialog.getByRole("group", { name: "Scopes" })).toContainText(
    "a key without a scope opens nothing",
  );
  await expectNoBarriers(page);
});

test("what a key may do is edited, and holds at once", async ({ api, open }) => {
  const project = await makeProject(api, "inst_dev");
  const { id, secret } = await makeKey(api, { allowed_models: ["claude-haiku-4-5"], project_id: project.id });
  expect((await call(secret)).status).toBe(403);
  const page = await open("admin-panel", `/api-keys/${id}`);
  await page.getByRole("button", { name: "Edit" }).click();
  const dialog = page.getByRole("dialog");
  const name = unique("Renamed");
  await dialog.getByLabel("Name").fill(name);
  await dialog.getByRole("combobox", { name: "Models" }).selectOption("all");
  await dialog.getByLabel("Allowed origins").fill("https://shop.example.com");
  await expectNoBarriers(page);
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("heading", { level: 1, name })).toBeVisible();
  await expect(page.getByRole("region", { exact: true, name: "Key" })).toContainText(
    "https://shop.example.com",
  );
  expect((await call(secret)).status).toBe(200);
});

test("a key is rotated: both hold for a while, and the new one is shown once", async ({ api, open }) => {
  const project = await makeProject(api, "inst_dev");
  const old = await makeKey(api, { project_id: project.id });
  const page = await open("admin-panel", `/api-keys/${old.id}`);
  await page.getByRole("button", { name: "Rotate" }).click();
  const dialog = page.getByRole("dialog", { name: `Rotate ${old.name}` });
  await dialog.getByLabel("The old key lives on for").selectOption("600");
  await expectNoBarriers(page);
  await dialog.getByRole("button", { name: "Rotate" }).click();
  const shown = page.getByRole("dialog", { name: "The new API key" });
  await expect(shown).toContainText("The old key works too");
  await shown.getByRole("button", { name: "Copy API key" }).click();
  const secret = await page.evaluate(() => navigator.clipboard.readText());
  expect(secret).not.toBe(old.secret);
  expect((await call(secret)).status).toBe(200);
  expect((await call(old.secret)).status).toBe(200);
  await expectNoBarriers(page);
  await shown.getByRole("button", { name: "I have kept it" }).click();
  await expect(page).not.toHaveURL(new RegExp(old.id));
  await page.goto(new URL(`/api-keys/${old.id}`, page.url()).href);
  await expect(page.getByText("expires soon", { exact: true })).toBeVisible();
  await expect(page.getByText(/Rotate it in time/)).toBeVisible();
  await expectNoBarriers(page);
});

test("a key that leaked ends at once when it is rotated so", async ({ api, open }) => {
  const project = await makeProject(api, "inst_dev");
  const old = await makeKey(api, { project_id: project.id });
  const page = await open("admin-panel", `/api-keys/${old.id}`);
  await page.getByRole("button", { name: "Rotate" }).click();
  await page.getByLabel("The old key lives on for").selectOption("0");
  await page.getByRole("dialog").getByRole("button", { name: "Rotate" }).click();
  await expect(page.getByRole("dialog", { name: "The new API key" })).toContainText("The old key has ended.");
  expect((await call(old.secret)).status).toBe(401);
});

test("a key is revoked after a question that says when it was last used", async ({ api, open }) => {
  const project = await makeProject(api, "inst_dev");
  const { id, name, secret } = await makeKey(api, { project_id: project.id });
  expect((await call(secret)).status).toBe(200);
  const page = await open("admin-panel", `/api-keys/${id}`);
  await page.getByRole("button", { name: "Revoke" }).click();
  const dialog = page.getByRole("dialog", { name: `Revoke ${name}?` });
  await expect(dialog).toContainText("It cannot be undone.");
  await expectNoBarriers(page);
  await dialog.getByRole("button", { name: "Cancel" }).click();
  expect((await call(secret)).status).toBe(200);
  await page.getByRole("button", { name: "Revoke" }).click();
  await dialog.getByRole("button", { name: "Revoke API key" }).click();
  await expect(news(page)).toContainText("The API key is revoked");
  await expect(page.getByText(/opens nothing any more/)).toBeVisible();
  for (const action of ["Edit", "Rotate", "Revoke"]) {
    await expect(page.getByRole("button", { name: action })).toHaveCount(0);
  }
  expect((await call(secret)).status).toBe(401);
});

test("keys are filtered by project, person, status and text, and the address says so", async ({
  api,
  open,
}) => {
  const instance = await makeInstance(api, "org_dev");
  const project = await makeProject(api, instance.id);
  const soon = new Date(Date.now() + 86_400_000).toISOString();
  const ending = await makeKey(api, { expires_at: soon, project_id: project.id });
  const lasting = await makeKey(api, { project_id: project.id });
  const page = await open("admin-panel", "/api-keys");
  await page.getByLabel("Project").selectOption(project.id);
  const rows = page.getByRole("region", { name: "API keys" }).getByRole("row");
  await expect(rows).toHaveCount(3);
  await page.getByLabel("Status").selectOption("expires soon");
  await expect(rows).toHaveCount(2);
  await expect(page.getByRole("link", { name: ending.name })).toBeVisible();
  await page.reload();
  await expect(rows).toHaveCount(2);
  await page.getByLabel("Status").selectOption("");
  await page.getByLabel("Search").fill(lasting.secret.slice(-4));
  await expect(page.getByRole("link", { name: lasting.name })).toBeVisible();
  await expect(rows).toHaveCount(2);
  await expectNoBarriers(page);
  await page.getByLabel("Project").selectOption("");
  await page.getByLabel("Search").fill("");
  await page.getByRole("search").getByLabel("Instance").selectOption(instance.id);
  await expect(rows).toHaveCount(3);
  await api.send("DELETE", `/v1/api-keys/${ending.id}`);
  await page.getByLabel("Status").selectOption("revoked");
  await expect(rows).toHaveCount(2);
  await expect(page.getByRole("link", { name: ending.name })).toBeVisible();
});

test("without a connection nothing is lost, and the key is made once", async ({ api, open }) => {
  const project = await makeProject(api, "inst_dev");
  const page = await open("admin-panel", `/projects/${project.id}`);
  await page.getByRole("button", { name: "New API key" }).click();
  const dialog = page.getByRole("dialog", { name: "New API key" });
  const name = unique("Train");
  await dialog.getByLabel("Name").fill(name);
  // The first answer is lost on its way: the request came there.
  await page.route("**/v1/api-keys", async (route) => {
    await route.fetch();
    await route.abort("connectionfailed");
  });
  await dialog.getByRole("button", { name: "Create API key" }).click();
  await expect(dialog.getByRole("alert")).toContainText("the API cannot be reached");
  await page.unroute("**/v1/api-keys");
  await dialog.getByRole("button", { name: "Create API key" }).click();
  await expect(page.getByRole("dialog", { name: "API key created" })).toBeVisible();
  const { data } = await api.send<{ data: object[] }>("GET", `/v1/api-keys?project_id=${project.id}`);
  expect(data).toMatchObject([{ name }]);
});

test("a key is offered only for what one may create keys for", async ({ api, page }) => {
  const instance = await makeInstance(api, "org_dev");
  const project = await makeProject(api, instance.id);
  const person = await makePerson(api, "org_dev");
  await api.send("PUT", `/v1/users/${person.id}/grants/${instance.id}`, { role: "user" });
  await openAs(page, person.secret, "/api-keys");
  await page.getByRole("button", { name: "New API key" }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog.getByLabel("Project")).toHaveAccessibleDescription(/none that you may create keys for/);
  await dialog.getByLabel("For", { exact: true }).selectOption("user");
  await expect(dialog.getByLabel("User")).toHaveValue(person.id);
  await dialog.getByLabel("Name").fill("Laptop");
  await dialog.getByRole("button", { name: "Create API key" }).click();
  await page.getByRole("button", { name: "I have kept it" }).click();
  await expect(page.getByRole("link", { name: "Laptop" })).toBeVisible();

  await api.send("PUT", `/v1/users/${person.id}/grants/${instance.id}`, { role: "admin" });
  await page.reload();
  await page.getByRole("button", { name: "New API key" }).click();
  await expect(dialog.getByLabel("Project").locator("option")).toContainText(["Choose…", project.name]);
});
