import { instance, person } from "@de/api";
import { later, Shell, useInstanceInAddress, useInstances } from "@de/ui";
import { Route, Router } from "preact-iso";
import Generate from "./generate.tsx";

const Gallery = later(() => import("./gallery.tsx"));

const NAV = [
  {
    links: [
      ["/", "Generate"],
      ["/gallery", "Gallery"],
    ],
  },
] as const;

export function App() {
  return (
    <Shell name="Image testing" nav={NAV}>
      <Room />
    </Shell>
  );
}

/** A room is entered once it is known for which instance, and anew for another one. */
function Room() {
  useInstanceInAddress();
  const { data } = useInstances();
  const here = data?.find(({ id }) => id === instance.value);
  if (!here) return null;
  return (
    <Router key={`${person.value?.id}/${here.id}`}>
      <Route path="/" component={Generate} usual={here.default_models?.image ?? null} />
      <Route path="/gallery" component={Gallery} />
      <Route default component={Generate} usual={here.default_models?.image ?? null} />
    </Router>
  );
}
