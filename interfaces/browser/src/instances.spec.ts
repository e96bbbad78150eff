import { expect, expectNoBarriers, test, unique } from "./stack.ts";
import { makeInstance, makeKey, makeOrganization, makePerson, makeProject, news, openAs } from "./tenants.ts";

test("an instance is created with all that it has, and shown so after a reload", async ({ api, open }) => {
  const organization = await makeOrganization(api);
  const page = await open("admin-panel", "/instances");
  await page.getByRole("button", { name: "New instance" }).click();
  const dialog = page.getByRole("dialog", { name: "New instance" });
  const name = unique("Shop");
  await dialog.getByLabel("Organization").selectOption(organization.id);
  await dialog.getByLabel("Name").fill(name);
  await dialog.getByLabel("Environment").selectOption("production");
  await dialog.getByLabel("When the Limiter fails").selectOption("allow");
  await dialog.getByLabel("Retention in days").fill("30");
  await dialog.getByLabel("Output bound in tokens").fill("2048");
  await dialog.getByLabel("Allowed origins").fill("https://shop.example.com\n\n https://www.example.com \n");
  await dialog.getByLabel("Text", { exact: true }).selectOption("claude-haiku-4-5");
  await dialog.getByLabel("Image", { exact: true }).selectOption("gpt-image-2");
  await expectNoBarriers(page);
  await dialog.getByRole("button", { name: "Create instance" }).click();
  await expect(page.getByRole("heading", { level: 1, name })).toBeVisible();
  await page.reload();
  const facts = page.getByRole("region", { name: "Set-up" });
  for (const text of [
    organization.name,
    "production",
    "claude-haiku-4-5",
    "gpt-image-2",
    "https://shop.example.com",
    "https://www.example.com",
    "30 days",
    "2,048 tokens",
    "calls are let through",
  ]) {
    await expect(facts).toContainText(text);
  }
  await expect(facts.getByRole("link", { name: "gpt-image-2" })).toHaveAttribute(
    "href",
    "/models/gpt-image-2",
  );
  await expectNoBarriers(page);
});

