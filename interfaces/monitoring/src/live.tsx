import { Button } from "@de/ui";
import { useEffect, useState } from "preact/hooks";
import type { Address } from "./address.ts";

/** When what is shown came, and whether it goes on. */
export function Live({ address, at }: { address: Address; at: number | null }) {
  const now = useNow();
  const seconds = at === null ? null : Math.max(0, Math.round((now - at) / 1_000));
  return (
    <span class="row live">
      <span class="quiet nowrap" role="timer" aria-label="Last update">
        {seconds === null ? "Not updated yet" : `Updated ${ago(seconds)} ago`}
      </span>
      <Button size="small" onClick={() => address.show({ live: address.live ? "off" : null })}>
        <span class="live-dot" data-on={address.live} />
        {address.live ? "Live" : "Paused"}
        <span class="only-heard">{address.live ? ": pause updates" : ": go on with updates"}</span>
      </Button>
    </span>
  );
}

function ago(seconds: number): string {
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h`;
}

/** The moment, each second while it is seen. */
function useNow(): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const tick = () => {
      if (!document.hidden) setNow(Date.now());
    };
    const timer = setInterval(tick, 1_000);
    document.addEventListener("visibilitychange", tick);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", tick);
    };
  }, []);
  return now;
}
