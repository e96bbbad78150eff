import { type Api, expect, expectNoBarriers, stack, test, unique } from "./stack.ts";
import { readable } from "./tenants.ts";

/** An instance that can call OpenAI's stand-in, with a key of a program in it. */
async function tenant(api: Api) {
  const organization = await api.send<{ id: string }>("POST", "/v1/organizations", { name: unique("Seen") });
  const instance = await api.send<{ id: string }>("POST", "/v1/instances", {
    environment: "development",
    name: unique("Seen"),
    organization_id: organization.id,
  });
  const project = await api.send<{ id: string }>("POST", "/v1/projects", {
    instance_id: instance.id,
    name: "Playground",
  });
  await api.send("PUT", `/v1/provider-keys/${instance.id}/openai`, { secret: stack.simulator_keys.openai });
  const key = await api.send<{ id: string; secret: string }>("POST", "/v1/api-keys", {
    expires_at: new Date(Date.now() + 3 * 86_400_000).toISOString(),
    name: unique("Soon over"),
    project_id: project.id,
    scopes: ["text"],
  });
  return { instance, key, organization, project };
}

test("the day is told in figures, and what needs attention leads to where it is mended", async ({
  api,
  open,
  request,
}) => {
  test.setTimeout(120_000);
  const { instance, key } = await tenant(api);
  const send = (content: string) =>
    request.post(`${stack.base}/v1/chat/completions`, {
      data: { messages: [{ content, role: "user" }], model: "gpt-4o-mini" },
      headers: { authorization: `Bearer ${key.secret}` },
    });
  expect((await send("hello")).status()).toBe(200);
  await api.send("PUT", `/v1/budgets/instance/${instance.id}`, {
    amount_micros: 10,
    period: "day",
    shadow: true,
  });
  expect((await send("hello again")).status()).toBe(200);
  expect((await send("hello once more")).status()).toBe(200);
  for (let turn = 0; turn < 3; turn += 1) expect((await send("fail:500")).status()).toBe(502);
  const hook = await api.send<{ id: string }>("POST", "/v1/webhooks", {
    events: ["job.failed"],
    instance_id: instance.id,
    url: `${stack.simulator}/hooks/${crypto.randomUUID().slice(0, 12)}?fail=503`,
  });
  await api.send("POST", `/v1/webhooks/${hook.id}/test`);

  const page = await open("admin-panel", `/?instance_id=${instance.id}`);
  const requests = page.getByRole("region", { exact: true, name: "Requests" });
  await expect(requests.getByText("6", { exact: true })).toBeVisible({ timeout: 20_000 });
  await expect(page.getByRole("region", { exact: true, name: "Errors" })).toContainText(
    "50 % of the requests",
  );
  await expect(requests.getByRole("img", { name: /^Requests by hour, the last 24 hours/ })).toBeVisible();
  const spend = page.getByRole("region", { exact: true, name: "Spend" });
  await expect(spend.getByRole("meter", { name: "Budget of the instance" })).toBeVisible();

  await page.reload();
  const attention = page.getByRole("region", { name: "Needs attention" });
  await expect(attention).toContainText("openai is failing");
  await expect(attention).toContainText(/Key Soon over .* expires in 3 days/);
  await expect(attention).toContainText(`The budget of instance ${instance.id} is`);
  await expect(attention).toContainText("Messages to 127.0.0.1:");
  await expectNoBarriers(page);
  await expect(attention.getByRole("link", { name: /^Its health: openai/ })).toHaveAttribute(
    "href",
    `/providers/openai?instance_id=${instance.id}`,
  );
  await attention.getByRole("link", { name: /^The budget:/ }).click();
  await expect(page.getByRole("dialog")).toContainText("on trial");
  await page.goBack();
  await page.getByRole("link", { name: /^Its deliveries/ }).click();
  await expect(page).toHaveURL(/\/webhooks\/whk_\w+\?state=failed/);
  await page.goBack();
  await page.getByRole("region", { name: "The last failures" }).getByRole("link", { name: "All" }).click();
  await expect(page.getByRole("row").filter({ hasText: "PROVIDER_ERROR" })).toHaveCount(3);
});

