import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import type { Page } from "@playwright/test";
import { expect, expectNoBarriers, stack, test, unique } from "./stack.ts";

/** A page with these models, for the instance that has vendors' keys. */
function at(...models: string[]): string {
  return `/?instance=inst_dev&models=${models.join()}`;
}

async function ask(page: Page, text: string): Promise<void> {
  const box = page.getByRole("textbox", { exact: true, name: "Prompt" });
  await box.fill(text);
  await box.press("Enter");
}

function answerOf(page: Page, name: string) {
  return page.getByRole("group", { name: `Answer of ${name}` }).last();
}

/** One figure of an answer. */
function figure(page: Page, model: string, name: string) {
  return page
    .locator(`dl[aria-label="Figures of ${model}"]`)
    .last()
    .locator("div")
    .filter({ has: page.getByText(name, { exact: true }) })
    .locator("dd");
}

interface Received {
  body: Record<string, unknown>;
  client_hung_up: boolean;
}

/** What the vendors were asked with just this prompt. */
async function received(page: Page, prompt: string): Promise<Received[]> {
  const answer = await page.request.get(`${stack.simulator}/control/requests`, {
    params: { contains: prompt },
  });
  return answer.json();
}

test("an answer comes piece by piece, and has its tokens, times, cost and receipt", async ({ api, open }) => {
  const page = await open("text-testing", at("gpt-4o-mini"));
  await ask(page, `${unique("Hello")} one two three four gap:300ms`);
  const answer = answerOf(page, "GPT-4o mini");
  await expect(answer).toContainText("You said: Hello");
  await expect(answer.getByRole("button", { name: "Stop GPT-4o mini" })).toBeVisible();
  await expect(answer).not.toContainText("four");
  await expect(answer).toContainText("four gap:300ms");
  await expect(page.getByText("1 of 1 answers are complete")).toBeAttached();
  await expect(figure(page, "GPT-4o mini", "Cost")).toHaveText(/^\$0\.0\d+$/);
  await expect(figure(page, "GPT-4o mini", "First token")).toHaveText(/\d+ ms|\d s/);
  await expect(figure(page, "GPT-4o mini", "Speed")).toHaveText(/^\d+ tokens\/s$/);
  await answer.getByRole("button", { name: "Receipt" }).click();
  const dialog = page.getByRole("dialog", { name: "Receipt" });
  const id = await dialog.locator("code").first().textContent();
  const receipt = await api.send<{
    cost_micros: number;
    usage: { input_tokens: number; output_tokens: number };
  }>("GET", `/v1/receipts/${id}`);
  await expect(figure(page, "GPT-4o mini", "Cost")).toHaveText(`$${(receipt.cost_micros / 1e6).toFixed(6)}`);
  const { input_tokens, output_tokens } = receipt.usage;
  await expect(figure(page, "GPT-4o mini", "Tokens")).toHaveText(`${input_tokens} in, ${output_tokens} out`);
  await expectNoBarriers(page);
  await page.keyboard.press("Escape");
  await expect(dialog).toBeHidden();
  await expectNoBarriers(page);
});

test("Stop stops the vendor, and what has come stays", async ({ open }) => {
  const page = await open("text-testing", at("gpt-4o-mini"));
  const prompt = unique("Stop me");
  await ask(page, `${prompt} one two three four five gap:3s`);
  const answer = answerOf(page, "GPT-4o mini");
  await expect(answer).toContainText("You");
  await page.getByRole("textbox", { exact: true, name: "Prompt" }).press("Escape");
  await expect(answer).toContainText("You stopped it here.");
  await expect(answer).toContainText("You");
  await expect.poll(async () => (await received(page, prompt))[0]?.client_hung_up).toBe(true);
});

