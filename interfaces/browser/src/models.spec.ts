import { readFileSync, writeFileSync } from "node:fs";
import type { Page } from "@playwright/test";
import { type Api, expect, expectNoBarriers, stack, test, unique } from "./stack.ts";
import { makeInstance, makeOrganization, makePerson, openAs } from "./tenants.ts";

test.beforeEach(async ({ page }) => {
  await page.addInitScript(() => localStorage.setItem("de.instance", "inst_dev"));
});

/** A model id that no other test has. */
function id(what: string): string {
  return unique(what).toLowerCase().replaceAll(" ", "-");
}

async function make(api: Api, model_id: string, more: Record<string, unknown> = {}): Promise<void> {
  await api.send("POST", "/v1/model-configs", {
    capabilities: { text: true },
    display_name: `Made for ${model_id}`,
    model_id,
    protocol: "openai-chat",
    provider_id: "openai",
    upstream_model: "gpt-4o-mini",
    ...more,
  });
}

/** One call that the books know of. */
async function call(api: Api, model_id: string): Promise<void> {
  await api.send("POST", `/v1/model-configs/${model_id}/test`, { input: { prompt: "Hello" } });
  await expect
    .poll(async () => {
      const path = `/v1/usage?model_id=${encodeURIComponent(model_id)}&group_by=model`;
      return (await api.send<{ data: unknown[] }>("GET", path)).data.length;
    })
    .toBe(1);
}

function editor(page: Page, label: string) {
  return page.getByRole("textbox", { exact: true, name: label });
}

const NEWS = { name: "News" } as const;
const open_ = (id: string, query = "") => `/models/${encodeURIComponent(id)}${query}`;

test("models stand by provider, with status, capabilities, price and who uses them", async ({
  api,
  open,
}) => {
  const name = id("listed");
  const alias = id("alias");
  await make(api, name, {
    aliases: [alias],
    capabilities: { text: true, tools: true },
    pricing: { input_micros_per_million_tokens: 150000, output_micros_per_million_tokens: 600000 },
    status: "beta",
  });
  const other = id("leaning");
  await make(api, other, { fallbacks: [alias] });
  await call(api, name);
  const page = await open("admin-panel", `/models?q=${name}`);
  const row = page.getByRole("row").filter({ hasText: name });
  await expect(page.getByRole("rowheader", { name: /OpenAI/ })).toBeVisible();
  await expect(row).toContainText("beta");
  await expect(row).toContainText("text");
  await expect(row).toContainText("$0.15 in, $0.60 out / 1M tokens");
  await expect(row).toContainText(alias);
  await expect(row).toContainText(`fallback of ${other}`);
  await expect(row).toContainText("1 call");
  await expectNoBarriers(page);
});

test("a model says first what it costs, how much it reads and who serves it", async ({ api, open }) => {
  const name = id("terms");
  await make(api, name, {
    context_window: 128_000,
    pricing: { input_micros_per_million_tokens: 150000, output_micros_per_million_tokens: 600000 },
  });
  const page = await open("admin-panel", open_(name));
  await expect(page.getByRole("main")).toContainText(
    "$0.15 in, $0.60 out / 1M tokens · 128,000 tokens of context · by openai",
  );
  await page.getByRole("link", { exact: true, name: "openai" }).click();
  await expect(page).toHaveURL(/\/providers\/openai$/);
});

test("the list is narrowed by what stands in the address, and stays so when it is loaded anew", async ({
  api,
  open,
}) => {
  const name = id("narrow");
  await make(api, name, { provider_id: "groq", status: "disabled" });
  const page = await open("admin-panel", "/models");
  await page.getByLabel("Search").fill(name);
  await page.getByLabel("Provider").selectOption("groq");
  await page.getByLabel("Status").selectOption("disabled");
  await page.getByLabel("Makes").selectOption("text");
  await expect(page).toHaveURL(new RegExp(`q=${name}`));
  await expect(page.getByText(/^1 of \d+ models$/)).toBeVisible();
  await page.reload();
  await expect(page.getByText(/^1 of \d+ models$/)).toBeVisible();
  await page.getByLabel("Makes").selectOption("image");
  await expect(page.getByRole("heading", { name: "No model is like that" })).toBeVisible();
  await page.getByRole("link", { name: /^Show all/ }).click();
  await expect(page.getByText(/^\d+ models$/)).toBeVisible();
});

