import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Page } from "@playwright/test";
import { type Api, endSession, expect, expectNoBarriers, renew, stack, test, unique } from "./stack.ts";

/** A page with a draft, for the instance that has vendors' keys. */
function at(models: string[], prompt = "", options: Record<string, string> = {}): string {
  const query = new URLSearchParams({ instance: "inst_dev", models: models.join() });
  if (prompt !== "") query.set("prompt", prompt);
  for (const [name, value] of Object.entries(options)) query.set(`o.${name}`, value);
  return `/?${query}`;
}

function generate(page: Page) {
  return page.getByRole("button", { name: "Generate" }).click();
}

function cardOf(page: Page, name: string) {
  return page.getByRole("region", { name: `Pictures of ${name}` });
}

interface Job {
  cost_micros: number;
  created_at: string;
  finished_at: string;
  id: string;
  outputs: { asset_id: string }[];
  receipt_id: string;
  status: string;
}

/** The newest jobs, of which a page's own are some. */
async function jobs(api: Api): Promise<Job[]> {
  return (await api.send<{ data: Job[] }>("GET", "/v1/jobs?modality=image&limit=50")).data;
}

test("the form is what the chosen models declare", async ({ open }) => {
  const page = await open("image-testing", at(["ideogram-v3"]));
  const form = page.getByRole("form", { name: "Order" });
  await expect(form.getByLabel("Aspect ratio")).toContainText("16:9");
  await expect(form.getByLabel("Style")).toContainText("REALISTIC");
  await expect(form.getByText("From 1 to 8.")).toBeVisible();
  await expect(form.getByLabel("Steps")).toHaveCount(0);
  await form.getByRole("checkbox", { name: /FLUX/ }).check();
  await expect(form.getByLabel("Steps")).toBeVisible();
  await expect(form.getByText("From 1 to 50. Sent to FLUX.1 [dev] at fal alone.")).toBeVisible();
  await form.getByRole("checkbox", { name: /Ideogram 3/ }).uncheck();
  await expect(form.getByLabel("Style")).toHaveCount(0);
  // Libraries make no pictures.
  await expect(form.getByRole("checkbox", { name: /pexels/i })).toHaveCount(0);
  await expectNoBarriers(page);
});

test("several models make the same, each with its time, size and cost", async ({ api, open }) => {
  const prompt = unique("A fox");
  const page = await open("image-testing", at(["ideogram-v3", "gpt-image-2", "fal/flux-dev"], prompt));
  await page.getByLabel("Aspect ratio").fill("16:9");
  await page.getByLabel("Number of pictures").fill("2");
  await generate(page);
  for (const name of ["Ideogram 3.0", "GPT Image 2", "FLUX.1 [dev] at fal"]) {
    await expect(cardOf(page, name).getByRole("img")).toHaveCount(2);
    const figures = cardOf(page, name).locator("dl");
    await expect(figures).toContainText(/Time\d+(\.\d)? (ms|s)/);
    await expect(figures).toContainText(/Size\d+ × \d+/);
    await expect(figures).toContainText("Pictures2");
    const picture = cardOf(page, name).getByRole("img").first();
    await expect
      .poll(() => picture.evaluate((image: HTMLImageElement) => image.naturalWidth))
      .toBeGreaterThan(0);
  }
  await cardOf(page, "Ideogram 3.0").getByRole("button", { name: "Receipt" }).click();
  const dialog = page.getByRole("dialog", { name: "Receipt" });
  const receipt = await dialog.locator("code").first().textContent();
  const job = (await jobs(api)).find(({ receipt_id }) => receipt_id === receipt);
  const money = `$${((job?.cost_micros ?? 0) / 1e6).toFixed(2)}`;
  await expect(dialog).toContainText(money);
  await expectNoBarriers(page);
  await page.keyboard.press("Escape");
  await expect(cardOf(page, "Ideogram 3.0").locator("dl")).toContainText(`Cost${money}`);
  await expectNoBarriers(page);
});

test("a job that is polled shows how it goes, and is stopped", async ({ api, open }) => {
  const page = await open("image-testing", at(["fal/flux-dev"], `${unique("A slow fox")} job-slow:60s`));
  await generate(page);
  const card = cardOf(page, "FLUX.1 [dev] at fal");
  await expect(card.getByRole("progressbar")).toBeVisible();
  await expect(card.getByRole("status")).toContainText("The vendor is at work · IN_PROGRESS");
  await expectNoBarriers(page);
  await card.getByRole("button", { name: "Cancel FLUX.1 [dev] at fal" }).click();
  await expect(card).toContainText("It was given up.");
  await expect(card.getByText("cancelled", { exact: true })).toBeVisible();
  const receipt = page.getByRole("dialog", { name: "Receipt" });
  await card.getByRole("button", { name: "Receipt" }).click();
  const id = await receipt.locator("code").first().textContent();
  expect((await jobs(api)).find(({ receipt_id }) => receipt_id === id)?.status).toBe("cancelled");
});