test("models answer beside one another; the one that fails says why, and is asked again alone", async ({
  open,
}) => {
  const page = await open("text-testing", at("gpt-4o-mini", "claude-haiku-4-5"));
  await ask(page, `${unique("Together")} anthropic-fail-once:429:7`);
  await expect(answerOf(page, "GPT-4o mini")).toContainText("You said: Together");
  const failed = answerOf(page, "Claude Haiku 4.5");
  await expect(failed.getByRole("alert")).toContainText("PROVIDER_RATE_LIMIT");
  await expect(failed.getByRole("alert")).toContainText("This request would exceed your rate limit.");
  await expect(failed.getByRole("alert")).toContainText("Try again in 7 s.");
  await expect(failed.getByRole("alert")).toContainText("Request");
  await expectNoBarriers(page);
  await failed.getByRole("button", { name: "Try again" }).click();
  await expect(answerOf(page, "Claude Haiku 4.5")).toContainText("You said: Together");
  await expect(page.getByRole("group", { name: "Answer of GPT-4o mini" })).toHaveCount(1);
});

for (const [name, fault, code] of [
  ["a vendor that is down", "fail:503", "PROVIDER_UNAVAILABLE"],
  ["a vendor that declines", "fail:moderated", "CONTENT_REFUSED"],
] as const) {
  test(`${name} is told in its place`, async ({ open }) => {
    const page = await open("text-testing", at("gpt-4o-mini"));
    await ask(page, `${unique("Please")} ${fault}`);
    await expect(answerOf(page, "GPT-4o mini").getByRole("alert")).toContainText(code);
    await expect(answerOf(page, "GPT-4o mini").getByRole("button", { name: "Try again" })).toBeEnabled();
  });
}

test("a failure in the middle keeps what came before", async ({ open }) => {
  const page = await open("text-testing", at("gpt-4o-mini"));
  await ask(page, `${unique("Middle")} of a long answer error-mid:3`);
  const answer = answerOf(page, "GPT-4o mini");
  await expect(answer.getByRole("alert")).toContainText("The server had an error");
  await expect(answer).toContainText("You said:");
});

test("a reload in the middle keeps what came, marked as cut, and the conversation goes on", async ({
  open,
}) => {
  const page = await open("text-testing", at("gpt-4o-mini"));
  await ask(page, unique("First"));
  await expect(page.getByText("1 of 1 answers are complete")).toBeAttached();
  await ask(page, `${unique("Second")} one two three four gap-once gap:2s`);
  await expect(answerOf(page, "GPT-4o mini")).toContainText("You said:");
  await expect(page).toHaveURL(/chat=/);
  // Until the browser has kept it, which it does five times a second.
  await expect.poll(() => kept(page)).toContain("You said: ");
  await page.reload();
  const answer = answerOf(page, "GPT-4o mini");
  await expect(answer).toContainText("You said:");
  await expect(answer).toContainText("It was cut here");
  await expect(answer.getByText("cut", { exact: true })).toBeVisible();
  await expect(page.getByRole("article", { name: /First/ })).toContainText("You said: First");
});

/** The last answer as the browser keeps it. */
function kept(page: Page): Promise<string> {
  return page.evaluate(
    () =>
      new Promise<string>((resolve) => {
        const request = indexedDB.open("de.text-testing", 1);
        request.onsuccess = () => {
          const id = new URLSearchParams(location.search).get("chat") ?? "";
          const read = request.result.transaction("conversations").objectStore("conversations").get(id);
          read.onsuccess = () => {
            request.result.close();
            const lists = Object.values(read.result?.turns.at(-1)?.answers ?? {}) as { text: string }[][];
            resolve(lists[0]?.at(-1)?.text ?? "");
          };
        };
      }),
  );
}

test("offline is told, and the same is asked again when the network is back", async ({ context, open }) => {
  const page = await open("text-testing", at("gpt-4o-mini"));
  await expect(page.getByText("GPT-4o mini openai")).toBeVisible();
  // What is loaded when it is needed is there now.
  await ask(page, unique("Before"));
  await expect(page.getByText("1 of 1 answers are complete")).toBeAttached();
  await context.setOffline(true);
  await ask(page, unique("Offline"));
  await expect(answerOf(page, "GPT-4o mini").getByRole("alert")).toContainText("this device is offline");
  await context.setOffline(false);
  await answerOf(page, "GPT-4o mini").getByRole("button", { name: "Try again" }).click();
  await expect(answerOf(page, "GPT-4o mini")).toContainText("You said: Offline");
});

