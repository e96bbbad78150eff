import type { Locator, Page } from "@playwright/test";
import { type Api, expect, expectNoBarriers, test, unique } from "./stack.ts";

test.beforeEach(async ({ page }) => {
  await page.addInitScript(() => localStorage.setItem("de.instance", "inst_dev"));
});

const MAPPING = {
  endpoint: "/chat/completions",
  body: { model: "{model}", messages: "{messages}" },
  response_mapping: { text: "$.choices[0].message.content" },
};

async function make(api: Api, payload_mapping: unknown = MAPPING): Promise<string> {
  const model_id = unique("mapped").replace(" ", "-");
  await api.send("POST", "/v1/model-configs", {
    capabilities: { text: true },
    display_name: "Mapped",
    model_id,
    payload_mapping,
    protocol: "mapped",
    provider_id: "openai",
    upstream_model: "gpt-4o-mini",
  });
  return model_id;
}

function mapping(page: Page): Locator {
  return page.getByRole("textbox", { name: "Payload mapping as JSON" });
}

/** Replaces all that is written. */
async function write(page: Page, text: string): Promise<void> {
  await mapping(page).click();
  await page.keyboard.press("ControlOrMeta+a");
  // Pasted as a whole: brackets are closed only where they are typed.
  await page.keyboard.insertText(text);
}

/** The numbers of the lines that are marked as wrong. */
async function marked(page: Page): Promise<string[]> {
  return page.locator(".cm-lint-marker-error").evaluateAll((markers) =>
    markers.map((marker) => {
      const top = marker.getBoundingClientRect().top;
      const numbers = [
        ...(marker.getRootNode() as ShadowRoot).querySelectorAll(".cm-lineNumbers .cm-gutterElement"),
      ];
      const line = numbers.find((one) => Math.abs(one.getBoundingClientRect().top - top) < 4);
      return line?.textContent ?? "";
    }),
  );
}

function request(page: Page): Locator {
  return page.getByRole("figure", { exact: true, name: "Request" });
}

test("the preview follows what is written, saved or not", async ({ api, open }) => {
  const id = await make(api);
  const page = await open("admin-panel", `/models/${id}?view=mapping`);
  await expect(request(page)).toContainText("POST http");
  await expect(request(page)).toContainText('"content": "Name three rivers."');
  const changed = {
    ...MAPPING,
    body: { ...MAPPING.body, temperature: "{temperature}" },
    defaults: { temperature: 0.5 },
  };
  await write(page, JSON.stringify(changed, null, 2));
  await expect(request(page)).toContainText('"temperature": 0.5');
  await expect(page.getByText("Not saved")).toBeVisible();
  await page.getByRole("textbox", { exact: true, name: "Prompt" }).fill("Hello {there}");
  await expect(request(page)).toContainText('"content": "Hello {there}"');
  await page.getByText("Other input", { exact: true }).click();
  await page.getByLabel("Other input, as JSON").fill('{"temperature": 0}');
  await expect(request(page)).toContainText('"temperature": 0');
  await page.getByLabel("Other input, as JSON").fill("{");
  await expect(page.getByLabel("Other input, as JSON")).toHaveAttribute("aria-invalid", "true");
  await page.getByLabel("Other input, as JSON").fill("");
  await expectNoBarriers(page);
  await page.getByRole("button", { exact: true, name: "Save" }).click();
  await expect(page.getByRole("status", { name: "News" })).toContainText("version 2");
  const saved = await api.send("GET", `/v1/model-configs/${id}`);
  expect(saved.payload_mapping).toEqual(changed);
});

test("what the API finds wrong is marked at its line, and gone when it is mended", async ({ api, open }) => {
  const id = await make(api);
  const page = await open("admin-panel", `/models/${id}?view=mapping`);
  const wrong = {
    endpoint: "/chat/completions",
    body: { model: "{model}", messages: "{messages|nope}" },
    bogus: 1,
    response_mapping: { text: "$[" },
  };
  await write(page, JSON.stringify(wrong, null, 2));
  await expect.poll(() => marked(page)).toEqual(["5", "7", "9"]);
  await expect(page.getByRole("alert")).toContainText("unknown filter");
  await expect(page.getByText("3 to mend")).toBeVisible();
  await expectNoBarriers(page);
  // The keyboard goes from one to the next, and hears why.
  await mapping(page).press("ControlOrMeta+Home");
  await page.keyboard.press("F8");
  await expect(page.locator(".cm-tooltip-lint, .cm-diagnostic").first()).toContainText("unknown filter");
  await write(page, JSON.stringify(MAPPING, null, 2));
  await expect.poll(() => marked(page)).toEqual([]);
  await expect(request(page)).toBeVisible();
});

