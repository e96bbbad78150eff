import { expect, expectNoBarriers, stack, test, unique } from "./stack.ts";
import { makeInstance, makeKey, makeOrganization, makePerson, news, openAs } from "./tenants.ts";

test("somebody is invited, and what they are is changed", async ({ api, open }) => {
  const organization = await makeOrganization(api);
  const page = await open("admin-panel", "/users");
  await page.getByRole("button", { name: "Invite somebody" }).click();
  const dialog = page.getByRole("dialog", { name: "Invite somebody" });
  const email = `${unique("ada").replace(" ", "-")}@example.com`;
  await dialog.getByLabel("Organization").selectOption(organization.id);
  await dialog.getByLabel("E-mail").fill(email.toUpperCase());
  await dialog.getByLabel("Name").fill("Ada");
  await expect(dialog).toContainText("No e-mail is sent.");
  await expectNoBarriers(page);
  await dialog.getByRole("button", { exact: true, name: "Invite" }).click();
  await expect(page.getByRole("heading", { level: 1, name: email })).toBeVisible();
  await expect(page.getByRole("region", { name: "Who it is" })).toContainText("does what grants allow");
  await expectNoBarriers(page);

  await page.getByRole("button", { name: "Edit" }).click();
  const edit = page.getByRole("dialog", { name: `Edit ${email}` });
  await edit.getByLabel("Role").selectOption("admin");
  await expectNoBarriers(page);
  await edit.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("region", { name: "Who it is" })).toContainText("administers the organization");

  await page.goto(new URL(`/users?organization_id=${organization.id}&role=admin`, page.url()).href);
  await expect(page.getByRole("link", { name: email })).toBeVisible();
  await page.getByLabel("Role").selectOption("user");
  await expect(page.getByRole("heading", { name: "Nothing matches" })).toBeVisible();
});

test("who makes somebody more is told first that their keys and log-ins end", async ({ api, open }) => {
  const person = await makePerson(api, "org_dev", { role: "admin" });
  const page = await open("admin-panel", `/users/${person.id}`);
  await page.getByRole("button", { name: "Edit" }).click();
  const edit = page.getByRole("dialog", { name: `Edit ${person.email}` });
  const warning = edit.getByText("every key and log-in that they have now ends");
  await edit.getByLabel("Role").selectOption("user");
  await expect(warning).toHaveCount(0);
  await edit.getByLabel("Role").selectOption("superadmin");
  await expect(warning).toBeVisible();
  await expectNoBarriers(page);
  await edit.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("region", { name: "Who it is" })).toContainText("operates the service");
  const asked = await fetch(`${stack.base}/v1/organizations`, {
    headers: { authorization: `Bearer ${person.secret}` },
  });
  expect(asked.status).toBe(401);
});