test("what fails says why, in its place, and is ordered again alone", async ({ open }) => {
  const prompt = `${unique("A fox")} ideogram-fail-once:400`;
  const page = await open("image-testing", at(["ideogram-v3", "gpt-image-2"], prompt));
  await generate(page);
  const card = cardOf(page, "Ideogram 3.0");
  await expect(card.getByRole("alert")).toContainText("ideogram");
  await expect(card.getByRole("alert")).toContainText("Request");
  await expect(cardOf(page, "GPT Image 2").getByRole("img")).toHaveCount(1);
  await expectNoBarriers(page);
  await card.getByRole("button", { name: "Try again" }).click();
  await expect(card.getByRole("img")).toHaveCount(1);
});

for (const [name, fault, told] of [
  ["a vendor that asks to slow down", "fail:429:7", "Try again in 7 s."],
  ["a vendor that is down", "fail:503", "PROVIDER_UNAVAILABLE"],
  ["a job that fails at the vendor", "job-fail", "PROVIDER_ERROR"],
] as const) {
  test(`${name} is told`, async ({ open }) => {
    const page = await open("image-testing", at(["fal/flux-dev"], `${unique("A fox")} ${fault}`));
    await generate(page);
    await expect(cardOf(page, "FLUX.1 [dev] at fal").getByRole("alert")).toContainText(told);
  });
}

test("an option that a model does not take is named with its place", async ({ open }) => {
  const page = await open("image-testing", at(["gpt-image-2"], unique("A fox"), { size: "17x17" }));
  await generate(page);
  await expect(cardOf(page, "GPT Image 2").getByRole("alert")).toContainText("/options/size");
});

test("what a model has no word for is left out where its row says so, and told with the reason", async ({
  api,
  open,
}) => {
  const id = `page-${crypto.randomUUID().slice(0, 8)}`;
  await api.send("POST", "/v1/model-configs", {
    capabilities: { image: true },
    display_name: `Painter ${id}`,
    model_id: id,
    on_unsupported: "warn",
    protocol: "openai-images",
    provider_id: "openai",
    upstream_model: "gpt-image-2",
  });
  // A shape that this model does not make.
  const shape = { aspect_ratio: "9:1" };
  const page = await open("image-testing", at([id, "gpt-image-2"], unique("A long fox"), shape));
  await generate(page);
  const card = cardOf(page, `Painter ${id}`);
  await expect(card.getByRole("img")).toHaveCount(1);
  await expect(card).toContainText("Left out, since the model has no word for it: options/aspect_ratio");
  await expect(card.getByRole("list", { name: "Why it was left out" }).getByRole("listitem")).toHaveText([
    /^options\/aspect_ratio: this model makes 1:3 to 3:1/,
  ]);
  // Where nothing is said the order is refused, and nothing is left out.
  const refused = cardOf(page, "GPT Image 2");
  await expect(refused.getByRole("alert")).toContainText("/options/aspect_ratio");
  await expect(refused).not.toContainText("Left out");
  await expectNoBarriers(page);
  await page.reload();
  await expect(card).toContainText("Left out, since the model has no word for it: options/aspect_ratio");
  await api.send("DELETE", `/v1/model-configs/${id}`);
});

test("a reload in the middle loses nothing", async ({ open }) => {
  const page = await open("image-testing", at(["fal/flux-dev"], `${unique("A fox")} job-slow:4s`));
  await generate(page);
  const card = cardOf(page, "FLUX.1 [dev] at fal");
  await expect(card.getByRole("progressbar")).toBeVisible();
  await page.reload();
  await expect(card.getByRole("progressbar")).toBeVisible();
  await expect(card.getByRole("img")).toHaveCount(1);
});

