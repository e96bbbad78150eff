import "@de/ui/base.css";
import "./image.css";
import { start } from "@de/ui";
import { App } from "./app.tsx";

start({ app: () => <App />, name: "Image testing" });