test("an address that somebody has is told beside its field", async ({ api, open }) => {
  const { email } = await makePerson(api, "org_dev");
  const page = await open("admin-panel", "/users?organization_id=org_dev");
  await page.getByRole("button", { name: "Invite somebody" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("E-mail").fill(email);
  await dialog.getByRole("button", { exact: true, name: "Invite" }).click();
  await expect(dialog.getByRole("alert")).toContainText("CONFLICT");
  await expect(dialog.getByLabel("E-mail")).toHaveAccessibleDescription(/has this email already/);
});

test("grants of somebody are given, changed and removed", async ({ api, open }) => {
  const instance = await makeInstance(api, "org_dev");
  const person = await makePerson(api, "org_dev");
  const page = await open("admin-panel", `/users/${person.id}`);
  await expect(page.getByText("No grant on any instance.")).toBeVisible();
  await page.getByRole("button", { name: "Give a grant" }).click();
  const give = page.getByRole("dialog", { name: "Give a grant" });
  await give.getByLabel("Instance").selectOption(instance.id);
  await give.getByLabel("Grant").selectOption("user");
  await give.getByRole("button", { name: "Give grant" }).click();
  const row = page.getByRole("region", { name: "Grants" }).getByRole("row").nth(1);
  await expect(row).toContainText(instance.name);
  await expect(row).toContainText("user");
  await row.getByRole("button", { name: "Change" }).click();
  await page.getByRole("dialog").getByLabel("Grant").selectOption("readonly");
  await page.getByRole("button", { name: "Change grant" }).click();
  await expect(row).toContainText("readonly");
  await expectNoBarriers(page);
  await row.getByRole("button", { name: "Remove" }).click();
  await page.getByRole("button", { name: "Remove grant" }).click();
  await expect(page.getByText("No grant on any instance.")).toBeVisible();
});

test("log-ins of somebody are listed and ended", async ({ api, open, playwright }) => {
  const person = await makePerson(api, "org_dev");
  const origin = stack.interfaces["admin-panel"];
  const browsers = await Promise.all([1, 2, 3].map(() => playwright.request.newContext()));
  for (const browser of browsers) {
    const answer = await browser.post(`${stack.base}/v1/sessions`, {
      data: { key: person.secret },
      headers: { origin },
    });
    expect(answer.status()).toBe(201);
  }
  const page = await open("admin-panel", `/users/${person.id}`);
  const rows = page.getByRole("region", { name: "Log-ins" }).getByRole("row");
  await expect(rows).toHaveCount(4);
  // The newest stands above.
  await rows.nth(1).getByRole("button", { name: /^End/ }).click();
  await expect(rows).toHaveCount(3);
  const look = (at: number) => browsers[at]?.get(`${stack.base}/v1/sessions`);
  expect((await look(2))?.status()).toBe(401);
  expect((await look(0))?.status()).toBe(200);
  await page.getByRole("button", { name: "End all others" }).click();
  await expectNoBarriers(page);
  await page.getByRole("button", { name: "End them" }).click();
  await expect(page.getByText("Not logged in anywhere.")).toBeVisible();
  expect((await look(0))?.status()).toBe(401);
  for (const browser of browsers) await browser.dispose();
});

test("somebody suspended is refused, and goes with keys and grants when deleted", async ({ api, open }) => {
  const person = await makePerson(api, "org_dev");
  await api.send("PUT", `/v1/users/${person.id}/grants/inst_dev`, { role: "readonly" });
  const page = await open("admin-panel", `/users/${person.id}`);
  await page.getByRole("button", { name: "Suspend" }).click();
  await page.getByRole("button", { name: "Suspend user" }).click();
  await expect(page.getByRole("button", { name: "Activate" })).toBeVisible();
  const asked = await fetch(`${stack.base}/v1/instances`, {
    headers: { authorization: `Bearer ${person.secret}` },
  });
  expect(asked.status).toBe(403);
  await page.getByRole("button", { exact: true, name: "Delete" }).click();
  const list = page.getByRole("list", { name: "What goes with it" });
  await expect(list).toContainText("1 API key");
  await expect(list).toContainText("1 grant");
  await expectNoBarriers(page);
  await page.getByLabel(`Type ${person.email} to go on`).fill(person.email);
  await page.getByRole("button", { name: "Delete user" }).click();
  await expect(news(page)).toContainText(`${person.email} is deleted`);
});

test("nobody is offered to change what they are themselves", async ({ open }) => {
  const page = await open("admin-panel", "/users/user_dev");
  await page.getByRole("button", { name: "Edit" }).click();
  await expect(page.getByRole("dialog")).toContainText("Nobody changes their own role.");
  await expect(page.getByRole("dialog").getByLabel("Role")).toHaveCount(0);
  await page.keyboard.press("Escape");
  for (const name of ["Suspend", "Delete"]) {
    await expect(page.getByRole("button", { exact: true, name })).toHaveCount(0);
  }
});

test("a user without grants sees themselves, and makes keys of their own alone", async ({ api, page }) => {
  const person = await makePerson(api, "org_dev");
  await makeKey(api, { name: "Script", scopes: ["read"], user_id: person.id });
  await openAs(page, person.secret, "/users");
  await page.getByRole("link", { name: person.email }).click();
  await expect(page.getByRole("link", { name: "Script" })).toBeVisible();
  await expect(page.getByRole("button", { name: "New API key" })).toBeVisible();
  for (const name of ["Edit", "Suspend", "Delete", "Give a grant"]) {
    await expect(page.getByRole("button", { exact: true, name })).toHaveCount(0);
  }
  await expect(page.getByText("this one")).toBeVisible();
  await page.goto(new URL("/users", page.url()).href);
  await expect(page.getByRole("link", { name: person.email })).toBeVisible();
  await expect(page.getByRole("button", { name: "Invite somebody" })).toHaveCount(0);
});