test("a session that ends asks for the key again, and nothing is lost", async ({ open }) => {
  const page = await open("text-testing", at("gpt-4o-mini"));
  await ask(page, unique("Before"));
  await expect(page.getByText("1 of 1 answers are complete")).toBeAttached();
  const origin = stack.interfaces["text-testing"];
  // Nothing else is under way then, such as a look for the receipt.
  await expect(figure(page, "GPT-4o mini", "Cost")).toHaveText(/^\$/);
  await page.request.delete(`${stack.base}/v1/sessions/current`, { headers: { origin } });
  await ask(page, unique("After"));
  const dialog = page.getByRole("dialog", { name: "Your session has ended" });
  await dialog.getByLabel("Admin key").fill(stack.admin_key);
  await dialog.getByRole("button", { exact: true, name: "Log in" }).click();
  await expect(dialog).toBeHidden();
  await answerOf(page, "GPT-4o mini").getByRole("button", { name: "Try again" }).click();
  await expect(answerOf(page, "GPT-4o mini")).toContainText("You said: After");
  await expect(page.getByRole("article", { name: /Before/ })).toBeVisible();
});

test("the conversation, its settings and its parameters are what the vendor gets", async ({ open }) => {
  const page = await open("text-testing", at("gpt-4o-mini"));
  const settings = page.getByRole("complementary", { name: "Settings" });
  await settings.getByRole("textbox", { name: "System prompt" }).fill("Be brief.");
  await settings.getByText("Parameters").click();
  await settings.getByLabel("Temperature").fill("0.5");
  await settings.getByLabel("Seed").fill("7");
  await settings.getByLabel("Stop").fill("END\nHALT");
  await settings.getByLabel("Max completion tokens").fill("1.5");
  await expect(settings.getByText("Not a whole number.")).toBeVisible();
  await expect(page.getByRole("button", { name: "Send" })).toBeDisabled();
  await settings.getByLabel("Max completion tokens").fill("50");
  const [first, second] = [unique("First"), unique("Second")];
  await ask(page, first);
  await expect(answerOf(page, "GPT-4o mini")).toContainText(`You said: ${first}`);
  await ask(page, second);
  await expect(answerOf(page, "GPT-4o mini")).toContainText(`You said: ${second}`);
  const [got] = await received(page, second);
  expect(got?.body).toMatchObject({
    max_completion_tokens: 50,
    messages: [
      { content: "Be brief.", role: "system" },
      { content: first, role: "user" },
      { content: `You said: ${first}`, role: "assistant" },
      { content: second, role: "user" },
    ],
    seed: 7,
    stop: ["END", "HALT"],
    temperature: 0.5,
  });
  await expectNoBarriers(page);
  await page.reload();
  await expect(page.getByRole("complementary").getByRole("textbox", { name: "System prompt" })).toHaveValue(
    "Be brief.",
  );
});

test("what a model has no word for is refused or left out, as one likes, and told", async ({ open }) => {
  const page = await open("text-testing", at("claude-haiku-4-5"));
  const settings = page.getByRole("complementary", { name: "Settings" });
  await settings.getByText("Parameters").click();
  await settings.getByLabel("Seed").fill("7");
  await ask(page, unique("Refused"));
  await expect(answerOf(page, "Claude Haiku 4.5").getByRole("alert")).toContainText("/seed");
  await settings.getByText("Sending").click();
  await settings.getByLabel("What a vendor has no word for").selectOption("drop");
  await answerOf(page, "Claude Haiku 4.5").getByRole("button", { name: "Try again" }).click();
  await expect(answerOf(page, "Claude Haiku 4.5")).toContainText("You said: Refused");
  await expect(answerOf(page, "Claude Haiku 4.5")).toContainText(
    "Left out, since the model has no word for it: seed",
  );
  await expect(answerOf(page, "Claude Haiku 4.5")).not.toContainText("seed:");
  await settings.getByLabel("What a vendor has no word for").selectOption("warn");
  await answerOf(page, "Claude Haiku 4.5").getByRole("button", { name: "Ask again" }).click();
  await expect(answerOf(page, "Claude Haiku 4.5")).toContainText("seed: ");
});