test("a spend is called unbounded only where that is known", async ({ api, open, page }) => {
  const { instance } = await tenant(api);
  await open("admin-panel", `/?instance_id=${instance.id}`);
  const spend = page.getByRole("region", { exact: true, name: "Spend" });
  await expect(spend).toContainText("No budget bounds it");
  // A Limiter that does not answer: the API tells the budget without its use.
  const budgets = /\/v1\/budgets\?/;
  await page.route(budgets, async (route) => {
    const json = await (await route.fetch()).json();
    for (const held of json.data) for (const budget of held.budgets) budget.usage = null;
    await route.fulfill({ headers: readable, json });
  });
  await api.send("PUT", `/v1/budgets/instance/${instance.id}`, { amount_micros: 2_000_000, period: "day" });
  await expect(spend).toContainText(
    "A budget of $2.00 a day holds for the instance; what is used of it is not known.",
  );
  await page.unrouteAll({ behavior: "wait" });
  await page.route(budgets, (route) => route.abort());
  await expect(spend).toContainText("Its budgets could not be read");
});

test("an instance without a call says so, and a place that cannot be looked at hides nothing else", async ({
  api,
  open,
  page,
}) => {
  const { instance } = await tenant(api);
  await page.route("**/v1/services", (route) => route.abort());
  await open("admin-panel", `/?instance_id=${instance.id}`);
  await expect(page.getByRole("region", { exact: true, name: "Requests" })).toContainText(
    "since midnight UTC",
  );
  await expect(page.getByText("No call today.")).toBeVisible();
  await expect(page.getByText("No call has failed.")).toBeVisible();
  const attention = page.getByRole("region", { name: "Needs attention" });
  await expect(attention).toContainText("Could not look at services");
  await expect(attention).toContainText(/expires in 3 days/);
  await page.getByLabel("Shown").selectOption("all");
  await expect(page.getByText("of all instances")).toBeVisible();
  await expectNoBarriers(page);
});

test("a model that is not called for a while, and one that is at its end, lead to themselves", async ({
  api,
  open,
  request,
}) => {
  const { instance, key } = await tenant(api);
  const ids = ["circuit", "ending"].map((what) => `${what}-${crypto.randomUUID().slice(0, 8)}`);
  const [broken = "", ending = ""] = ids;
  for (const model_id of ids) {
    await api.send("POST", "/v1/model-configs", {
      capabilities: { streaming: true, system_prompt: true, text: true },
      circuit_breaker: { failures: 1, open_ms: 600_000, window_ms: 60_000 },
      display_name: model_id,
      model_id,
      pricing: { input_micros_per_million_tokens: 150_000, output_micros_per_million_tokens: 600_000 },
      protocol: "openai-chat",
      provider_id: "openai",
      upstream_model: "gpt-4o-mini",
    });
  }
  const send = (model: string, content: string) =>
    request.post(`${stack.base}/v1/chat/completions`, {
      data: { messages: [{ content, role: "user" }], model },
      headers: { authorization: `Bearer ${key.secret}` },
    });
  expect((await send(broken, "fail:500")).status()).toBe(502);
  expect((await send(broken, "hello")).status()).toBe(503);
  expect((await send(ending, "hello")).status()).toBe(200);
  await api.send("PATCH", `/v1/model-configs/${ending}`, {
    deprecation_date: "2027-01-01",
    status: "deprecated",
  });

  const page = await open("admin-panel", `/?instance_id=${instance.id}`);
  const attention = page.getByRole("region", { name: "Needs attention" });
  await expect(async () => {
    await page.reload();
    await expect(attention).toContainText(`${ending} is deprecated, and used`, { timeout: 3_000 });
  }).toPass();
  await expect(attention).toContainText(`${broken} is not called for a while`);
  await attention.getByRole("link", { name: new RegExp(`^The model: ${broken}`) }).click();
  await expect(page).toHaveURL(new RegExp(`/models/${broken}$`));
  for (const id of ids) await api.send("DELETE", `/v1/model-configs/${id}`);
});