test("an origin that is none is told beside its field, and the others are saved with it mended", async ({
  api,
  open,
}) => {
  const { id } = await makeInstance(api, "org_dev", { default_models: { text: "gpt-4o-mini" } });
  const page = await open("admin-panel", `/instances/${id}`);
  await page.getByRole("button", { name: "Edit" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Allowed origins").fill("https://good.example.com\nshop.example.com/path");
  await dialog.getByLabel("Text", { exact: true }).selectOption("");
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(dialog.getByRole("alert")).toContainText("/allowed_origins/1");
  await expect(dialog.getByLabel("Allowed origins")).toHaveAttribute("aria-invalid", "true");
  await dialog.getByLabel("Allowed origins").fill("https://good.example.com");
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(dialog).toBeHidden();
  await expect(page.getByRole("region", { name: "Set-up" })).toContainText("each call names one");
  expect(await api.send("GET", `/v1/instances/${id}`)).toMatchObject({
    allowed_origins: ["https://good.example.com"],
    default_models: {},
  });
});

test("instances are filtered by organization, environment and status, and the address says so", async ({
  api,
  open,
}) => {
  const organization = await makeOrganization(api);
  const live = await makeInstance(api, organization.id, { environment: "production" });
  const test = await makeInstance(api, organization.id);
  const page = await open("admin-panel", "/instances");
  await page.getByLabel("Organization").selectOption(organization.id);
  await expect(page.getByRole("link", { name: live.name })).toBeVisible();
  await expect(page.getByRole("link", { name: test.name })).toBeVisible();
  await page.getByLabel("Environment").selectOption("production");
  await expect(page.getByRole("link", { name: test.name })).toBeHidden();
  await page.reload();
  await expect(page.getByRole("link", { name: live.name })).toBeVisible();
  await expect(page.getByRole("link", { name: test.name })).toBeHidden();
  await page.getByLabel("Status").selectOption("suspended");
  await expect(page.getByRole("heading", { name: "Nothing matches" })).toBeVisible();
  await expectNoBarriers(page);
  await page.getByRole("button", { name: "Clear filters" }).click();
  await expect(page).toHaveURL(/\/instances$/);
  await expect(page.getByRole("table")).toBeVisible();
});

test("grants on an instance are given, changed and removed", async ({ api, open }) => {
  const instance = await makeInstance(api, "org_dev");
  const person = await makePerson(api, "org_dev");
  const page = await open("admin-panel", `/instances/${instance.id}`);
  await expect(page.getByText("Nobody has a grant.")).toBeVisible();
  await page.getByRole("button", { name: "Give a grant" }).click();
  const give = page.getByRole("dialog", { name: "Give a grant" });
  await give.getByLabel("Who").selectOption(person.id);
  await give.getByLabel("Grant").selectOption("readonly");
  await expectNoBarriers(page);
  await give.getByRole("button", { name: "Give grant" }).click();
  const row = page.getByRole("row").filter({ hasText: person.email });
  await expect(row).toContainText("readonly");
  await row.getByRole("button", { name: "Change" }).click();
  const change = page.getByRole("dialog", { name: /^Change the grant of/ });
  await change.getByLabel("Grant").selectOption("owner");
  await change.getByRole("button", { name: "Change grant" }).click();
  await expect(row).toContainText("owner");
  await expectNoBarriers(page);
  await row.getByRole("button", { name: "Remove" }).click();
  const remove = page.getByRole("dialog", { name: /^Remove the grant of/ });
  await expect(remove).toContainText(instance.name);
  await remove.getByRole("button", { name: "Remove grant" }).click();
  await expect(page.getByText("Nobody has a grant.")).toBeVisible();
});

test("an instance goes with its projects and keys, after its name was typed", async ({ api, open }) => {
  const instance = await makeInstance(api, "org_dev");
  const project = await makeProject(api, instance.id);
  await makeKey(api, { project_id: project.id });
  const page = await open("admin-panel", `/instances/${instance.id}`);
  await expect(page.getByRole("link", { name: project.name })).toBeVisible();
  await page.getByRole("button", { exact: true, name: "Delete" }).click();
  const dialog = page.getByRole("dialog");
  const list = dialog.getByRole("list", { name: "What goes with it" });
  await expect(list).toContainText("1 project");
  await expect(list).toContainText("1 API key");
  await dialog.getByLabel(`Type ${instance.name} to go on`).fill(instance.name);
  await dialog.getByRole("button", { name: "Delete instance" }).click();
  await expect(news(page)).toContainText(`${instance.name} is deleted`);
  // The switch of instances does not offer it any more.
  await expect(page.getByLabel("Instance", { exact: true }).locator("option")).not.toContainText([
    instance.name,
  ]);
});

test("a new project is created from its instance", async ({ api, open }) => {
  const instance = await makeInstance(api, "org_dev");
  const page = await open("admin-panel", `/instances/${instance.id}`);
  await page.getByRole("button", { name: "New project" }).click();
  const name = unique("Search");
  await page.getByRole("dialog").getByLabel("Name").fill(name);
  await page.getByRole("button", { name: "Create project" }).click();
  await expect(page.getByRole("heading", { level: 1, name })).toBeVisible();
  await expect(
    page.getByRole("region", { name: "Set-up" }).getByRole("link", { name: instance.name }),
  ).toBeVisible();
});

test("whoever only looks at an instance is offered no change", async ({ api, page }) => {
  const instance = await makeInstance(api, "org_dev");
  const person = await makePerson(api, "org_dev");
  await api.send("PUT", `/v1/users/${person.id}/grants/${instance.id}`, { role: "readonly" });
  await openAs(page, person.secret, `/instances/${instance.id}`);
  await expect(page.getByRole("region", { name: "Set-up" })).toContainText("development");
  await expect(page.getByRole("region", { name: "Limits and budgets" })).toContainText("None of its own.");
  for (const name of ["Edit", "Suspend", "Delete", "New project", "Give a grant"]) {
    await expect(page.getByRole("button", { exact: true, name })).toHaveCount(0);
  }
  await expectNoBarriers(page);

  // With more of a grant there is more to do.
  await api.send("PUT", `/v1/users/${person.id}/grants/${instance.id}`, { role: "admin" });
  await page.reload();
  await expect(page.getByRole("button", { exact: true, name: "Edit" })).toBeVisible();
  await expect(page.getByRole("button", { name: "New project" })).toBeVisible();
  await expect(page.getByRole("button", { exact: true, name: "Delete" })).toHaveCount(0);
});

test("an owner who administers nobody gives a grant to somebody of the organization", async ({
  api,
  page,
}) => {
  const instance = await makeInstance(api, "org_dev");
  const owner = await makePerson(api, "org_dev");
  const other = await makePerson(api, "org_dev");
  await api.send("PUT", `/v1/users/${owner.id}/grants/${instance.id}`, { role: "owner" });
  await openAs(page, owner.secret, `/instances/${instance.id}`);
  await page.getByRole("button", { name: "Give a grant" }).click();
  const dialog = page.getByRole("dialog", { name: "Give a grant" });
  await dialog.getByLabel("Who").selectOption(other.email);
  await expectNoBarriers(page);
  await dialog.getByRole("button", { name: "Give grant" }).click();
  await expect(page.getByRole("row").filter({ hasText: other.email })).toContainText("user");
});

test("its provider keys, webhooks and history are one step away", async ({ api, open }) => {
  const instance = await makeInstance(api, "org_dev");
  const page = await open("admin-panel", `/instances/${instance.id}`);
  const facts = page.getByRole("region", { name: "Set-up" });
  await expect(facts.getByRole("link", { name: "History" })).toHaveAttribute(
    "href",
    `/audit?target_id=${instance.id}`,
  );
  await expect(facts.getByRole("link", { name: "Those of this instance" })).toHaveAttribute(
    "href",
    `/webhooks?instance_id=${instance.id}`,
  );
  await facts.getByRole("link", { name: "None: put one" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Provider keys" })).toBeVisible();
  await expect(page.getByLabel("Instance", { exact: true })).toHaveValue(instance.id);
});

test("a list that could not be read is read again at the press of a button", async ({ open, page }) => {
  await page.route("**/v1/instances?*limit=50*", (route) => route.abort("connectionfailed"));
  await open("admin-panel", "/instances");
  await expect(page.getByRole("alert")).toContainText("the API cannot be reached");
  await expectNoBarriers(page);
  await page.unroute("**/v1/instances?*limit=50*");
  await page.getByRole("button", { name: "Try again" }).click();
  await expect(page.getByRole("table")).toBeVisible();
  await expect(page.getByRole("alert")).toHaveCount(0);
});