test("a model is made from a template, previewed, tested while nobody can call it, and saved", async ({
  api,
  open,
}) => {
  const page = await open("admin-panel", "/models");
  await page.getByRole("link", { name: "New model" }).click();
  await expectNoBarriers(page);
  await page.getByRole("link", { name: /OpenAI-compatible/ }).click();
  const name = id("made");
  await page.getByLabel("Model id").fill(name);
  await page.getByLabel("Display name").fill("Made by hand");
  const request = page.getByRole("figure", { name: "Request", exact: true });
  await expect(request).toContainText('"model": "gpt-4o-mini"');
  await page.getByLabel("Upstream model").fill("gpt-5.4-mini");
  await expect(request).toContainText('"model": "gpt-5.4-mini"');
  await expect(request).toContainText("authorization: Bearer ***");
  await page.getByLabel("Upstream model").fill("gpt-4o-mini");
  await page.getByRole("tab", { name: "Test" }).click();
  await editor(page, "Prompt").fill("Hello there");
  await page.getByRole("button", { name: "Save as disabled and test" }).click();
  const result = page.getByRole("status", { name: "Test result" });
  await expect(result).toContainText("answered");
  await expect(result).toContainText("You said: Hello there");
  await expect(result.getByRole("link", { name: "Receipt" })).toBeVisible();
  await expectNoBarriers(page);
  const kept = await api.send("GET", `/v1/model-configs/${name}`);
  expect(kept.status).toBe("disabled");
  // Loaded anew in the middle, one goes on where the model is.
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await expect(page.getByRole("status", NEWS)).toContainText(`${name} is saved as version 2`);
  await expect(page).toHaveURL(new RegExp(`/models/${name}`));
  const saved = await api.send("GET", `/v1/model-configs/${name}`);
  expect(saved.status).toBe("active");
});

test("a reload between test and save goes on at the model", async ({ open }) => {
  const page = await open("admin-panel", "/models/new?template=anthropic&side=test");
  const name = id("midway");
  await page.getByLabel("Model id").fill(name);
  await page.getByLabel("Display name").fill("Midway");
  await page.getByRole("button", { name: "Save as disabled and test" }).click();
  await expect(page.getByRole("status", { name: "Test result" })).toContainText("You said:");
  page.once("dialog", (dialog) => dialog.accept());
  await page.reload();
  await expect(page.getByRole("heading", { name, level: 1 })).toBeVisible();
  await expect(page.getByLabel("Status", { exact: true })).toHaveValue("disabled");
});

for (const [template, request] of [
  ["openai", "/openai/v1/chat/completions"],
  ["anthropic", "/anthropic/v1/messages"],
  ["image-polling", "/fal/fal-ai/flux/dev"],
  ["speech", "/openai/v1/audio/speech"],
] as const) {
  test(`the template ${template} is taken by the API and answered by the vendor`, async ({ open }) => {
    const page = await open("admin-panel", `/models/new?template=${template}`);
    const name = id(template);
    await page.getByLabel("Model id").fill(name);
    await page.getByLabel("Display name").fill(`From ${template}`);
    await expect(page.getByRole("figure", { name: "Request", exact: true })).toContainText(request);
    await page.getByRole("button", { name: "Save model" }).click();
    await expect(page.getByRole("status", NEWS)).toContainText(`${name} is saved`);
    await page.getByRole("tab", { name: "Test" }).click();
    await page.getByRole("button", { name: "Test", exact: true }).click();
    const result = page.getByRole("status", { name: "Test result" });
    await expect(result).toContainText("answered");
    await expect(result).toContainText("The vendor: 200");
  });
}

test("a provider is made on the way", async ({ api, open }) => {
  const page = await open("admin-panel", "/models/new?template=openai");
  await page.getByRole("button", { name: "New provider" }).click();
  const dialog = page.getByRole("dialog", { name: "New provider" });
  const provider = id("vendor");
  await dialog.getByLabel("Id", { exact: true }).fill(provider);
  await dialog.getByLabel("Display name").fill("A vendor");
  await dialog.getByLabel("Base URL").fill(`${stack.simulator}/openai/v1`);
  await expectNoBarriers(page);
  await dialog.getByRole("button", { name: "Make it" }).click();
  await expect(dialog).toBeHidden();
  await expect(page.getByRole("combobox", { name: "Provider" })).toHaveValue(provider);
  await expect(page.getByRole("figure", { name: "Request", exact: true })).toContainText(stack.simulator);
  await api.send("DELETE", `/v1/providers/${provider}`);
});

