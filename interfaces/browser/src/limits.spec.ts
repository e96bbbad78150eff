import { type Api, expect, expectNoBarriers, stack, test, unique } from "./stack.ts";
import { makeKey, makePerson } from "./tenants.ts";

/** A project of its own, in an instance of its own, so that no other test counts against it. */
async function tenant(api: Api) {
  const organization = await api.send<{ id: string }>("POST", "/v1/organizations", {
    name: unique("Limits"),
  });
  const instance = await api.send<{ id: string }>("POST", "/v1/instances", {
    environment: "development",
    name: unique("Limited"),
    organization_id: organization.id,
  });
  const project = await api.send<{ id: string }>("POST", "/v1/projects", {
    instance_id: instance.id,
    name: "Playground",
  });
  return { instance, organization, project };
}

test("limits are set, shown with their use, changed and removed", async ({ api, open }) => {
  const { instance, project } = await tenant(api);
  const page = await open("admin-panel", `/limits?instance_id=${instance.id}`);
  await expect(page.getByRole("heading", { name: "Nothing is limited here" })).toBeVisible();
  await page.getByRole("button", { name: "Set limits" }).first().click();
  const choose = page.getByRole("dialog", { name: "Set limits or budgets" });
  await choose.getByLabel("For what").selectOption("project");
  await choose.getByLabel("Project").fill(project.id);
  await expectNoBarriers(page);
  await choose.getByRole("button", { name: "Go on" }).click();

  const dialog = page.getByRole("dialog", { name: /^Project / });
  await dialog.getByLabel("Requests a minute").fill("600");
  await dialog.getByLabel("Calls at once").fill("4");
  await dialog.getByLabel("On trial").check();
  await expectNoBarriers(page);
  await dialog.getByRole("button", { name: "Save limits" }).click();
  await expect(page.getByRole("status", { name: "News" })).toContainText("The limits hold");
  await page.keyboard.press("Escape");
  await expect(dialog).toBeHidden();
  const row = page.getByRole("row").filter({ hasText: project.id });
  await expect(row).toContainText("0 of 600 requests a minute");
  await expect(row.getByText("on trial").first()).toBeVisible();
  await expect(row.getByRole("meter", { name: "calls at once" })).toHaveAttribute("aria-valuemax", "4");
  expect(await api.send("GET", `/v1/limits/project/${project.id}`)).toMatchObject({
    concurrent: 4,
    requests_per_minute: 600,
    shadow: true,
    tokens_per_day: null,
  });

  // A reload in the middle: the open editor is in the address.
  await row.getByRole("button", { name: /^Edit/ }).click();
  await page.reload();
  await expect(dialog.getByLabel("Requests a minute")).toHaveValue("600");
  await dialog.getByLabel("Requests a minute").fill("");
  await dialog.getByRole("button", { name: "Save limits" }).click();
  await expect(row).not.toContainText("requests a minute");
  await dialog.getByRole("button", { name: "Remove all limits" }).click();
  await page
    .getByRole("dialog", { name: "Remove all limits?" })
    .getByRole("button", { name: "Remove limits" })
    .click();
  await expect(page.getByRole("heading", { name: "Nothing is limited here" })).toBeVisible();
});

test("a key is limited in an instance: a person's in the chosen one, a project's in its own", async ({
  api,
  open,
}) => {
  const { instance, organization, project } = await tenant(api);
  const person = await makePerson(api, organization.id);
  const own = await makeKey(api, { scopes: ["read"], user_id: person.id });
  const page = await open("admin-panel", `/limits?instance_id=${instance.id}`);
  await page.getByRole("button", { name: "Set limits" }).first().click();
  const choose = page.getByRole("dialog", { name: "Set limits or budgets" });
  await choose.getByLabel("For what").selectOption("key");
  await expect(choose.getByLabel("Instance")).toHaveValue(instance.id);
  await choose.getByLabel("API key").fill(own.id);
  await choose.getByRole("button", { name: "Go on" }).click();
  const dialog = page.getByRole("dialog", { name: /^Key / });
  await dialog.getByLabel("Requests a minute").fill("60");
  await dialog.getByRole("button", { name: "Save limits" }).click();
  await expect(page.getByRole("status", { name: "News" })).toContainText("The limits hold");
  expect(await api.send("GET", `/v1/limits/key/${own.id}?instance_id=${instance.id}`)).toMatchObject({
    requests_per_minute: 60,
  });

  // From the page of a key whose project stands in another instance than the one that is acted for.
  const key = await makeKey(api, { project_id: project.id });
  await page.goto(new URL(`/api-keys/${key.id}`, page.url()).href);
  await page.getByRole("region", { name: "Limits and budgets" }).getByRole("link").click();
  await expect(page).toHaveURL(new RegExp(`scope_id=${key.id}&instance_id=${instance.id}`));
  await page.getByRole("button", { name: "Set limits" }).first().click();
  await expect(choose.getByLabel("Instance")).toHaveValue(instance.id);
  await choose.getByRole("button", { name: "Go on" }).click();
  await expect(dialog.getByLabel("Requests a minute")).toHaveValue("");
});

