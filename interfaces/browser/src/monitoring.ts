import type { Locator, Page } from "@playwright/test";
import { count, money } from "../../ui/src/numbers.ts";
import { type Api, expect, stack } from "./stack.ts";
import { makeKey, makeProject } from "./tenants.ts";

/** One call, as far as these tests look at it. */
export interface Call {
  admitted_at: string;
  cost_micros: number | null;
  error_code: string | null;
  latency_ms: number;
  model_id: string | null;
  status: string;
  usage: Record<string, number>;
}

/** A project with a key of its own. */
export interface Caller {
  id: string;
  name: string;
  secret: string;
}

export async function makeCaller(api: Api): Promise<Caller> {
  const project = await makeProject(api, "inst_dev");
  const { secret } = await makeKey(api, { project_id: project.id, scopes: ["text"] });
  return { ...project, secret };
}

/** Calls for real; whatever comes of it. */
export async function ask(caller: Caller, prompt: string, more: object = {}): Promise<void> {
  const answer = await fetch(`${stack.base}/v1/chat/completions`, {
    body: JSON.stringify({ messages: [{ content: prompt, role: "user" }], model: "gpt-4o-mini", ...more }),
    headers: { authorization: `Bearer ${caller.secret}`, "content-type": "application/json" },
    method: "POST",
  });
  await answer.text().catch(() => undefined);
}

/** Five calls that end in different ways, and are in the books when this is done. */
export async function makeCalls(api: Api): Promise<Caller> {
  const caller = await makeCaller(api);
  await Promise.all([
    ask(caller, "Hello there"),
    ask(caller, "Tell me more of it", { stream: true }),
    ask(caller, "Hello", { model: "claude-haiku-4-5" }),
    ask(caller, "fail:500", { model: "claude-haiku-4-5" }),
    ask(caller, "fail:429"),
  ]);
  await inTheBooks(api, caller, 5);
  return caller;
}

/** The log of a project's calls. */
export async function callsOf(api: Api, { id }: Caller, time = ""): Promise<Call[]> {
  const calls: Call[] = [];
  let cursor: string | null = "";
  while (cursor !== null) {
    const place: string = cursor === "" ? "" : `&cursor=${cursor}`;
    const path = `/v1/requests?project_id=${id}&limit=200${time}${place}`;
    const page: { data: Call[]; next_cursor: string | null } = await api.send("GET", path);
    calls.push(...page.data);
    cursor = page.next_cursor;
  }
  return calls;
}

export async function inTheBooks(api: Api, caller: Caller, number: number): Promise<void> {
  await expect.poll(async () => (await callsOf(api, caller)).length, { timeout: 30_000 }).toBe(number);
}

export function address(caller: Caller, more = ""): string {
  return `/?instance=inst_dev&project=${caller.id}${more}`;
}

export function panel(page: Page, name: string): Locator {
  return page.getByRole("region", { exact: true, name });
}

/** The number below a word. */
export function figure(page: Page, name: string): Locator {
  return page.getByRole("article", { exact: true, name }).locator(".figure-value");
}

/** The time that the page says its numbers are of, as the API takes it. */
export async function timeOf(page: Page): Promise<string> {
  const times = page.locator("p.told time");
  await expect(times).toHaveCount(2);
  const [from, to] = await times.evaluateAll((all) => all.map((one) => (one as HTMLTimeElement).dateTime));
  return `&from=${from}&to=${to}`;
}

/** What the page has to show of these calls, each figure by its name. */
export function figuresOf(calls: readonly Call[]): Record<string, string> {
  const sum = (of: (call: Call) => number) => calls.reduce((sum, call) => sum + of(call), 0);
  const tokens = (call: Call) =>
    Object.entries(call.usage)
      .filter(([name]) => name.endsWith("_tokens") && name !== "reasoning_tokens")
      .reduce((sum, [, value]) => sum + value, 0);
  return {
    Errors: count(sum(({ status }) => (status === "failed" || status === "cut" ? 1 : 0))),
    Requests: count(calls.length),
    Spend: money(sum(({ cost_micros }) => cost_micros ?? 0)),
    Tokens: count(sum(tokens)),
  };
}

/** Waits until the page shows just this of these calls. */
export async function expectFigures(page: Page, figures: Record<string, string>): Promise<void> {
  for (const [name, value] of Object.entries(figures)) await expect(figure(page, name)).toHaveText(value);
}