test("what the vendor fails with is told in its words, and a limit in ours", async ({ api, open }) => {
  const name = id("failing");
  await make(api, name, { circuit_breaker: null });
  const page = await open("admin-panel", open_(name, "?side=test"));
  await editor(page, "Prompt").fill("fail:429:1 please");
  await page.getByRole("button", { name: "Test", exact: true }).click();
  await expect(page.getByRole("progressbar", { name: "Waiting for the vendor" })).toBeVisible();
  const result = page.getByRole("status", { name: "Test result" });
  await expect(result).toContainText("PROVIDER_RATE_LIMIT");
  await expect(result).toContainText("Rate limit reached");
  await expect(result).toContainText("Attempt 2: 429");
  await editor(page, "Prompt").fill("openai-fail:503");
  await page.getByRole("button", { name: "Test", exact: true }).click();
  await expect(result).toContainText("The vendor: 503");
  const closed = id("closed");
  await make(api, closed, { rate_limits: { rpm: 0 } });
  await page.goto(`${stack.interfaces["admin-panel"]}${open_(closed, "?side=test")}`);
  await page.getByRole("button", { name: "Test", exact: true }).click();
  await expect(result).toContainText("RATE_LIMIT_EXCEEDED");
});

test("what makes vectors or speaks is previewed and tested by a text", async ({ open }) => {
  for (const [id, said] of [
    ["text-embedding-3-small", "vectors"],
    ["tts-1", "audio/mpeg"],
  ] as const) {
    const page = await open("admin-panel", open_(id, "?side=test"));
    await editor(page, "Prompt").fill("Hello there");
    if (id === "tts-1") {
      await page.getByText("Other input", { exact: true }).click();
      await editor(page, "Other input, as JSON").fill('{"voice_id": "alloy"}');
    }
    await page.getByRole("button", { exact: true, name: "Test" }).click();
    const result = page.getByRole("status", { name: "Test result" });
    await expect(result).toContainText(said);
    await expect(result.getByRole("link", { name: "Receipt" })).toBeVisible();
  }
});

test("every field is saved as it is written", async ({ api, open }) => {
  const name = id("fields");
  await make(api, name);
  const page = await open("admin-panel", open_(name));
  await page.getByLabel("Aliases").fill(`${name}-a\n${name}-b`);
  await page.getByLabel("Description").fill("For tests");
  await page.getByLabel("Vision").selectOption("yes");
  await page.getByLabel("Tools").selectOption("no");
  await page.getByLabel("Input", { exact: true }).fill("0.15");
  await page.getByLabel("Output", { exact: true }).fill("0.600001");
  await page.getByRole("button", { name: "All price classes" }).click();
  await page.getByLabel("A call", { exact: true }).fill("0.01");
  await page.getByLabel("Context window").fill("128000");
  await page.getByLabel("Calls a minute").fill("60");
  await page.getByLabel("Whole answer, ms").fill("30000");
  await page.getByLabel("Settings it cannot honour").selectOption("warn");
  await page.getByRole("button", { name: "Add a fallback" }).click();
  const fallback = page.getByRole("group", { name: "Fallback 1" });
  await fallback.getByLabel("Model").fill("gpt-4o");
  await fallback.getByLabel("Serves after").selectOption("chosen");
  await fallback.getByLabel("context length").check();
  await page.getByRole("button", { name: "Add a fallback" }).click();
  await page.getByRole("group", { name: "Fallback 2" }).getByLabel("Model").fill("claude-haiku-4-5");
  await page.getByRole("button", { name: "Move fallback 2 up" }).click();
  await page.getByLabel("It opens").selectOption("own");
  await page.getByLabel("Failures in a row").fill("3");
  await page.getByLabel("Status", { exact: true }).selectOption("deprecated");
  await page.getByLabel("The vendor ends it on").fill("2027-06-01");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await expect(page.getByRole("status", NEWS)).toContainText("version 2");
  const saved = await api.send("GET", `/v1/model-configs/${name}`);
  expect(saved).toMatchObject({
    aliases: [`${name}-a`, `${name}-b`],
    capabilities: { text: true, tools: false, vision: true },
    circuit_breaker: { failures: 3 },
    context_window: 128000,
    deprecation_date: "2027-06-01",
    description: "For tests",
    fallbacks: ["claude-haiku-4-5", { model_id: "gpt-4o", on: ["context_length"] }],
    on_unsupported: "warn",
    pricing: {
      input_micros_per_million_tokens: 150000,
      output_micros_per_million_tokens: 600001,
      request_micros: 10000,
    },
    rate_limits: { rpm: 60 },
    status: "deprecated",
    timeouts: { total_ms: 30000 },
  });
  await expectNoBarriers(page);
  // And emptied again.
  await page.getByLabel("Aliases").fill("");
  await page.getByLabel("Calls a minute").fill("");
  await page.getByLabel("It opens").selectOption("usual");
  await page.getByLabel("Status", { exact: true }).selectOption("active");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await expect(page.getByRole("status", NEWS)).toContainText("version 3");
  const emptied = await api.send("GET", `/v1/model-configs/${name}`);
  expect(emptied.aliases ?? []).toEqual([]);
  expect(emptied.deprecation_date).toBeUndefined();
});