test("a budget is typed in dollars, has thresholds, and is removed", async ({ api, open }) => {
  const { instance, organization } = await tenant(api);
  const page = await open(
    "admin-panel",
    `/limits?organization_id=${organization.id}&edit=instance&edit_id=${instance.id}&tab=budgets`,
  );
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Period").selectOption("week");
  await dialog.getByLabel("Amount in dollars").fill("12.5x");
  await expect(dialog.getByText("Not an amount")).toBeVisible();
  await dialog.getByLabel("Amount in dollars").fill("12.345678");
  await dialog.getByLabel("Tell at percents").fill("40, 90");
  await dialog.getByLabel("Give unsettled money back after hours").fill("48");
  await expectNoBarriers(page);
  await dialog.getByRole("button", { name: "Set budget" }).click();
  await expect(dialog.getByRole("heading", { name: "Budget a week" })).toBeVisible();
  await expect(dialog.getByText("Told at 40 %, 90 %.")).toBeVisible();
  expect(await api.send("GET", `/v1/budgets/instance/${instance.id}`)).toMatchObject({
    budgets: [
      { alerts: [40, 90], amount_micros: 12_345_678, period: "week", release_after_h: 48, shadow: false },
    ],
  });
  await dialog.getByRole("button", { name: "Edit the budget a week" }).click();
  await dialog.getByLabel("Tell at percents").fill("40, 900");
  await dialog.getByRole("button", { name: "Save budget" }).click();
  await expect(dialog.getByRole("alert")).toContainText("VALIDATION_ERROR");
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await dialog.getByRole("button", { name: "Remove the budget a week" }).click();
  await page.getByRole("button", { name: "Remove budget", exact: true }).click();
  await expect(dialog.getByLabel("Amount in dollars")).toBeVisible();
});

test("use of a limit and a spent budget are shown, and what a caller is refused", async ({ api, open }) => {
  const { instance, project } = await tenant(api);
  const key = await api.send<{ secret: string }>("POST", "/v1/api-keys", {
    name: "limited",
    project_id: project.id,
    scopes: ["text"],
  });
  await api.send("PUT", `/v1/limits/project/${project.id}`, { requests_per_hour: 1 });
  const page = await open("admin-panel", `/limits?instance_id=${instance.id}&scope=project`);
  const send = () =>
    page.request.post(`${stack.base}/v1/chat/completions`, {
      data: { messages: [{ content: "hello", role: "user" }], model: "gpt-4o-mini" },
      headers: { authorization: `Bearer ${key.secret}` },
    });
  // The instance has no vendor's key: the call is let in, counts, and goes no further.
  expect((await send()).status()).toBe(503);
  expect((await send()).status()).toBe(429);
  await expect(page.getByRole("row").filter({ hasText: project.id })).toContainText(
    "1 of 1 requests an hour",
  );
  await expectNoBarriers(page);
});

test("who saves over somebody else's change is told, and loses nothing unasked", async ({ api, open }) => {
  const { instance, project } = await tenant(api);
  await api.send("PUT", `/v1/limits/project/${project.id}`, { requests_per_minute: 10 });
  const page = await open("admin-panel");
  await page.goto(
    `${new URL(page.url()).origin}/limits?instance_id=${instance.id}&edit=project&edit_id=${project.id}`,
  );
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Requests a minute").fill("20");
  await api.send("PUT", `/v1/limits/project/${project.id}`, { requests_per_minute: 15 });
  await dialog.getByRole("button", { name: "Save limits" }).click();
  await expect(dialog).toContainText("Somebody has changed this");
  await expect(dialog.getByLabel("Requests a minute")).toHaveValue("20");
  await dialog.getByRole("button", { name: "Show what is there now" }).click();
  await expect(dialog.getByLabel("Requests a minute")).toHaveValue("15");
});

test("the time zone of budgets is changed where it is shown", async ({ api, open }) => {
  const { organization } = await tenant(api);
  const page = await open("admin-panel", `/limits?organization_id=${organization.id}`);
  await page.getByRole("button", { name: "Change time zone" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Time zone").fill("Mars/Olympus");
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(dialog.getByRole("alert")).toContainText("VALIDATION_ERROR");
  await dialog.getByLabel("Time zone").fill("Europe/Berlin");
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("Europe/Berlin").first()).toBeVisible();
  await page.reload();
  await expect(page.getByText("Europe/Berlin").first()).toBeVisible();
});

test("who may only read looks at limits, and is offered nothing that the API refuses", async ({
  api,
  page,
}) => {
  const { instance, organization, project } = await tenant(api);
  await api.send("PUT", `/v1/limits/project/${project.id}`, { requests_per_minute: 10 });
  const reader = await api.send<{ id: string }>("POST", "/v1/users", {
    email: `reader-${crypto.randomUUID()}@example.com`,
    organization_id: organization.id,
  });
  await api.send("PUT", `/v1/users/${reader.id}/grants/${instance.id}`, { role: "readonly" });
  const key = await api.send<{ secret: string }>("POST", "/v1/api-keys", {
    scopes: ["admin", "read"],
    user_id: reader.id,
  });
  const origin = stack.interfaces["admin-panel"];
  await page.request.post(`${stack.base}/v1/sessions`, { data: { key: key.secret }, headers: { origin } });
  await page.goto(`${origin}/limits`);
  const row = page.getByRole("row").filter({ hasText: project.id });
  await expect(row).toContainText("Playground");
  await expect(page.getByRole("button", { name: "Set limits" })).toBeHidden();
  await row.getByRole("button", { name: /^Look/ }).click();
  await expect(page.getByRole("dialog")).toContainText("may look at these, and not change them");
  await expect(page.getByRole("dialog")).toContainText("0 of 10 requests a minute");
  await page.goto(`${origin}/audit`);
  await expect(page.getByText("Changes are seen by administrators")).toBeVisible();
  await page.goto(`${origin}/requests?live=1`);
  await expect(page.getByRole("status", { name: "Live tail" })).toContainText("live");
  await page.goto(origin);
  await expect(page.getByRole("region", { exact: true, name: "Requests" })).toBeVisible();
  await expect(page.getByText("Could not look at")).toBeHidden();
});