test("what is no JSON is marked at once, and keeps the model from being saved", async ({ api, open }) => {
  const id = await make(api);
  const page = await open("admin-panel", `/models/${id}?view=mapping`);
  await expect(request(page)).toBeVisible();
  await write(page, '{\n  "endpoint": "/chat",\n  "body" {}\n}');
  await expect.poll(() => marked(page)).toEqual(["3"]);
  await expect(page.getByRole("button", { exact: true, name: "Save" })).toBeDisabled();
  await expect(page.getByText("The mapping is no JSON object at the moment.").first()).toBeVisible();
  // Fields can be looked at meanwhile, and the text stays.
  await page.getByRole("tab", { name: "Fields" }).click();
  await expect(page.getByLabel("Display name")).toHaveValue("Mapped");
  await page.getByRole("tab", { name: "Mapping" }).click();
  await expect(mapping(page)).toContainText('"body" {}');
  await page.getByRole("button", { name: "Undo all" }).click();
  await expect(mapping(page)).toContainText('"/chat/completions"');
  await expect.poll(() => marked(page)).toEqual([]);
});

test("members that are known are completed where they may stand, and words where they are values", async ({
  api,
  open,
}) => {
  const id = await make(api);
  const page = await open("admin-panel", `/models/${id}?view=mapping`);
  await write(page, '{\n  "endpoint": "/x",\n  \n}');
  await page.keyboard.press("ControlOrMeta+Home");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("End");
  await page.keyboard.type('"resp');
  const list = page.getByRole("listbox");
  await expect(list.getByRole("option", { name: /^response$/ })).toBeVisible();
  await expect(list.getByRole("option", { name: /response_mapping/ })).toBeVisible();
  await expect(list.getByRole("option", { name: /endpoint/ })).toHaveCount(0);
  await expectNoBarriers(page);
  await list.getByRole("option", { name: /^response$/ }).click();
  await expect(mapping(page)).toContainText('"response": {}');
  await page.keyboard.type('"kin');
  await list.getByRole("option", { name: /^kind$/ }).click();
  await page.keyboard.press("Control+Space");
  await expect(list.getByRole("option", { name: "poll" })).toBeVisible();
  await list.getByRole("option", { name: "poll" }).click();
  await expect(mapping(page)).toContainText('"kind": "poll"');
});

test("the whole config is written as JSON too, and both sides say the same", async ({ api, open }) => {
  const id = await make(api);
  const page = await open("admin-panel", `/models/${id}?view=json`);
  const whole = page.getByRole("textbox", { name: "Model config as JSON" });
  await expect(whole).toContainText('"display_name": "Mapped"');
  await whole.click();
  await page.keyboard.press("ControlOrMeta+a");
  const config = {
    capabilities: { text: true },
    display_name: "Written",
    model_id: id,
    pricing: { currency: "USD", tiers: [{ above_input_tokens: 1000, input_micros_per_million_tokens: 5 }] },
    protocol: "openai-chat",
    provider_id: "openai",
    status: "active",
  };
  await page.keyboard.insertText(JSON.stringify(config, null, 2));
  await page.getByRole("tab", { name: "Fields" }).click();
  await expect(page.getByLabel("Display name")).toHaveValue("Written");
  await expect(page.getByLabel("Protocol")).toHaveValue("openai-chat");
  await expect(page.getByText(/1 tier for long inputs/)).toBeVisible();
  await page.getByLabel("Display name").fill("By field");
  await page.getByRole("tab", { name: "JSON" }).click();
  await expect(whole).toContainText('"display_name": "By field"');
  await page.getByRole("button", { exact: true, name: "Save" }).click();
  await expect(page.getByRole("status", { name: "News" })).toContainText("version 2");
  const saved = await api.send("GET", `/v1/model-configs/${id}`);
  expect(saved).toMatchObject({ display_name: "By field", pricing: config.pricing, protocol: "openai-chat" });
  expect(saved.payload_mapping).toBeUndefined();
});

test("the editor is used and left by the keyboard", async ({ api, open }) => {
  const id = await make(api);
  const page = await open("admin-panel", `/models/${id}?view=mapping`);
  await mapping(page).focus();
  await page.keyboard.press("Escape");
  await page.keyboard.press("Tab");
  await expect(page.getByRole("tab", { name: "Preview" })).toBeFocused();
  await page.keyboard.press("ArrowRight");
  await expect(page.getByRole("tab", { name: "Test" })).toBeFocused();
  await expect(page.getByRole("tab", { name: "Test" })).toHaveAttribute("aria-selected", "true");
  await page.reload();
  await expect(page.getByRole("tab", { name: "Test" })).toHaveAttribute("aria-selected", "true");
  await expect(mapping(page)).toBeVisible();
});

test("a model that speaks a protocol in code needs no mapping, and can have one", async ({ open }) => {
  const page = await open("admin-panel", "/models/claude-haiku-4-5?view=mapping");
  await expect(page.getByRole("heading", { name: "No mapping" })).toBeVisible();
  await page.getByRole("button", { name: "Write one" }).click();
  await expect(mapping(page)).toContainText('"endpoint"');
  await expect(page.getByText("is checked and kept, and not used")).toBeVisible();
  await page.getByRole("button", { name: "Undo all" }).click();
  await expect(page.getByRole("heading", { name: "No mapping" })).toBeVisible();
});
