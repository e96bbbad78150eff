import { api, post, type Schema, take, url, useInstance } from "@de/api";
import {
  Button,
  Code,
  duration,
  Form,
  LinkButton,
  money,
  Note,
  Resource,
  SelectField,
  TextField,
  useResource,
} from "@de/ui";
import { useEffect, useState } from "preact/hooks";
import { STEPS } from "./progress.ts";
import type { StepProps } from "./setup.tsx";

interface Answer {
  cost: number | null;
  model: string;
  ms: number;
  receipt: string | null;
  text: string;
}

/** Step 5: a real call, and the same one for a shell. */
export function FirstRequest({ go, progress, reload }: StepProps) {
  const instance = progress.instance?.id;
  useEffect(() => {
    if (instance) useInstance(instance);
  }, [instance]);
  const models = useResource(
    async (signal) => {
      const query = { limit: 200, status: "active" as const };
      const { data } = await take(api.GET("/v1/model-configs", { params: { query }, signal }));
      const keys = new Set(progress.providerKeys.map(({ provider_id }) => provider_id));
      return data
        .filter((row): row is Schema<"SavedModelConfig"> => "protocol" in row)
        .filter(({ capabilities, provider_id }) => capabilities.text === true && keys.has(provider_id));
    },
    [instance, progress.providerKeys.length],
  );
  if (!instance) return <Note>An instance comes first: step 2.</Note>;
  return (
    <section class="card" aria-label={STEPS[4]}>
      <h2>The first request</h2>
      <Resource
        of={models}
        isEmpty={(list) => list.length === 0}
        empty={
          <>
            <h3>No model for text can be called yet</h3>
            <p>
              None of the vendors whose keys this instance has serves one. Save a vendor's key, or{" "}
              <a href="/models/new">add a model</a>.
            </p>
            <Button onClick={() => go(3)}>To the vendor's key</Button>
          </>
        }
      >
        {(list) => <Send instance={instance} models={list} reload={reload} />}
      </Resource>
      {progress.hasAnswer && (
        <Note tone="good">
          <p>An answered request of this instance is in the books: the set-up is finished.</p>
          <div class="row">
            <LinkButton kind="primary" href="/">
              To the overview
            </LinkButton>
            <LinkButton href={`/requests?instance_id=${instance}`}>Its requests</LinkButton>
            <LinkButton href={`/limits?instance_id=${instance}`}>Set limits</LinkButton>
          </div>
        </Note>
      )}
    </section>
  );
}

/** What a call costs where nobody knows the prompt yet: to begin with a cheap model. */
function dearness({ pricing }: Schema<"SavedModelConfig">): number {
  return pricing?.output_micros_per_million_tokens ?? Number.POSITIVE_INFINITY;
}

function Send(props: {
  instance: string;
  models: readonly Schema<"SavedModelConfig">[];
  reload: () => Promise<void>;
}) {
  const { instance, models, reload } = props;
  const cheapest = models.toSorted((a, b) => dearness(a) - dearness(b))[0];
  const [model, setModel] = useState(cheapest?.model_id ?? "");
  const [prompt, setPrompt] = useState("Say hello in five words.");
  const [answer, setAnswer] = useState<Answer | null>(null);
  const body = { messages: [{ content: prompt, role: "user" }], model };
  const send = async () => {
    setAnswer(null);
    const began = performance.now();
    const answered = await post("/v1/chat/completions", body, { headers: { "x-instance-id": instance } });
    const told = (await answered.json()) as Schema<"ChatCompletion">;
    const cost = answered.headers.get("x-de-cost-micros");
    setAnswer({
      cost: cost === null ? null : Number(cost),
      model: answered.headers.get("x-de-model") ?? model,
      ms: performance.now() - began,
      receipt: answered.headers.get("x-de-receipt"),
      text: String(told.choices[0]?.message.content ?? ""),
    });
    await reload();
  };
  return (
    <>
      <Form action="Send it" onSubmit={send}>
        <div class="form-grid">
          <SelectField
            label="Model"
            options={models.map(
              ({ model_id, provider_id }) => [model_id, `${model_id} · ${provider_id}`] as const,
            )}
            value={model}
            onInput={setModel}
          />
          <TextField label="Prompt" required value={prompt} onInput={setPrompt} />
        </div>
      </Form>
      {answer && (
        <div class="form" role="status" aria-label="Answer">
          <p class="answer">{answer.text}</p>
          <p class="quiet small">
            {answer.model} answered in {duration(answer.ms)}
            {answer.cost === null ? "; its cost is in the receipt" : `, for ${money(answer.cost)}`}.{" "}
            {answer.receipt && <a href={`/requests/${answer.receipt}`}>Receipt</a>}
          </p>
        </div>
      )}
      <p class="quiet small">
        The same call from a shell, with the key of step 4 in <code>DE_KEY</code>. Any OpenAI SDK works with
        this address as its base URL: <code class="wrap">{url("/v1")}</code>
      </p>
      <Code
        label="The same call as curl"
        text={[
          `curl -s ${url("/v1/chat/completions")}`,
          '-H "Authorization: Bearer $DE_KEY"',
          "-H 'Content-Type: application/json'",
          `-d '${JSON.stringify(body).replaceAll("'", "'\\''")}'`,
        ].join(" \\\n  ")}
      />
    </>
  );
}