test("an order whose answer is lost is bought once", async ({ open, request }) => {
  const prompt = unique("A lost fox");
  const page = await open("image-testing", at(["ideogram-v3"], prompt));
  await page.route("**/image/generate", async (route) => {
    await route.fetch();
    await route.abort();
    await page.unroute("**/image/generate");
  });
  await generate(page);
  const card = cardOf(page, "Ideogram 3.0");
  await expect(card.getByRole("alert")).toContainText("the API cannot be reached");
  await card.getByRole("button", { name: "Try again" }).click();
  await expect(card.getByRole("img")).toHaveCount(1);
  const tally = await request.get(`${stack.simulator}/control/tally`, { params: { prompt } });
  expect((await tally.json()).posts).toBe(1);
});

test("offline is told, and the order is made when the network is back", async ({ context, open }) => {
  const page = await open("image-testing", at(["ideogram-v3"], unique("A fox")));
  await expect(page.getByRole("checkbox", { name: /Ideogram 3/ })).toBeChecked();
  await context.setOffline(true);
  await generate(page);
  const card = cardOf(page, "Ideogram 3.0");
  await expect(card.getByRole("alert")).toContainText("this device is offline");
  await context.setOffline(false);
  await card.getByRole("button", { name: "Try again" }).click();
  await expect(card.getByRole("img")).toHaveCount(1);
});

test("a page that is left before the answer does not know, and asks safely", async ({ open }) => {
  const page = await open("image-testing", at(["ideogram-v3"], unique("A fox")));
  await page.route("**/image/generate", () => undefined);
  await generate(page);
  await expect(cardOf(page, "Ideogram 3.0").getByText("ordering")).toBeVisible();
  await page.reload();
  await expect(cardOf(page, "Ideogram 3.0")).toContainText("whether it was ordered is not known");
  await page.unroute("**/image/generate");
  await cardOf(page, "Ideogram 3.0").getByRole("button", { name: "Try again" }).click();
  await expect(cardOf(page, "Ideogram 3.0").getByRole("img")).toHaveCount(1);
});

test("draft, order and picture are in the address; Ctrl and Enter order", async ({ open }) => {
  const page = await open("image-testing", "/?instance=inst_dev");
  // The instance's own default serves until one is chosen.
  await expect(page.getByRole("checkbox", { name: /^GPT Image 2 openai/ })).toBeChecked();
  await page.getByRole("checkbox", { name: /^GPT Image 2 openai/ }).uncheck();
  await page.getByRole("checkbox", { name: /Ideogram 3/ }).check();
  const prompt = unique("A fox & <b>friends</b>");
  await page.getByLabel("Prompt", { exact: true }).fill(prompt);
  await page.getByLabel("Aspect ratio").selectOption("2:3");
  await page.getByLabel("Prompt", { exact: true }).press("Control+Enter");
  await expect(cardOf(page, "Ideogram 3.0").getByRole("img")).toHaveCount(1);
  await expect(page).toHaveURL(/o\.aspect_ratio=2%3A3/);
  await page.reload();
  await expect(page.getByLabel("Prompt", { exact: true })).toHaveValue(prompt);
  await expect(page.getByLabel("Aspect ratio")).toHaveValue("2:3");
  await expect(cardOf(page, "Ideogram 3.0").getByRole("img")).toHaveCount(1);
  await cardOf(page, "Ideogram 3.0")
    .getByRole("button", { name: /Picture 1/ })
    .click();
  await expect(page.getByRole("dialog", { name: "Picture" })).toContainText("image/png");
  await page.reload();
  await expect(page.getByRole("dialog", { name: "Picture" })).toContainText("image/png");
});

test("the order can be had as code that does the same", async ({ open }) => {
  const prompt = `It's "${unique("a fox")}" \\ $HOME`;
  const page = await open("image-testing", at(["ideogram-v3"], prompt, { num_images: "2" }));
  await page.getByRole("button", { name: "Code" }).click();
  const dialog = page.getByRole("dialog", { name: "The next order" });
  await expectNoBarriers(page);
  const code = (language: string) =>
    dialog
      .getByRole("figure", { name: `the call in ${language}` })
      .locator("code")
      .textContent();
  const env = { ...process.env, DE_API_KEY: stack.client_key, FORCE_COLOR: "0" };
  const answer = execFileSync("bash", ["-c", String(await code("curl"))], { encoding: "utf8", env });
  expect(JSON.parse(answer)).toMatchObject({ images: [{}, {}], success: true });
  await dialog.getByRole("tab", { name: "curl" }).press("ArrowRight");
  const python = String(await code("python"));
  execFileSync("python3", ["-c", "import ast, sys; ast.parse(sys.stdin.read())"], { input: python });
  await dialog.getByRole("tab", { name: "Python" }).press("ArrowRight");
  // TypeScript without types: node runs it as it stands.
  const script = String(await code("typescript"));
  const run = execFileSync(process.execPath, ["--input-type=module", "-e", script], {
    encoding: "utf8",
    env,
  });
  expect(run).toContain("success: true");
  await dialog.getByRole("tab", { name: "TypeScript" }).press("ArrowRight");
  expect(await code("rust")).toContain(`.post("${stack.base}/image/generate")`);
  expect(await page.content()).not.toContain(stack.client_key);
});

