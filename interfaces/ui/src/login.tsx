import { ended, logIn } from "@de/api";
import { useState } from "preact/hooks";
import { Button } from "./button.tsx";
import { Dialog } from "./dialog.tsx";
import { Fault } from "./fault.tsx";
import { TextField } from "./field.tsx";
import { Mark } from "./icons.tsx";

/** Asks who one is. */
export function LogIn({ name }: { name: string }) {
  return (
    <main class="login">
      <div class="login-card">
        <div class="brand">
          <Mark />
          <h1>
            Distributed Electrons
            <small>{name}</small>
          </h1>
        </div>
        <LogInForm />
        <a href="/setup" hidden={name !== "Admin panel"}>
          A new installation? Set it up
        </a>
      </div>
    </main>
  );
}

/** The session ended while the page was open: the same page goes on after log-in. */
export function Renewal() {
  if (!ended.value) return null;
  return (
    <Dialog title="Your session has ended" onClose={() => undefined}>
      <p class="quiet">Log in again: this page stays as it is.</p>
      <LogInForm />
    </Dialog>
  );
}

/** The key, or Cloudflare Access. What is shown is another page once it has worked. */
export function LogInForm() {
  const [key, setKey] = useState("");
  const [fault, setFault] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const enter = async (by: string | null) => {
    setBusy(true);
    setFault(null);
    try {
      await logIn(by);
    } catch (thrown) {
      setFault(thrown);
      setBusy(false);
    }
  };
  const submit = (event: Event) => {
    event.preventDefault();
    void enter(key);
  };
  return (
    <form class="form" onSubmit={submit}>
      <TextField
        label="Admin key"
        help="It begins with de_admin_. It is sent once, and not kept here."
        type="password"
        name="key"
        autocomplete="current-password"
        required
        value={key}
        onInput={setKey}
      />
      {fault !== null && <Fault error={fault} />}
      <Button type="submit" kind="primary" disabled={busy}>
        Log in
      </Button>
      <Button disabled={busy} onClick={() => enter(null)}>
        Log in by Cloudflare Access
      </Button>
    </form>
  );
}