test("what is wrong stands at its field, and a name that is taken too", async ({ open }) => {
  const page = await open("admin-panel", "/models/new?template=openai");
  await page.getByLabel("Model id").fill("Not An Id");
  await expect(page.getByText(/not a model id/).first()).toBeVisible();
  await expect(page.getByLabel("Model id")).toHaveAttribute("aria-invalid", "true");
  await page.getByLabel("Model id").fill("gpt-4o");
  await page.getByLabel("Display name").fill("Taken");
  await page.getByRole("button", { name: "Save model" }).click();
  const alert = page.getByRole("alert").filter({ hasText: "CONFLICT" });
  await expect(alert.getByRole("link")).toHaveAttribute("href", /^\/requests\//);
  await expect(page.getByLabel("Model id")).toHaveAttribute("aria-invalid", "true");
});

test("leaving without saving asks", async ({ api, open }) => {
  const name = id("leaving");
  await make(api, name);
  const page = await open("admin-panel", "/models");
  await page.getByLabel("Search").fill(name);
  await page.getByRole("link", { name }).click();
  await page.getByLabel("Display name").fill("Changed");
  await page.getByRole("link", { name: "Providers", exact: true }).click();
  const question = page.getByRole("dialog", { name: "Leave without saving?" });
  await question.getByRole("button", { name: "Cancel" }).click();
  await expect(page.getByLabel("Display name")).toHaveValue("Changed");
  await page.goBack();
  await expect(question).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page).toHaveURL(new RegExp(`/models/${name}`));
  await expect(page.getByLabel("Display name")).toHaveValue("Changed");
  await page.getByRole("link", { name: "Providers", exact: true }).click();
  await question.getByRole("button", { name: "Leave" }).click();
  await expect(page.getByRole("heading", { name: "Providers", level: 1 })).toBeVisible();
  await page.goBack();
  await page.getByLabel("Display name").fill("Changed");
  await page.getByRole("button", { name: "Undo all" }).click();
  await page.getByRole("link", { name: "Providers", exact: true }).click();
  await expect(page.getByRole("heading", { name: "Providers", level: 1 })).toBeVisible();
});

test("what somebody else has saved meanwhile is shown, and not overwritten unasked", async ({
  api,
  open,
}) => {
  const name = id("overtaken");
  await make(api, name);
  const page = await open("admin-panel", open_(name));
  await page.getByLabel("Display name").fill("Mine");
  await api.send("PATCH", `/v1/model-configs/${name}`, { display_name: "Theirs" });
  await page.getByRole("button", { name: "Save", exact: true }).click();
  const dialog = page.getByRole("dialog", { name: "Somebody else has saved this model" });
  await expect(dialog.getByRole("figure")).toContainText('+   "display_name": "Theirs"');
  await expectNoBarriers(page);
  await dialog.getByRole("button", { name: "Go on editing" }).click();
  await expect(page.getByLabel("Display name")).toHaveValue("Mine");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await dialog.getByRole("button", { name: "Save mine over it" }).click();
  await expect(page.getByRole("status", NEWS)).toContainText("version 3");
  expect(await api.send("GET", `/v1/model-configs/${name}`)).toMatchObject({ display_name: "Mine" });
  await page.getByLabel("Display name").fill("Mine again");
  await api.send("PATCH", `/v1/model-configs/${name}`, { display_name: "Theirs again" });
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await dialog.getByRole("button", { name: "Drop mine, take theirs" }).click();
  await expect(page.getByLabel("Display name")).toHaveValue("Theirs again");
});