interface Made {
  asset_id: string;
}

/** A project of its own with as many pictures. */
async function projectWith(
  api: Api,
  calls: number,
  each: number,
): Promise<{ assets: string[]; id: string; name: string }> {
  const name = unique("Gallery");
  const project = await api.send<{ id: string }>("POST", "/v1/projects", { instance_id: "inst_dev", name });
  const key = await api.send<{ secret: string }>("POST", "/v1/api-keys", {
    name,
    project_id: project.id,
    scopes: ["image"],
  });
  const assets: string[] = [];
  for (let call = 0; call < calls; call += 1) {
    const answer = await fetch(`${stack.base}/image/generate`, {
      body: JSON.stringify({
        model_id: "ideogram-v2",
        options: { num_images: each },
        prompt: `${name} ${call}`,
      }),
      headers: { authorization: `Bearer ${key.secret}`, "content-type": "application/json" },
      method: "POST",
    });
    const { images } = (await answer.json()) as { images: Made[] };
    assets.push(...images.map(({ asset_id }) => asset_id));
  }
  return { assets, id: project.id, name };
}

test("the gallery pages through what was made, by project", async ({ api, open }) => {
  const made = await projectWith(api, 4, 8);
  const page = await open("image-testing", "/gallery?instance=inst_dev");
  await page.getByLabel("Project").selectOption(made.id);
  const pictures = page.getByRole("main").getByRole("img");
  await expect(pictures).toHaveCount(24);
  await expectNoBarriers(page);
  await page.getByRole("button", { name: "Next" }).click();
  await expect(pictures).toHaveCount(8);
  await page.reload();
  await expect(pictures).toHaveCount(8);
  await expect(page.getByRole("button", { name: "Next" })).toBeDisabled();
  await page.getByRole("button", { name: "First" }).click();
  await expect(pictures).toHaveCount(24);
});

