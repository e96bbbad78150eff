/** The API as pages see it: typed calls, failures, streams of events, who is logged in and for which instance. */

export { base, type PageName, pageAt } from "./base.ts";
export { api, type Schema, take, url } from "./client.ts";
export { ApiError, type FieldFault, isApiError } from "./error.ts";
export { events, open, type PageEvent, post } from "./events.ts";
export { type AskPage, type Rows, readAll } from "./list.ts";
export {
  ended,
  instance,
  isAdministrator,
  isOperator,
  logIn,
  logOut,
  type Person,
  person,
  resume,
  useInstance,
} from "./session.ts";
