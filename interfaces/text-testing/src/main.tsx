import "@de/ui/base.css";
import "./text.css";
import { start } from "@de/ui";
import { App } from "./app.tsx";

start({ app: () => <App />, name: "Text testing" });
