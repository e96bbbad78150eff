import { Button, confirm } from "@de/ui";
import { saving } from "./saving.ts";

interface StatusButtonProps {
  kind: string;
  name: string;
  /** Sends the new state. */
  send: (status: "active" | "suspended") => Promise<unknown>;
  status: string;
  /** What being suspended means for this kind. */
  what: string;
}

/** Suspends something, after asking; or makes it active again. */
export function StatusButton({ kind, name, send, status, what }: StatusButtonProps) {
  if (status === "suspended") {
    const activate = () => saving(send("active"), `${name} is active again`);
    return <Button onClick={activate}>Activate</Button>;
  }
  const suspend = () =>
    confirm({
      action: `Suspend ${kind}`,
      body: <p>{what}</p>,
      title: `Suspend ${name}?`,
      work: () => saving(send("suspended"), `${name} is suspended`),
    });
  return <Button onClick={suspend}>Suspend</Button>;
}
