import { later, type NavGroup, Page, Shell } from "@de/ui";
import { Route, Router } from "preact-iso";
import { Overview } from "./overview/overview.tsx";

const NAV: readonly NavGroup[] = [
  {
    links: [
      ["/", "Overview"],
      ["/requests", "Requests"],
    ],
  },
  {
    links: [
      ["/models", "Models"],
      ["/providers", "Providers"],
      ["/provider-keys", "Provider keys"],
    ],
    title: "Models",
  },
  {
    links: [
      ["/organizations", "Organizations"],
      ["/instances", "Instances"],
      ["/projects", "Projects"],
      ["/users", "Users"],
      ["/api-keys", "API keys"],
      ["/limits", "Limits and budgets"],
    ],
    title: "Tenants",
  },
  {
    links: [
      ["/services", "Services"],
      ["/webhooks", "Webhooks"],
      ["/audit", "Audit"],
    ],
    title: "Operations",
  },
];

/* Each room is loaded when it is entered. */
const Tenants = {
  Organizations: later(() => import("./tenants/organizations.tsx")),
  Organization: later(() => import("./tenants/organization.tsx")),
  Instances: later(() => import("./tenants/instances.tsx")),
  Instance: later(() => import("./tenants/instance.tsx")),
  Projects: later(() => import("./tenants/projects.tsx")),
  Project: later(() => import("./tenants/project.tsx")),
};
const Users = later(() => import("./users/users.tsx"));
const User = later(() => import("./users/user.tsx"));
const ApiKeys = later(() => import("./api-keys/api-keys.tsx"));
const ApiKey = later(() => import("./api-keys/api-key.tsx"));
const Providers = later(() => import("./providers/providers.tsx"));
const Provider = later(() => import("./providers/provider.tsx"));
const ProviderKeys = later(() => import("./provider-keys/provider-keys.tsx"));
const Models = later(() => import("./models/models.tsx"));
const NewModel = later(() => import("./models/new.tsx"));
const Model = later(() => import("./models/model.tsx"));
const Limits = later(() => import("./limits/limits.tsx"));
const Requests = later(() => import("./requests/requests.tsx"));
const Request = later(() => import("./requests/request.tsx"));
const Services = later(() => import("./services/services.tsx"));
const Audit = later(() => import("./audit/audit.tsx"));
const Webhooks = later(() => import("./webhooks/webhooks.tsx"));
const Webhook = later(() => import("./webhooks/webhook.tsx"));

export function App() {
  return (
    <Shell name="Admin panel" nav={NAV}>
      <Router>
        <Route path="/" component={Overview} />
        <Route path="/organizations" component={Tenants.Organizations} />
        <Route path="/organizations/:id" component={Tenants.Organization} />
        <Route path="/instances" component={Tenants.Instances} />
        <Route path="/instances/:id" component={Tenants.Instance} />
        <Route path="/projects" component={Tenants.Projects} />
        <Route path="/projects/:id" component={Tenants.Project} />
        <Route path="/users" component={Users} />
        <Route path="/users/:id" component={User} />
        <Route path="/api-keys" component={ApiKeys} />
        <Route path="/api-keys/:id" component={ApiKey} />
        <Route path="/providers" component={Providers} />
        <Route path="/providers/:id" component={Provider} />
        <Route path="/provider-keys" component={ProviderKeys} />
        <Route path="/models" component={Models} />
        <Route path="/models/new" component={NewModel} />
        <Route path="/models/:id+" component={Model} />
        <Route path="/limits" component={Limits} />
        <Route path="/requests" component={Requests} />
        <Route path="/requests/:id" component={Request} />
        <Route path="/services" component={Services} />
        <Route path="/audit" component={Audit} />
        <Route path="/webhooks" component={Webhooks} />
        <Route path="/webhooks/:id" component={Webhook} />
        <Route default component={NotHere} />
      </Router>
    </Shell>
  );
}

function NotHere() {
  return (
    <Page title="No such page">
      <p>
        There is nothing at this address. <a href="/">To the overview</a>
      </p>
    </Page>
  );
}