test("a picture is seen in full, downloaded, copied and deleted", async ({ api, open, request }) => {
  const made = await projectWith(api, 1, 2);
  const [kept = "", gone = ""] = made.assets;
  const page = await open("image-testing", `/gallery?instance=inst_dev&project_id=${made.id}&asset=${kept}`);
  const dialog = page.getByRole("dialog", { name: "Picture" });
  await expect(dialog).toContainText("ideogram-v2");
  await expectNoBarriers(page);
  const asset = await api.send<{ sha256: string }>("GET", `/v1/assets/${kept}`);
  const digest = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");
  const [file] = await Promise.all([
    page.waitForEvent("download"),
    dialog.getByRole("button", { name: "Download" }).click(),
  ]);
  expect(file.suggestedFilename()).toBe(`${kept}.png`);
  expect(digest(readFileSync(await file.path()))).toBe(asset.sha256);

  await dialog.getByRole("button", { name: "Copy the URL" }).click();
  const url = await page.evaluate(() => navigator.clipboard.readText());
  // Without any key.
  const answer = await request.get(url);
  expect(digest(await answer.body())).toBe(asset.sha256);
  await dialog.getByRole("button", { name: "Copy as curl" }).click();
  const curl = await page.evaluate(() => navigator.clipboard.readText());
  const env = { ...process.env, DE_API_KEY: stack.admin_key };
  const bytes = execFileSync("bash", ["-c", curl.replace(/-o '[^']*'/, "-s -o -")], { env });
  expect(digest(bytes)).toBe(asset.sha256);

  await page.keyboard.press("Escape");
  await expect(dialog).toBeHidden();
  const pictures = page.getByRole("main").getByRole("img");
  await expect(pictures).toHaveCount(2);
  await page.goto(page.url().replace(/$/, `&asset=${gone}`));
  await dialog.getByRole("button", { name: "Delete" }).click();
  const question = page.getByRole("dialog", { name: "Delete this picture?" });
  await expectNoBarriers(page);
  await question.getByRole("button", { name: "Delete" }).click();
  await expect(page.getByRole("status", { name: "News" })).toContainText("The picture is deleted");
  await expect(pictures).toHaveCount(1);
  await expect(api.send("GET", `/v1/assets/${gone}`)).rejects.toThrow("404");
});

test("links that have ended are asked for anew", async ({ api, open, page: blank }) => {
  const made = await projectWith(api, 1, 1);
  // Tomorrow, and an hour: all links that the list has given are over.
  await blank.clock.setFixedTime(Date.now() + 25 * 3_600_000);
  const fresh = blank.waitForResponse((answer) => answer.url().endsWith(`/v1/assets/${made.assets[0]}`));
  const page = await open("image-testing", `/gallery?instance=inst_dev&project_id=${made.id}`);
  expect((await fresh).status()).toBe(200);
  const picture = page.getByRole("main").getByRole("img");
  await expect
    .poll(() => picture.evaluate((image: HTMLImageElement) => image.naturalWidth))
    .toBeGreaterThan(0);
});

test("a link that leads nowhere is asked for anew, and a picture that is gone says so", async ({
  api,
  open,
  page: blank,
}) => {
  const made = await projectWith(api, 1, 1);
  let refused = 0;
  await blank.route(/\/assets\/asset_[^/]*\?expires=/, (route) => {
    refused += 1;
    return refused === 1 ? route.fulfill({ status: 404 }) : route.continue();
  });
  const page = await open("image-testing", `/gallery?instance=inst_dev&project_id=${made.id}`);
  const picture = page.getByRole("main").getByRole("img");
  await expect
    .poll(() => picture.evaluate((image: HTMLImageElement) => image.naturalWidth))
    .toBeGreaterThan(0);
  expect(refused).toBeGreaterThan(1);
  await page.unrouteAll();
  await page.route(/\/assets\/asset_[^/]*\?expires=/, (route) => route.fulfill({ status: 404 }));
  await page.reload();
  await expect(page.getByText("This picture cannot be shown")).toBeVisible();
});

test("an empty gallery says what to do", async ({ api, open }) => {
  const made = await projectWith(api, 0, 0);
  const page = await open("image-testing", `/gallery?instance=inst_dev&project_id=${made.id}`);
  await expect(page.getByRole("heading", { name: "No pictures here" })).toBeVisible();
  await expectNoBarriers(page);
});

test("on a phone nothing sticks out, and what was ordered comes into sight", async ({
  open,
  page: blank,
}) => {
  await blank.setViewportSize({ height: 740, width: 360 });
  const page = await open("image-testing", at(["ideogram-v3", "gpt-image-2"], unique("A fox")));
  await generate(page);
  await expect(cardOf(page, "GPT Image 2").getByRole("img")).toHaveCount(1);
  await expect(cardOf(page, "GPT Image 2")).toBeInViewport();
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
  await expectNoBarriers(page);
});

test("a session that ends while an order is watched is renewed, and the order is watched on", async ({
  open,
}) => {
  const page = await open("image-testing", at(["fal/flux-dev"], `${unique("A patient fox")} job-slow:6s`));
  // No line is open on which the end could come by itself.
  await page.route("**/v1/jobs/*/events", (route) => route.abort());
  await generate(page);
  const card = cardOf(page, "FLUX.1 [dev] at fal");
  await expect(card.getByRole("progressbar")).toBeVisible();
  await endSession(page, "image-testing");
  await expect(page.getByRole("dialog", { name: "Your session has ended" })).toBeVisible();
  await page.unrouteAll();
  await renew(page);
  await expect(card.getByRole("alert")).toHaveCount(0);
  await expect(card.locator("img")).toHaveCount(1, { timeout: 30_000 });
});

test("an order whose state cannot be read is watched again when it is asked for", async ({ open }) => {
  const page = await open("image-testing", at(["fal/flux-dev"], `${unique("A shy fox")} job-slow:2s`));
  await page.route("**/v1/jobs/*", (route) =>
    route.fulfill({
      headers: {
        "access-control-allow-credentials": "true",
        "access-control-allow-origin": stack.interfaces["image-testing"],
      },
      json: { error: "not now", error_code: "FORBIDDEN" },
      status: 403,
    }),
  );
  await generate(page);
  const card = cardOf(page, "FLUX.1 [dev] at fal");
  await expect(card.getByRole("alert")).toContainText("FORBIDDEN");
  await page.unrouteAll();
  await card.getByRole("alert").getByRole("button", { name: "Try again" }).click();
  await expect(card.locator("img")).toHaveCount(1, { timeout: 30_000 });
});
