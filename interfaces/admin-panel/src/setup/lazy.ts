import { lazy } from "preact-iso";

/** The first steps of an installation: seen once, so it is not part of what every visit loads. */
export const Setup = lazy(() => import("./setup.tsx"));