test("parameters follow what the model says of itself", async ({ api, open }) => {
  const id = `page-${crypto.randomUUID().slice(0, 8)}`;
  await api.send("POST", "/v1/model-configs", {
    capabilities: { text: true },
    display_name: `Mapped ${id}`,
    model_id: id,
    payload_mapping: {
      body: { input: { prompt: "{user_prompt}", temperature: "{temperature}", top_p: "{top_p}" } },
      endpoint: "/models/meta/meta-llama-3-8b-instruct/predictions",
      response: {
        done: ["succeeded"],
        endpoint: "/predictions/{job_id}",
        every_ms: 250,
        failed: ["failed", "canceled"],
        kind: "poll",
        result: { text: "$.output[*]" },
        status: "$.status",
      },
      response_mapping: { job_id: "$.id" },
      variables: {
        temperature: { description: "How warm it is here.", enum: [0.1, 0.3, 1], type: "number" },
        top_p: { max: 1, min: 0.1, type: "number" },
      },
    },
    protocol: "mapped",
    provider_id: "replicate",
  });
  const page = await open("text-testing", at(id));
  const settings = page.getByRole("complementary", { name: "Settings" });
  await settings.getByText("Parameters").click();
  await expect(settings.getByText("From 0.1 to 1.")).toBeVisible();
  await expect(settings.getByLabel("Seed")).toBeDisabled();
  await expect(settings.getByText("How warm it is here.")).toBeVisible();
  await settings.getByLabel("Temperature").selectOption("0.3");
  const prompt = unique("Mapped");
  await ask(page, prompt);
  await expect(answerOf(page, `Mapped ${id}`)).toContainText(`You said: ${prompt}`);
  const [got] = await received(page, prompt);
  expect(got?.body).toMatchObject({ input: { prompt, temperature: 0.3 } });
  await expect(figure(page, `Mapped ${id}`, "Cost")).toHaveText("no price");
  await api.send("DELETE", `/v1/model-configs/${id}`);
});

test("a tool is called, gets its result, and the model goes on", async ({ open }) => {
  const page = await open("text-testing", at("gpt-4o-mini", "claude-haiku-4-5"));
  const settings = page.getByRole("complementary", { name: "Settings" });
  await settings.locator("summary", { hasText: "Tools" }).click();
  await settings.getByRole("textbox", { name: "Tools" }).fill("[{");
  await expect(settings.getByText(/in JSON at/)).toBeVisible();
  await settings.getByRole("textbox", { name: "Tools" }).fill("");
  await settings.getByRole("button", { name: "Put an example" }).click();
  await expect(settings.getByLabel("Tool choice")).toContainText("get_weather");
  await ask(page, `${unique("Weather")} call:get_weather`);
  for (const name of ["GPT-4o mini", "Claude Haiku 4.5"]) {
    const answer = answerOf(page, name);
    await expect(answer).toContainText("Calls get_weather");
    await answer.getByLabel("Result of get_weather").fill(`{"sky": "clear for ${name}"}`);
    await expectNoBarriers(page);
    await answer.getByRole("button", { name: "Send the result" }).click();
    await expect(answerOf(page, name)).toContainText(`You said: {"sky": "clear for ${name}"}`);
  }
});

test("an answer keeps to a schema", async ({ open }) => {
  const page = await open("text-testing", at("gpt-4o-mini"));
  const settings = page.getByRole("complementary", { name: "Settings" });
  await settings.getByText("Answer format").click();
  await settings.getByLabel("Format").selectOption("json_schema");
  await settings.getByLabel("JSON schema").fill('{"type": ');
  await expect(page.getByRole("button", { name: "Send" })).toBeDisabled();
  const schema = {
    additionalProperties: false,
    properties: { a: { type: "string" } },
    required: ["a"],
    type: "object",
  };
  await settings.getByLabel("JSON schema").fill(JSON.stringify(schema));
  const prompt = unique("Schema");
  await ask(page, prompt);
  await expect(answerOf(page, "GPT-4o mini")).toContainText("{");
  await expect(page.getByText("1 of 1 answers are complete")).toBeAttached();
  await expect(answerOf(page, "GPT-4o mini").getByText("JSON", { exact: true })).toBeVisible();
  const [got] = await received(page, prompt);
  expect(got?.body.response_format).toEqual({
    json_schema: { name: "answer", schema, strict: true },
    type: "json_schema",
  });
});

