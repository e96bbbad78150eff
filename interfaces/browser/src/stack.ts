import { readFileSync } from "node:fs";
import AxeBuilder from "@axe-core/playwright";
import { type APIRequestContext, test as base, expect, type Page, request } from "@playwright/test";

/** What `cargo xtask` writes of a stack that runs. */
interface Stack {
  /** Empty where nobody is yet. */
  admin_key: string;
  base: string;
  /** There where nobody is yet. */
  bootstrap_token?: string;
  client_key: string;
  interfaces: Record<Name, string>;
  simulator: string;
  simulator_keys: Record<string, string>;
}

export type Name = "admin-panel" | "image-testing" | "monitoring" | "text-testing";

const file = process.env.STACK_JSON;
if (!file) throw new Error("STACK_JSON has to name the file that `cargo xtask dev` wrote");

export const stack: Stack = { admin_key: "", ...JSON.parse(readFileSync(file, "utf8")) };

/** The API as the operator of the stack uses it: for what a test has to find there before it begins. */
export class Api {
  readonly #context: APIRequestContext;

  constructor(context: APIRequestContext) {
    this.#context = context;
  }

  async send<T = Record<string, unknown>>(method: string, path: string, data?: unknown): Promise<T> {
    const answer = await this.#context.fetch(path, { data, method });
    const text = await answer.text();
    if (!answer.ok()) throw new Error(`${method} ${path}: ${answer.status()} ${text}`);
    return (text === "" ? {} : JSON.parse(text)) as T;
  }
}

interface Given {
  api: Api;
  /** Opens a page of the interfaces, logged in as the operator. */
  open: (name: Name, path?: string) => Promise<Page>;
}

export const test = base.extend<Given, { apiContext: APIRequestContext }>({
  apiContext: [
    // biome-ignore lint/correctness/noEmptyPattern: what Playwright asks of a fixture without others
    async ({}, use) => {
      const context = await request.newContext({
        baseURL: stack.base,
        extraHTTPHeaders: { authorization: `Bearer ${stack.admin_key}`, "x-instance-id": "inst_dev" },
      });
      await use(context);
      await context.dispose();
    },
    { scope: "worker" },
  ],
  api: async ({ apiContext }, use) => use(new Api(apiContext)),
  open: async ({ page }, use) => {
    const faults: string[] = [];
    page.on("pageerror", (error) => faults.push(String(error)));
    page.on("console", (message) => {
      if (message.text().includes("Content Security Policy")) faults.push(message.text());
    });
    const asked = new Set<string>();
    const allowed = new Set([stack.base]);
    page.on("request", (request) => {
      const { origin, protocol } = new URL(request.url());
      if (protocol.startsWith("http")) asked.add(origin);
    });
    await use(async (name, path = "/") => {
      const origin = stack.interfaces[name];
      allowed.add(origin);
      const answer = await page.request.post(`${stack.base}/v1/sessions`, {
        data: { key: stack.admin_key },
        headers: { origin },
      });
      expect(answer.status()).toBe(201);
      await page.goto(origin + path);
      return page;
    });
    // A page that breaks a rule of its own, fails in a corner, or asks anybody but its own origin and the API, has failed.
    expect(faults).toEqual([]);
    expect([...asked].filter((origin) => !allowed.has(origin))).toEqual([]);
  },
});

/** The rules of axe that look at colours: all that another theme can break, as it is another set of colours. */
const COLOURS = ["color-contrast", "link-in-text-block"];

/** Nothing that axe finds, in either theme. */
export async function expectNoBarriers(page: Page): Promise<void> {
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    // Of pages with frames axe puts its findings together in a blank page that it opens each time. None of ours has any.
    const axe = new AxeBuilder({ page }).setLegacyMode();
    const { violations } = await (colorScheme === "light" ? axe : axe.withRules(COLOURS)).analyze();
    const found = violations.map(({ help, id, nodes }) => `${id}: ${help}: ${nodes[0]?.target}`);
    expect(found, `axe, ${colorScheme}`).toEqual([]);
  }
  await page.emulateMedia({ colorScheme: null });
}

/** Ends the page's session at the API, as time does. */
export async function endSession(page: Page, name: Name): Promise<void> {
  const sessions = await page.request.get(`${stack.base}/v1/sessions?limit=200`);
  const { data } = (await sessions.json()) as { data: { current: boolean; id: string }[] };
  const current = data.find((session) => session.current)?.id;
  const headers = { origin: stack.interfaces[name] };
  const answer = await page.request.delete(`${stack.base}/v1/sessions/${current}`, { headers });
  expect(answer.ok()).toBe(true);
}

/** Logs in where the page asks for it, and sees that it goes on. */
export async function renew(page: Page): Promise<void> {
  const again = page.getByRole("dialog", { name: "Your session has ended" });
  await again.getByLabel("Admin key").fill(stack.admin_key);
  await again.getByRole("button", { exact: true, name: "Log in" }).click();
  await expect(again).toBeHidden();
}

/** A name that no other test has. */
export function unique(what: string): string {
  return `${what} ${crypto.randomUUID().slice(0, 8)}`;
}

export { expect };
