import "@de/ui/base.css";
import "./monitoring.css";
import { start } from "@de/ui";
import { App } from "./app.tsx";

start({ app: () => <App />, name: "Monitoring" });