const PIXEL = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);

test("a picture goes along to models that see, and stays after a reload", async ({ open }) => {
  const page = await open("text-testing", at("gpt-4o-mini", "deepseek-v4-pro"));
  const files = page.getByLabel("Pictures", { exact: true });
  await files.setInputFiles({ buffer: Buffer.from("no"), mimeType: "text/plain", name: "notes.txt" });
  await expect(page.getByRole("status", { name: "News" })).toContainText("notes.txt is no PNG");
  await files.setInputFiles({ buffer: PIXEL, mimeType: "image/png", name: "pixel.png" });
  await expect(page.getByRole("img", { name: "pixel.png" })).toBeVisible();
  await expect(page.getByText("DeepSeek V4 Pro does not say that it reads pictures.")).toBeVisible();
  const prompt = unique("See");
  await ask(page, prompt);
  await expect(answerOf(page, "GPT-4o mini")).toContainText(`You said: ${prompt}`);
  await expect(answerOf(page, "DeepSeek V4 Pro").getByRole("alert")).toContainText("MODEL_CAPABILITY");
  const [got] = await received(page, prompt);
  expect(JSON.stringify(got?.body)).toContain("data:image/png;base64,");
  await expectNoBarriers(page);
  await page.reload();
  await expect(page.getByRole("img", { name: "pixel.png" })).toBeVisible();
});

test("what a model writes is shown as text, never as markup", async ({ open }) => {
  const page = await open("text-testing", at("gpt-4o-mini"));
  const markup = '<img src=x onerror="document.title=1"><b>bold</b> **stars**';
  await ask(page, markup);
  await expect(answerOf(page, "GPT-4o mini")).toContainText(`You said: ${markup}`);
  await expect(answerOf(page, "GPT-4o mini").locator("img, b")).toHaveCount(0);
});

test("the call can be seen as it went, and as code that does the same", async ({ open }) => {
  const page = await open("text-testing", at("gpt-4o-mini"));
  const prompt = `It's "${unique("quoted")}" \\ # $HOME`;
  await ask(page, prompt);
  await answerOf(page, "GPT-4o mini").getByRole("button", { name: "Raw and code" }).click();
  const dialog = page.getByRole("dialog", { name: "This call" });
  await expectNoBarriers(page);
  const curl = String(
    await dialog.getByRole("figure", { name: "the call in curl" }).locator("code").textContent(),
  );
  expect(curl).toContain(`'${stack.base}/v1/chat/completions'`);
  const env = { ...process.env, DE_API_KEY: stack.client_key };
  const events = execFileSync("bash", ["-c", curl], { encoding: "utf8", env });
  const said = [...events.matchAll(/"content":"((?:[^"\\]|\\.)*)"/g)].map(([, piece]) =>
    JSON.parse(`"${piece}"`),
  );
  expect(said.join("")).toBe(`You said: ${prompt}`);

  await dialog.getByRole("tab", { name: "curl" }).press("ArrowRight");
  const python = String(
    await dialog.getByRole("figure", { name: "the call in python" }).locator("code").textContent(),
  );
  execFileSync("python3", ["-c", "import ast, sys; ast.parse(sys.stdin.read())"], { input: python });
  expect(python).toContain(`OpenAI(base_url="${stack.base}/v1", api_key=os.environ["DE_API_KEY"])`);
  await dialog.getByRole("tab", { name: "Python" }).press("ArrowRight");
  await expect(dialog.getByRole("figure", { name: "the call in typescript" })).toContainText(
    `baseURL: "${stack.base}/v1"`,
  );
  await dialog.getByRole("tab", { name: "TypeScript" }).press("ArrowRight");
  await expect(dialog.getByRole("figure", { name: "the call in rust" })).toContainText(
    `.post("${stack.base}/v1/chat/completions")`,
  );
  for (const key of [stack.admin_key, stack.client_key]) expect(await page.content()).not.toContain(key);

  await dialog.getByRole("tab", { name: "Request" }).click();
  await expect(dialog.getByRole("figure", { name: "request" })).toContainText('"model": "gpt-4o-mini"');
  await dialog.getByRole("tab", { name: "Events" }).click();
  await expect(dialog.getByRole("figure", { name: "events" })).toContainText("data: [DONE]");
  await page.reload();
  await expect(page.getByRole("figure", { name: "events" })).toContainText("data: [DONE]");
  await page.getByRole("tab", { name: "Headers" }).click();
  await expect(page.getByRole("figure", { name: "headers" })).toContainText("x-de-receipt: rcpt_");
});

