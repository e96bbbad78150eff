import "@de/ui/base.css";
import { start } from "@de/ui";
import { App } from "./app.tsx";
import { Setup } from "./setup/later.ts";

start({ app: () => <App />, name: "Admin panel", open: { app: () => <Setup />, path: "/setup" } });
