const PATHS = {
  check: "M3 8.5 6.5 12 13 4.5",
  close: "M4 4l8 8M12 4l-8 8",
  copy: "M6 5.5h7v8H6zM10 5.5V3H3v8h3",
  menu: "M2.5 4.5h11M2.5 8h11M2.5 11.5h11",
  moon: "M13 9.5A5.5 5.5 0 1 1 6.5 3a4.5 4.5 0 0 0 6.5 6.5z",
  next: "M6 3.5 10.5 8 6 12.5",
  plus: "M8 3v10M3 8h10",
  previous: "M10 3.5 5.5 8l4.5 4.5",
  refresh: "M13 8a5 5 0 1 1-1.6-3.7M13 2.5V5h-2.6",
  sun: "M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6zM8 1.5v1.7M8 12.8v1.7M1.5 8h1.7M12.8 8h1.7M3.4 3.4l1.2 1.2M11.4 11.4l1.2 1.2M3.4 12.6l1.2-1.2M11.4 4.6l1.2-1.2",
} as const;

/** A sign of 16 by 16 that says the same as the text or the label beside it. */
export function Icon({ name }: { name: keyof typeof PATHS }) {
  return (
    <svg
      class="icon"
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      stroke-width="1.5"
      aria-hidden="true"
    >
      <path d={PATHS[name]} stroke-linecap="round" stroke-linejoin="round" />
    </svg>
  );
}

/** The sign of the project: a core and what goes around it. */
export function Mark() {
  return (
    <svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.6" aria-hidden="true">
      <circle cx="12" cy="12" r="2.4" fill="currentColor" stroke="none" />
      <ellipse cx="12" cy="12" rx="10" ry="4.2" transform="rotate(30 12 12)" />
      <ellipse cx="12" cy="12" rx="10" ry="4.2" transform="rotate(-30 12 12)" />
      <ellipse cx="12" cy="12" rx="10" ry="4.2" transform="rotate(90 12 12)" />
    </svg>
  );
}