test("the next call is shown before it is sent", async ({ open }) => {
  const page = await open("text-testing", at("gpt-4o-mini", "claude-haiku-4-5"));
  await page.getByRole("textbox", { exact: true, name: "Prompt" }).fill("Not yet sent");
  await page.getByRole("button", { exact: true, name: "Code" }).click();
  const dialog = page.getByRole("dialog", { name: "The next call" });
  await dialog.getByLabel("Model").selectOption("claude-haiku-4-5");
  await expect(dialog.getByRole("figure")).toContainText('"model": "claude-haiku-4-5"');
  await expect(dialog.getByRole("figure")).toContainText("Not yet sent");
});

test("without a stream the answer comes whole, with its cost", async ({ open }) => {
  const page = await open("text-testing", at("gpt-4o-mini"));
  const settings = page.getByRole("complementary", { name: "Settings" });
  await settings.getByText("Sending").click();
  await settings.getByLabel("Stream").uncheck();
  await ask(page, unique("Whole"));
  await expect(answerOf(page, "GPT-4o mini")).toContainText("You said: Whole");
  await expect(figure(page, "GPT-4o mini", "Cost")).toHaveText(/^\$0\.0/);
});

test("conversations are kept, found again, exported and cleared", async ({ open }) => {
  const page = await open("text-testing", at("gpt-4o-mini"));
  const [first, second] = [unique("First"), unique("Second ```")];
  await ask(page, first);
  await expect(page.getByText("1 of 1 answers are complete")).toBeAttached();
  await page.getByRole("button", { name: "New conversation" }).click();
  await expect(page.getByText("Nothing has been asked yet")).toBeVisible();
  await ask(page, second);
  await expect(page.getByText("1 of 1 answers are complete")).toBeAttached();
  await page.getByRole("button", { exact: true, name: "Conversations" }).click();
  const dialog = page.getByRole("dialog", { name: "Conversations" });
  await expect(dialog.getByRole("listitem")).toHaveCount(2);
  await expectNoBarriers(page);

  const row = dialog.getByRole("listitem").filter({ hasText: second });
  const [markdown] = await Promise.all([
    page.waitForEvent("download"),
    row.getByRole("button", { name: "Markdown" }).click(),
  ]);
  const text = readFileSync(await markdown.path(), "utf8");
  expect(text).toContain(`\`\`\`\`text\nYou said: ${second}\n\`\`\`\``);
  const [json] = await Promise.all([
    page.waitForEvent("download"),
    row.getByRole("button", { name: "JSON" }).click(),
  ]);
  const exported = JSON.parse(readFileSync(await json.path(), "utf8"));
  expect(exported.turns[0].answers["gpt-4o-mini"][0].text).toBe(`You said: ${second}`);

  await dialog.getByRole("button", { name: first }).click();
  await expect(page.getByRole("article", { name: first })).toBeVisible();
  await page.getByRole("button", { exact: true, name: "Conversations" }).click();
  await dialog
    .getByRole("listitem")
    .filter({ hasText: first })
    .getByRole("button", { name: "Clear" })
    .click();
  const question = page.getByRole("dialog", { name: "Clear this conversation?" });
  await question.getByRole("button", { name: "Clear" }).click();
  await expect(page.getByRole("article", { name: first })).toBeHidden();
  // It stands until all is done: the new one is open before the old one is gone from what the browser keeps.
  await expect(question).toBeHidden();
  // What is open is in the address.
  await page.reload();
  await expect(dialog.getByRole("listitem").filter({ hasText: second })).toBeVisible();
  await expect(dialog.getByRole("listitem").filter({ hasText: first })).toHaveCount(0);
});

