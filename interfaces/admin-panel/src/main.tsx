import "@de/ui/base.css";
import { showRequestsAt, start } from "@de/ui";
import { App } from "./app.tsx";
import { Setup } from "./setup/later.ts";

showRequestsAt((id) => `/requests/${encodeURIComponent(id)}`);
start({ app: () => <App />, name: "Admin panel", open: { app: () => <Setup />, path: "/setup" } });
