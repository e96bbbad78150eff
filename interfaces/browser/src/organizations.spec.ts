import { expect, expectNoBarriers, test, unique } from "./stack.ts";
import { makeInstance, makeKey, makeOrganization, makePerson, makeProject, news, openAs } from "./tenants.ts";

test("an organization is created, and found again in the list", async ({ open }) => {
  const page = await open("admin-panel", "/organizations");
  await expect(page.getByRole("heading", { name: "Organizations" })).toBeVisible();
  await page.getByRole("button", { name: "New organization" }).click();
  const dialog = page.getByRole("dialog", { name: "New organization" });
  const name = unique("Acme");
  await dialog.getByLabel("Name").fill(name);
  await dialog.getByLabel("Billing e-mail").fill("bills@example.com");
  await dialog.getByRole("combobox", { name: "E-mail domains" }).selectOption("some");
  await dialog.getByRole("textbox", { name: "Domains" }).fill("acme.example");
  await dialog.getByLabel("Time zone").selectOption("Europe/Berlin");
  await expectNoBarriers(page);
  await dialog.getByRole("button", { name: "Create organization" }).click();
  await expect(news(page)).toContainText(`${name} is created`);
  await expect(page.getByRole("heading", { level: 1, name })).toBeVisible();
  await expect(page.getByRole("region", { exact: true, name: "Organization" })).toContainText(
    "bills@example.com",
  );
  await expect(page.getByRole("region", { exact: true, name: "Organization" })).toContainText(
    "Europe/Berlin",
  );
  await expect(page.getByRole("region", { exact: true, name: "Organization" })).toContainText("acme.example");
  await expect(page.getByRole("region", { name: "This month" })).toContainText("No call yet");
  await expectNoBarriers(page);

  await page.getByRole("link", { name: "Organizations" }).first().click();
  await page.getByLabel("Search").fill(name.toUpperCase());
  await expect(page).toHaveURL(/q=ACME/);
  await expect(page.getByRole("table").getByRole("row")).toHaveCount(2);
  await page.reload();
  await expect(page.getByLabel("Search")).toHaveValue(name.toUpperCase());
  await expect(page.getByRole("link", { name })).toBeVisible();
  await expectNoBarriers(page);
});

test("what the API refuses stays in the form: beside its field, with the request's id", async ({ open }) => {
  const page = await open("admin-panel", "/organizations");
  await page.getByRole("button", { name: "New organization" }).click();
  const dialog = page.getByRole("dialog", { name: "New organization" });
  await dialog.getByLabel("Name").fill(" ");
  await dialog.getByLabel("Billing e-mail").fill("nobody");
  await dialog.getByRole("button", { name: "Create organization" }).click();
  await expect(dialog.getByRole("alert")).toContainText("VALIDATION_ERROR");
  await expect(dialog.getByRole("alert").getByRole("link")).toHaveAttribute("href", /^\/requests\//);
  await expect(dialog.getByLabel("Name")).toHaveAccessibleDescription(/must not be empty/);
  await expect(dialog.getByLabel("Billing e-mail")).toHaveAccessibleDescription(/e-mail/);
  await expectNoBarriers(page);
});

test("a dialog is opened, left and sent by the keyboard", async ({ open }) => {
  const page = await open("admin-panel", "/organizations");
  const button = page.getByRole("button", { name: "New organization" });
  await button.focus();
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog", { name: "New organization" });
  await expect(dialog.getByLabel("Name")).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(dialog).toBeHidden();
  await expect(button).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(dialog.getByLabel("Name")).toBeFocused();
  const name = unique("Keys only");
  await page.keyboard.type(name);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1, name })).toBeVisible();
});

test("an organization is suspended and active again, and the list is filtered by that", async ({
  api,
  open,
}) => {
  const { id, name } = await makeOrganization(api);
  const page = await open("admin-panel", `/organizations/${id}`);
  await page.getByRole("button", { name: "Suspend" }).click();
  const dialog = page.getByRole("dialog", { name: `Suspend ${name}?` });
  await expect(dialog).toContainText("403");
  await expectNoBarriers(page);
  await dialog.getByRole("button", { name: "Suspend organization" }).click();
  await expect(page.getByText("suspended", { exact: true })).toBeVisible();

  await page.goto(new URL("/organizations?status=suspended", page.url()).href);
  await expect(page.getByLabel("Status")).toHaveValue("suspended");
  await page.getByLabel("Search").fill(name);
  await page.getByRole("link", { name }).click();
  await page.getByRole("button", { name: "Activate" }).click();
  await expect(news(page)).toContainText(`${name} is active again`);
  await expect(page.getByRole("button", { name: "Suspend" })).toBeVisible();
});