test("two tabs do not write over one another", async ({ context, open }) => {
  const page = await open("text-testing", at("gpt-4o-mini"));
  await ask(page, unique("Mine"));
  await expect(page.getByText("1 of 1 answers are complete")).toBeAttached();
  await expect.poll(() => kept(page)).toContain("You said: Mine");
  const other = await context.newPage();
  await other.goto(page.url());
  await expect(other.getByText("That conversation is open in another tab.")).toBeVisible();
  await ask(other, unique("Yours"));
  await expect(answerOf(other, "GPT-4o mini")).toContainText("You said: Yours");
  await expect(page.getByRole("article")).toHaveCount(1);
});

test("models are chosen by the keyboard, and stand in the address", async ({ open }) => {
  const page = await open("text-testing", "/?instance=inst_dev");
  // The instance's own default serves until one is chosen.
  await expect(page.getByText("GPT-4o mini openai")).toBeVisible();
  await page.getByRole("button", { name: "Remove GPT-4o mini" }).press("Enter");
  await expect(page.getByText("Choose one model or several")).toBeVisible();
  await page.getByRole("button", { name: "Choose a model" }).press("Enter");
  const dialog = page.getByRole("dialog", { name: "Models" });
  await dialog.getByLabel("Find").fill("haiku 4.5 vision");
  await expect(dialog.getByRole("checkbox")).toHaveCount(1);
  await dialog.getByRole("checkbox").press("Space");
  await dialog.getByLabel("Find").fill("nothing is called so");
  await expect(dialog.getByText("No model is called so.")).toBeVisible();
  await dialog.getByLabel("Find").fill("");
  await expectNoBarriers(page);
  await page.keyboard.press("Escape");
  await expect(page).toHaveURL(/models=claude-haiku-4-5/);
  await page.reload();
  await expect(page.getByText("Claude Haiku 4.5 anthropic")).toBeVisible();
});

test("on a phone nothing sticks out", async ({ open, page: blank }) => {
  await blank.setViewportSize({ height: 740, width: 360 });
  const page = await open("text-testing", at("gpt-4o-mini", "claude-haiku-4-5"));
  await ask(page, `${unique("Small")} ${"word".repeat(60)}`);
  await expect(page.getByText("2 of 2 answers are complete")).toBeAttached();
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  expect(wide).toBeLessThanOrEqual(360);
  await expectNoBarriers(page);
});

test("the end of what grows stays in sight, unless one looks elsewhere", async ({ open }) => {
  const page = await open("text-testing", at("gpt-4o-mini"));
  await ask(page, `${unique("Long")} big:6000`);
  await expect(page.getByText("1 of 1 answers are complete")).toBeAttached();
  const fromEnd = () =>
    page.evaluate(() => {
      const { clientHeight, scrollHeight, scrollTop } = document.documentElement;
      return scrollHeight - scrollTop - clientHeight;
    });
  await expect.poll(fromEnd).toBeLessThan(80);
  await ask(page, `${unique("More")} one two three four five gap:500ms`);
  const answer = answerOf(page, "GPT-4o mini");
  await expect(answer).toContainText("You said:");
  await page.evaluate(() => scrollTo({ top: 0 }));
  await expect(answer).toContainText("five gap:500ms");
  expect(await page.evaluate(() => document.documentElement.scrollTop)).toBe(0);
  await page.reload();
  await expect.poll(fromEnd).toBeLessThan(80);
});
