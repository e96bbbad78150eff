import { api, isApiError, logIn, type Schema, take } from "@de/api";
import { Button, Code, Form, faultsOf, LogInForm, Note, Secret, TextField, useQuery } from "@de/ui";
import { useState } from "preact/hooks";
import { STEPS } from "./progress.ts";

/** Step 1: who has the bootstrap token makes the first organization and its superadmin, and is logged in. */
export function TakeOver() {
  const [made, setMade] = useState<Schema<"Bootstrapped"> | null>(null);
  const [isTaken, setTaken] = useState(false);
  const [query, change] = useQuery();
  if (made) return <Made of={made} />;
  if (isTaken || query.login) {
    return (
      <section class="card" aria-label={STEPS[0]}>
        <h2>{isTaken ? "This installation is set up already" : "Log in"}</h2>
        <p>
          {isTaken && "It has a superadmin, so nobody can take it over again: the token works once. "}
          Log in by an administrator's key, and this page leads to the first step that is missing.
        </p>
        <LogInForm />
        <p class="small">
          <a
            href="/setup"
            onClick={() => {
              setTaken(false);
              change({ login: null });
            }}
          >
            I have a bootstrap token
          </a>
        </p>
      </section>
    );
  }
  return <Ask onMade={setMade} onTaken={() => setTaken(true)} />;
}

function Ask({ onMade, onTaken }: { onMade: (made: Schema<"Bootstrapped">) => void; onTaken: () => void }) {
  const [token, setToken] = useState("");
  const [organization, setOrganization] = useState("");
  const [email, setEmail] = useState("");
  const [name, setName] = useState("");
  const [fault, setFault] = useState<unknown>(null);
  const faults = faultsOf(fault);
  const send = async () => {
    const body = { email, name: name || null, organization, token };
    try {
      onMade(await take(api.POST("/v1/bootstrap", { body: body as never })));
    } catch (thrown) {
      if (isApiError(thrown) && thrown.status === 409) return onTaken();
      throw thrown;
    }
  };
  const hasNoToken = isApiError(fault) && fault.status === 403;
  return (
    <section class="card" aria-label={STEPS[0]}>
      <h2>Take this installation over</h2>
      <p class="quiet">
        Who knows the deployment's bootstrap token becomes its superadmin. It works once, for ever.
      </p>
      <Form action="Take it over" onFault={setFault} onSubmit={send}>
        <div class="form-grid">
          <TextField
            wide
            label="Bootstrap token"
            help="The secret DE_BOOTSTRAP_TOKEN of the config worker."
            type="password"
            required
            fault={faults.token}
            value={token}
            onInput={setToken}
          />
          <TextField
            label="Organization"
            placeholder="Acme"
            required
            fault={faults.organization}
            value={organization}
            onInput={setOrganization}
          />
          <TextField
            label="Your e-mail address"
            type="email"
            required
            fault={faults.email}
            value={email}
            onInput={setEmail}
          />
          <TextField label="Your name" required={false} fault={faults.name} value={name} onInput={setName} />
        </div>
      </Form>
      {hasNoToken && (
        <Note tone="warn">
          <p>This deployment has no token. Make one, give it to the config worker, and come back:</p>
          <Code
            label="Make a token"
            text={"openssl rand -hex 24 | npx wrangler secret put DE_BOOTSTRAP_TOKEN"}
          />
        </Note>
      )}
      <p class="small">
        <a href="/setup?login=1">It is set up already: log in</a>
      </p>
    </section>
  );
}

function Made({ of }: { of: Schema<"Bootstrapped"> }) {
  return (
    <section class="card" aria-label={STEPS[0]}>
      <h2>It is yours</h2>
      <Secret label="Your admin key" secret={of.api_key.secret} />
      <p>
        You log in with it. Now remove the secret DE_BOOTSTRAP_TOKEN from the config worker: it opens nothing
        any more.
      </p>
      <div class="form-end">
        <Button kind="primary" onClick={() => logIn(of.api_key.secret)}>
          I have kept it: log in and go on
        </Button>
      </div>
    </section>
  );
}
