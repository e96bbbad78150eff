import path from "node:path";
import type { Plugin, UserConfig } from "vite";
import { shapes } from "./shapes.ts";

/** Stands for the API's origin in what is built; who serves a page puts the true one there. */
export const API = "https://api.de.invalid";

/**
 * What a page may do, for the browser to enforce. Pictures and sounds come from the API and from the person's own
 * files; nothing else comes from anywhere.
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  `img-src 'self' data: blob: ${API}`,
  `media-src blob: ${API}`,
  `connect-src 'self' ${API}`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/*
 * There is no rule for how long `/assets/` may be kept. A file that is not there, such as one of the deployment
 * before, is answered by index.html, as every place of the page is, and a rule by path counts for that answer too:
 * `immutable` would keep it in the file's place for a year. What the platform says by itself is right for both: kept,
 * and asked for again by its ETag, which costs an answer without a body.
 */
const HEADERS = `/*
  Content-Security-Policy: ${POLICY}
  Cross-Origin-Opener-Policy: same-origin
  Permissions-Policy: camera=(), geolocation=(), microphone=(), payment=(), usb=()
  Referrer-Policy: no-referrer
  X-Content-Type-Options: nosniff
  X-Frame-Options: DENY
`;

/** What every room of a page needs: one file of it is smaller than the three that would be made of its own accord. */
const FRAME =
  /node_modules\/(@preact|preact|preact-iso)\/|\/api\/src\/(?!events)|\/ui\/src\/(button|dialog|fault|field|icons|login|page|query|resource|shell|start|tenants|theme|time|toast)\.tsx?$/;

/** The build of one page: the folder that `vite.config.ts` lies in. */
export function page(folder: string): UserConfig {
  return {
    build: {
      assetsInlineLimit: 0,
      manifest: "manifest.json",
      modulePreload: { polyfill: false },
      outDir: path.join(folder, "dist"),
      rolldownOptions: { output: { codeSplitting: { groups: [{ name: "frame", test: FRAME }] } } },
      emptyOutDir: true,
      sourcemap: false,
      target: "es2024",
    },
    plugins: [shapes(), dressed()],
    publicDir: path.join(import.meta.dirname, "public"),
    root: folder,
    server: { host: "127.0.0.1", strictPort: true },
  };
}

/** The headers beside the page; and the true origins in the page, where Vite itself serves it. */
function dressed(): Plugin {
  return {
    name: "de-dressed",
    generateBundle() {
      this.emitFile({ fileName: "_headers", source: HEADERS, type: "asset" });
    },
    transformIndexHtml(html, { server }) {
      if (!server) return html;
      const pages: Record<string, string> = JSON.parse(process.env.DE_PAGES ?? "{}");
      return Object.entries(pages).reduce(
        (text, [name, origin]) => text.replaceAll(`https://${name}.de.invalid`, origin),
        html.replaceAll(API, process.env.DE_API ?? "http://127.0.0.1:8787"),
      );
    },
  };
}
