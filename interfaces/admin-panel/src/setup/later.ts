import { later } from "@de/ui";

/** The first steps of an installation: seen once, so it is not part of what every visit loads. */
export const Setup = later(() => import("./setup.tsx"));