test("versions are listed, compared line by line, and brought back", async ({ api, open }) => {
  const name = id("versions");
  await make(api, name, { description: "First" });
  await api.send("PATCH", `/v1/model-configs/${name}`, { description: "Second" });
  await api.send("PATCH", `/v1/model-configs/${name}`, { description: "Third" });
  const page = await open("admin-panel", open_(name, "?tab=versions"));
  const difference = page.getByRole("region", { name: "Difference" }).getByRole("figure");
  await expect(difference.locator("del")).toContainText('"description": "Second"');
  await expect(difference.locator("ins")).toContainText('"description": "Third"');
  await page.getByLabel("From", { exact: true }).selectOption("1");
  await expect(difference.locator("del")).toContainText('"description": "First"');
  await page.reload();
  await expect(difference.locator("del")).toContainText('"description": "First"');
  await expectNoBarriers(page);
  await page.getByRole("button", { name: "Roll back to 1" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Roll back to version 1" }).click();
  await expect(page.getByRole("status", NEWS)).toContainText("Version 1 is back, as version 4");
  expect(await api.send("GET", `/v1/model-configs/${name}`)).toMatchObject({
    description: "First",
    version: 4,
  });
  await page.getByRole("tab", { name: "Config" }).click();
  await expect(page.getByLabel("Description")).toHaveValue("First");
});

test("a model goes out as a file, and comes in again once it was seen what that would do", async ({
  api,
  open,
}, info) => {
  const name = id("carried");
  await make(api, name);
  const page = await open("admin-panel", open_(name));
  const saving = page.waitForEvent("download");
  await page.getByRole("button", { name: "Export" }).click();
  const file = await (await saving).path();
  const exported = JSON.parse(readFileSync(file, "utf8"));
  expect(exported).toMatchObject({ model_id: name });
  const fresh = id("fresh");
  const models = [
    { ...exported, display_name: "Carried" },
    { ...exported, model_id: fresh },
  ];
  const path = info.outputPath("models.json");
  writeFileSync(path, JSON.stringify({ models }));
  await page.goto(`${stack.interfaces["admin-panel"]}/models`);
  await page.getByRole("button", { name: "Import" }).click();
  const dialog = page.getByRole("dialog", { name: "Import models" });
  await dialog.getByLabel("File").setInputFiles(path);
  await expect(dialog.getByRole("row").filter({ hasText: name })).toContainText("update");
  await expect(dialog.getByRole("row").filter({ hasText: fresh })).toContainText("create");
  await expectNoBarriers(page);
  await dialog.getByRole("button", { name: "Import" }).click();
  await expect(page.getByRole("status", NEWS)).toContainText("2 models are taken in");
  await expect(page.getByRole("link", { name: fresh })).toBeVisible();
  expect(await api.send("GET", `/v1/model-configs/${name}`)).toMatchObject({ display_name: "Carried" });
});

test("an import that is refused says why, and saves nothing", async ({ open }) => {
  const page = await open("admin-panel", "/models");
  await page.getByRole("button", { name: "Import" }).click();
  const dialog = page.getByRole("dialog", { name: "Import models" });
  const { promise: held, resolve: goOn } = Promise.withResolvers<void>();
  await page.route("**/import?*", async (route) => {
    await held;
    await route.continue();
  });
  await dialog.getByLabel("Or its text").fill('{"models": [{"model_id": "Q"}]}');
  const looking = dialog.getByRole("progressbar", { name: "Looking what would become of each" });
  await expect(looking).toBeVisible();
  goOn();
  await expect(looking).toHaveCount(0);
  await expect(dialog.getByRole("row").filter({ hasText: "refused" })).toContainText("/models/0/model_id");
  await expect(dialog.getByRole("button", { name: "Import" })).toBeDisabled();
  await dialog.getByLabel("Or its text").fill('{"models": [');
  await expect(dialog.getByRole("alert")).toContainText("JSON");
  // What a browser tells of a picker that was left without a file: it bubbles, and closes nothing.
  await dialog.getByLabel("File").dispatchEvent("cancel");
  await expect(dialog.getByLabel("Or its text")).toHaveValue('{"models": [');
  await page.keyboard.press("Escape");
  await expect(dialog).toBeHidden();
});

test("deleting says what names the model; a duplicate begins as it is", async ({ api, open }) => {
  const name = id("named");
  await make(api, name);
  const leaning = id("leaning");
  await make(api, leaning, { fallbacks: [name] });
  const page = await open("admin-panel", open_(name));
  await page.getByRole("button", { name: "Delete" }).click();
  const dialog = page.getByRole("dialog", { name: `Delete ${name}?` });
  await expect(dialog).toContainText(`Fallback of ${leaning}`);
  await expect(dialog.getByRole("button", { name: "Delete model" })).toBeDisabled();
  await dialog.getByLabel(`Type ${name} to go on`).fill(name);
  await dialog.getByRole("button", { name: "Delete model" }).click();
  await expect(dialog.getByRole("alert")).toContainText("CONFLICT");
  await page.keyboard.press("Escape");
  await page.getByRole("link", { name: "Duplicate" }).click();
  await expect(page.getByLabel("Model id")).toHaveValue("");
  await expect(page.getByLabel("Upstream model")).toHaveValue("gpt-4o-mini");
  await page.goto(`${stack.interfaces["admin-panel"]}${open_(leaning)}`);
  await page.getByRole("button", { name: "Delete" }).click();
  const last = page.getByRole("dialog", { name: `Delete ${leaning}?` });
  await expect(last).toContainText("No model falls back to it");
  await expectNoBarriers(page);
  await last.getByLabel(`Type ${leaning} to go on`).fill(leaning);
  await last.getByRole("button", { name: "Delete model" }).click();
  await expect(page).toHaveURL(/\/models$/);
  await expect(page.getByRole("status", NEWS)).toContainText(`${leaning} is deleted`);
});

test("who uses a model is told by project and key, and what names it", async ({ api, open }) => {
  const name = id("used");
  await make(api, name);
  const leaning = id("leaning");
  await make(api, leaning, { fallbacks: [name] });
  const page = await open("admin-panel", open_(name, "?tab=use"));
  await expect(page.getByRole("heading", { name: "Not called in 30 days" })).toBeVisible();
  await expect(page.getByRole("region", { name: "Named by" })).toContainText(`Fallback of ${leaning}`);
  await call(api, name);
  await page.reload();
  await expect(page.getByRole("table", { name: "Calls by project and key" })).toBeVisible();
  await expectNoBarriers(page);
});

test("a model with a slash in its id has a page", async ({ open }) => {
  const page = await open("admin-panel", "/models?q=groq");
  await page.getByRole("link", { name: "groq/openai/gpt-oss-120b" }).click();
  await expect(page.getByRole("heading", { name: "groq/openai/gpt-oss-120b" })).toBeVisible();
  await page.reload();
  await expect(editor(page, "Prompt")).toBeVisible();
  await expect(page.getByRole("figure", { name: "Request", exact: true })).toContainText("/groq/v1");
});

test("an organization's administrator looks at shared models, and makes an own one of the same id", async ({
  api,
  page,
}) => {
  const organization = await makeOrganization(api);
  await makeInstance(api, organization.id);
  const person = await makePerson(api, organization.id, { role: "admin" });
  await openAs(page, person.secret, "/models/gpt-4o");
  await expect(page.getByText("only who operates the service changes it")).toBeVisible();
  await expect(page.getByRole("button", { exact: true, name: "Save" })).toHaveCount(0);
  await expect(page.getByRole("button", { name: "Delete" })).toHaveCount(0);
  await page.getByRole("link", { name: "Duplicate" }).click();
  await page.getByLabel("Model id").fill("gpt-4o");
  await page.getByLabel("Display name").fill("Our own");
  await page.getByRole("button", { name: "Save model" }).click();
  await expect(page.getByRole("heading", { exact: true, level: 1, name: "gpt-4o" })).toBeVisible();
  await expect(page.getByText(`private to ${organization.id}`)).toBeVisible();
  await expect(page.getByRole("button", { exact: true, name: "Save" })).toBeVisible();
  await page.getByLabel("Display name").fill("Ours");
  await page.getByRole("button", { exact: true, name: "Save" }).click();
  await expect(page.getByRole("status", NEWS)).toContainText("version 2");
});

test("who may only look makes and changes nothing", async ({ api, page }) => {
  const organization = await makeOrganization(api);
  const instance = await makeInstance(api, organization.id);
  const person = await makePerson(api, organization.id);
  await api.send("PUT", `/v1/users/${person.id}/grants/${instance.id}`, { role: "user" });
  await openAs(page, person.secret, "/models/new");
  await expect(page.getByText("Models are made by administrators")).toBeVisible();
});
