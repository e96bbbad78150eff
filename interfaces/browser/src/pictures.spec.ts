import path from "node:path";
import type { Page } from "@playwright/test";
import { expect, type Name, stack, test } from "./stack.ts";

/*
 * Every room is entered at three widths, and must not be wider than the screen. The pictures of docs/interfaces.md are
 * taken on the way with `DE_PICTURES=write`.
 */

const FOLDER = path.join(import.meta.dirname, "../../../docs/pictures");

interface View {
  /** What is done before its picture is taken. */
  before?: (page: Page) => Promise<void>;
  page: Name;
  path: string;
  /** The name of its picture, where docs/interfaces.md has one. */
  picture?: string;
}

const admin = (path: string, picture?: string): View => ({
  page: "admin-panel",
  path,
  ...(picture && { picture }),
});

const VIEWS: readonly View[] = [
  admin("/", "admin-panel"),
  admin("/organizations"),
  admin("/organizations/org_dev"),
  admin("/instances"),
  admin("/instances/inst_dev"),
  admin("/projects"),
  admin("/projects/proj_dev"),
  admin("/users"),
  admin("/api-keys"),
  admin("/providers"),
  admin("/providers/openai"),
  admin("/provider-keys"),
  admin("/models", "models"),
  admin("/models/new"),
  admin("/models/gpt-4o-mini", "model"),
  admin("/models/gpt-4o-mini?view=json"),
  admin("/models/gpt-4o-mini?tab=versions"),
  admin("/models/gpt-4o-mini?tab=use"),
  admin("/models/ideogram-v3?view=mapping", "mapping"),
  admin("/limits", "limits"),
  admin("/requests", "requests"),
  admin("/requests?live=1"),
  admin("/requests/REQUEST", "request"),
  admin("/services", "services"),
  admin("/services?tab=deployments"),
  admin("/services?tab=endpoints"),
  admin("/webhooks"),
  admin("/audit?action=project", "audit"),
  admin("/setup?step=3", "setup"),
  { page: "monitoring", path: "/", picture: "monitoring" },
  {
    before: async (page) => {
      await page.getByRole("textbox", { exact: true, name: "Prompt" }).fill("Write a haiku about rain");
      await page.keyboard.press("Enter");
      await expect(page.getByText("2 of 2 answers are complete")).toBeAttached();
    },
    page: "text-testing",
    path: "/?instance=inst_dev&models=gpt-4o-mini,claude-haiku-4-5",
    picture: "text-testing",
  },
  {
    before: async (page) => {
      await page.getByRole("button", { name: "Generate" }).click();
      await expect(page.getByRole("region", { name: /^Pictures of/ }).locator("img")).toHaveCount(2);
    },
    page: "image-testing",
    path: "/?instance=inst_dev&models=ideogram-v3,gpt-image-2&prompt=A+red+kite+over+dunes",
    picture: "image-testing",
  },
  { page: "image-testing", path: "/gallery?instance=inst_dev", picture: "gallery" },
];

/** Taken of each page a second time: in the dark, and as a phone has it. */
const LANDINGS = VIEWS.filter(({ page, picture }) => page === picture);

/** A call that needed two vendors, so that its request has something to show. */
const REQUEST = `pictures-${crypto.randomUUID()}`;

/** One that has limits and a budget. */
let project = "";

test.beforeAll(async ({ api, playwright }) => {
  const client = await playwright.request.newContext({
    baseURL: stack.base,
    extraHTTPHeaders: { authorization: `Bearer ${stack.client_key}` },
  });
  const ask = (model: string, content: string, headers = {}) =>
    client.post("/v1/chat/completions", {
      data: { messages: [{ content, role: "user" }], model },
      headers,
    });
  for (const prompt of ["Name three rivers", "Write a haiku about rain", "fail:500 now", "fail:429 now"]) {
    await Promise.all([ask("gpt-4o-mini", prompt), ask("claude-haiku-4-5", prompt)]);
  }
  await ask("gpt-4o-mini", "openai-fail:503 hello", {
    "x-de-fallback": "claude-haiku-4-5",
    "x-request-id": REQUEST,
  });
  await client.dispose();
  project = (
    await api.send<{ id: string }>("POST", "/v1/projects", { instance_id: "inst_dev", name: "Web shop" })
  ).id;
  await api.send("PUT", `/v1/limits/project/${project}`, { requests_per_hour: 1_000 });
  await api.send("PUT", `/v1/budgets/project/${project}`, { amount_micros: 50_000_000, period: "month" });
  await api.send("GET", "/v1/services");
});

test.afterAll(async ({ api }) => {
  await api.send("DELETE", `/v1/projects/${project}`);
});

async function enter(page: Page): Promise<void> {
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  await expect(page.getByRole("status", { name: "Loading" })).toHaveCount(0);
}

async function take(page: Page, picture: string): Promise<void> {
  // A picture is better late than of half a page. Nothing is proven by it.
  await page.waitForTimeout(2_500);
  await page.screenshot({ animations: "disabled", path: path.join(FOLDER, `${picture}.png`) });
}

for (const { before, page: name, path: place, picture } of VIEWS) {
  test(`${name} ${place} fits on 360, 768 and 1440 pixels`, async ({ open, page }) => {
    for (const width of [360, 768, 1440]) {
      await page.setViewportSize({ height: 900, width });
      await open(name, place.replace("REQUEST", REQUEST));
      await enter(page);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      expect(wide, `at ${width}`).toBeLessThanOrEqual(width);
    }
    if (process.env.DE_PICTURES !== "write" || !picture) return;
    await before?.(page);
    await take(page, picture);
  });
}

for (const { before, page: name, path: place, picture } of LANDINGS) {
  test(`${picture} in the dark and on a phone`, async ({ open, page }) => {
    for (const [kind, width, height, colorScheme] of [
      ["dark", 1440, 900, "dark"],
      ["phone", 390, 844, "light"],
    ] as const) {
      await page.setViewportSize({ height, width });
      await page.emulateMedia({ colorScheme });
      await open(name, place);
      await enter(page);
      if (process.env.DE_PICTURES !== "write") continue;
      await before?.(page);
      await take(page, `${picture}-${kind}`);
    }
  });
}
