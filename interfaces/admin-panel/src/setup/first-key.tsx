import { api, type Schema, take } from "@de/api";
import { Button, CheckField, Code, Form, faultsOf, Note, Secret, TextField } from "@de/ui";
import { useState } from "preact/hooks";
import { SCOPES as ALL_SCOPES } from "../api-keys/scopes-field.tsx";
import { STEPS } from "./progress.ts";
import type { StepProps } from "./setup.tsx";

const SCOPES = ALL_SCOPES.map(([scope]) => scope).filter((scope) => scope !== "admin");

/** Step 4: the key that a program calls with, shown this once. */
export function FirstKey({ go, progress, reload }: StepProps) {
  const [name, setName] = useState("First key");
  const [scopes, setScopes] = useState<readonly Schema<"Scope">[]>(SCOPES);
  const [secret, setSecret] = useState<string | null>(null);
  const [fault, setFault] = useState<unknown>(null);
  const { apiKeys, project } = progress;
  if (!project) return <Note>A project comes first: step 2.</Note>;
  const make = async () => {
    const body = { name, project_id: project.id, scopes: [...scopes] };
    const made = await take(api.POST("/v1/api-keys", { body: body as never }));
    setSecret(made.secret);
    await reload();
  };
  if (secret !== null) {
    return (
      <section class="card" aria-label={STEPS[3]}>
        <h2>The key of {project.name}</h2>
        <Secret label="API key" secret={secret} />
        <Code label="Put it into a shell" text={`export DE_KEY='${secret}'`} />
        <div class="form-end">
          <Button kind="primary" onClick={() => go(5)}>
            I have kept it: go on
          </Button>
        </div>
      </section>
    );
  }
  return (
    <section class="card" aria-label={STEPS[3]}>
      <h2>An API key for {project.name}</h2>
      {apiKeys.length > 0 && (
        <Note>
          There is one already:{" "}
          {apiKeys
            .slice(0, 3)
            .map(({ last_four, name }) => `${name} …${last_four}`)
            .join(", ")}
          {apiKeys.length > 3 && ` and ${apiKeys.length - 3} more`}. If its secret is kept, go on; else make
          another one.
        </Note>
      )}
      <Form action="Make the key" onFault={setFault} onSubmit={make}>
        <TextField label="Name" required fault={faultsOf(fault).name} value={name} onInput={setName} />
        <fieldset>
          <legend>It may be used for</legend>
          <div class="row">
            {SCOPES.map((scope) => (
              <CheckField
                key={scope}
                label={scope}
                name="scopes"
                checked={scopes.includes(scope)}
                onInput={(on) =>
                  setScopes(SCOPES.filter((one) => (one === scope ? on : scopes.includes(one))))
                }
              />
            ))}
          </div>
          {faultsOf(fault).scopes && <span class="field-fault">{faultsOf(fault).scopes}</span>}
        </fieldset>
      </Form>
      {apiKeys.length > 0 && (
        <div class="form-end">
          <Button onClick={() => go(5)}>Go on without another one</Button>
        </div>
      )}
    </section>
  );
}