test("two edits at once keep both, and say what the other one was", async ({ api, open }) => {
  const { id } = await makeOrganization(api);
  const page = await open("admin-panel", `/organizations/${id}`);
  await page.getByRole("button", { name: "Edit" }).click();
  const dialog = page.getByRole("dialog");
  const name = unique("Mine");
  await dialog.getByLabel("Name").fill(name);
  await api.send("PATCH", `/v1/organizations/${id}`, { billing_email: "theirs@example.com" });
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(dialog.getByRole("alert")).toContainText("PRECONDITION_FAILED");
  await expect(dialog).toContainText('billing_email is now "theirs@example.com"');
  await expect(dialog.getByLabel("Billing e-mail")).toHaveValue("theirs@example.com");
  await expect(dialog.getByLabel("Name")).toHaveValue(name);
  await expectNoBarriers(page);
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(dialog).toBeHidden();
  await expect(page.getByRole("heading", { level: 1, name })).toBeVisible();
  expect(await api.send("GET", `/v1/organizations/${id}`)).toMatchObject({
    billing_email: "theirs@example.com",
    name,
  });
});

test("the domains of an organization's addresses are edited, and what is none is told beside its field", async ({
  api,
  open,
}) => {
  const { id } = await makeOrganization(api);
  const page = await open("admin-panel", `/organizations/${id}`);
  const facts = page.getByRole("region", { exact: true, name: "Organization" });
  await expect(facts).toContainText("any: nobody has said which are its own");
  await page.getByRole("button", { name: "Edit" }).click();
  const dialog = page.getByRole("dialog");
  const whether = dialog.getByRole("combobox", { name: "E-mail domains" });
  const domains = dialog.getByRole("textbox", { name: "Domains" });
  await expect(whether).toHaveValue("any");
  await expect(domains).toHaveCount(0);
  await whether.selectOption("some");
  await domains.fill("own.example\n@other.example");
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(dialog.getByRole("alert")).toContainText("/email_domains/1");
  await expect(domains).toHaveAttribute("aria-invalid", "true");
  await expect(domains).toHaveAccessibleDescription(/expected a domain/);
  await expectNoBarriers(page);
  await domains.fill("Own.example\n\n own.test \n");
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(dialog).toBeHidden();
  for (const domain of ["own.example", "own.test"]) {
    await expect(facts.getByText(domain, { exact: true })).toBeVisible();
  }
  expect(await api.send("GET", `/v1/organizations/${id}`)).toMatchObject({
    email_domains: ["own.example", "own.test"],
  });
  await expectNoBarriers(page);

  // None of them is not the same as any.
  await page.getByRole("button", { name: "Edit" }).click();
  await expect(domains).toHaveValue("own.example\nown.test");
  await domains.fill("");
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(facts).toContainText("none: only a superadmin gives addresses");
  expect(await api.send("GET", `/v1/organizations/${id}`)).toMatchObject({ email_domains: [] });
  await page.getByRole("button", { name: "Edit" }).click();
  await expect(whether).toHaveValue("some");
  await whether.selectOption("any");
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(facts).toContainText("any: nobody has said which are its own");
  expect(await api.send("GET", `/v1/organizations/${id}`)).toMatchObject({ email_domains: null });
});

test("what goes with an organization is listed before it is deleted, and its name is typed", async ({
  api,
  open,
}) => {
  const { id, name } = await makeOrganization(api);
  const instance = await makeInstance(api, id);
  const project = await makeProject(api, instance.id);
  await makeKey(api, { project_id: project.id });
  await makePerson(api, id);
  const page = await open("admin-panel", `/organizations/${id}`);
  await page.getByRole("button", { name: "Delete" }).click();
  const dialog = page.getByRole("dialog", { name: `Delete ${name}?` });
  const list = dialog.getByRole("list", { name: "What goes with it" });
  for (const what of ["1 instance", "1 project", "2 API keys", "1 person"]) {
    await expect(list.getByText(what, { exact: true })).toBeVisible();
  }
  await expectNoBarriers(page);
  const act = dialog.getByRole("button", { name: "Delete organization" });
  await expect(act).toBeDisabled();
  await dialog.getByRole("textbox").fill(name);
  await act.click();
  await expect(news(page)).toContainText(`${name} is deleted`);
  await expect(page).toHaveURL(/\/organizations$/);
  await expect(api.send("GET", `/v1/organizations/${id}`)).rejects.toThrow("404");
});

test("its instances, people, limits and budgets are told, with the way to each", async ({ api, open }) => {
  const { id } = await makeOrganization(api);
  const instance = await makeInstance(api, id);
  const person = await makePerson(api, id, { role: "admin" });
  await api.send("PUT", `/v1/limits/organization/${id}`, { requests_per_minute: 60 });
  await api.send("PUT", `/v1/budgets/organization/${id}`, { amount_micros: 25_000_000, period: "month" });
  const page = await open("admin-panel", `/organizations/${id}`);
  await expect(page.getByRole("region", { exact: true, name: "Instances" })).toContainText(instance.name);
  await expect(page.getByRole("region", { exact: true, name: "Users" })).toContainText(person.email);
  const limits = page.getByRole("region", { name: "Limits and budgets" });
  await expect(limits.getByRole("meter", { name: "Requests per minute" })).toHaveAttribute(
    "aria-valuetext",
    "0 of 60",
  );
  await expect(limits).toContainText("$0.00 of $25.00");
  await expect(limits.getByRole("link")).toHaveAttribute("href", `/limits?scope=organization&scope_id=${id}`);
  await expect(page.getByRole("link", { exact: true, name: "Requests" }).last()).toHaveAttribute(
    "href",
    new RegExp(`/requests\\?organization_id=${id}`),
  );
  await expect(page.getByRole("link", { name: "All instances" })).toHaveAttribute(
    "href",
    `/instances?organization_id=${id}`,
  );
  await expectNoBarriers(page);
});

test("who administers an organization neither deletes nor suspends it", async ({ api, page }) => {
  const { id, name } = await makeOrganization(api);
  const { secret } = await makePerson(api, id, { role: "admin" });
  await openAs(page, secret, "/organizations");
  await page.getByRole("link", { name }).click();
  await expect(page.getByRole("button", { name: "Edit" })).toBeVisible();
  await expect(page.getByRole("button", { name: "New instance" })).toBeVisible();
  for (const action of ["Delete", "Suspend"]) {
    await expect(page.getByRole("button", { name: action })).toHaveCount(0);
  }
  await page.goto(new URL("/organizations", page.url()).href);
  await expect(page.getByRole("link", { name })).toBeVisible();
  await expect(page.getByRole("button", { name: "New organization" })).toHaveCount(0);
});

test("who administers an organization sees its domains, and changes all but them", async ({ api, page }) => {
  const { id } = await makeOrganization(api);
  await api.send("PATCH", `/v1/organizations/${id}`, { email_domains: ["own.example"] });
  const { secret } = await makePerson(api, id, { role: "admin" });
  await openAs(page, secret, `/organizations/${id}`);
  const facts = page.getByRole("region", { exact: true, name: "Organization" });
  await expect(facts.getByText("own.example", { exact: true })).toBeVisible();
  await page.getByRole("button", { name: "Edit" }).click();
  const dialog = page.getByRole("dialog");
  const whether = dialog.getByRole("combobox", { name: "E-mail domains" });
  await expect(whether).toBeDisabled();
  await expect(whether).toHaveAccessibleDescription(/Only who operates the service changes them/);
  await expect(dialog.getByRole("textbox", { name: "Domains" })).toBeDisabled();
  await expect(dialog.getByRole("textbox", { name: "Domains" })).toHaveValue("own.example");
  await expectNoBarriers(page);
  const name = unique("Renamed");
  await dialog.getByLabel("Name").fill(name);
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("heading", { level: 1, name })).toBeVisible();
  expect(await api.send("GET", `/v1/organizations/${id}`)).toMatchObject({
    email_domains: ["own.example"],
    name,
  });
});

test("an organization that is not there says so in the API's words", async ({ open }) => {
  const page = await open("admin-panel", "/organizations/org_nobody");
  await expect(page.getByRole("alert")).toContainText("NOT_FOUND");
  await expect(page.getByRole("button", { name: "Try again" })).toBeVisible();
});
