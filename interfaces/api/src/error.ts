/** One field of a request that is wrong: its place as a JSON Pointer, and why. */
export interface FieldFault {
  pointer: string;
  reason: string;
}

/** A failure as the API tells it, or one on the way there. */
export class ApiError extends Error {
  /** The machine's word, such as `RATE_LIMIT_EXCEEDED`; `OFFLINE` where no answer came. */
  readonly code: string;
  readonly details: Record<string, unknown>;
  /** What the log and the books know the request by; absent where no answer came. */
  readonly requestId: string | undefined;
  /** Seconds to wait before the same makes sense again. */
  readonly retryAfter: number | undefined;
  /** The HTTP status; 0 where no answer came. */
  readonly status: number;

  constructor(told: {
    code: string;
    details?: Record<string, unknown>;
    message: string;
    requestId?: string | undefined;
    retryAfter?: number | undefined;
    status: number;
  }) {
    super(told.message);
    this.name = "ApiError";
    this.code = told.code;
    this.details = told.details ?? {};
    this.requestId = told.requestId;
    this.retryAfter = told.retryAfter;
    this.status = told.status;
  }

  /** The wrong fields of a `VALIDATION_ERROR`; of a `CONFLICT` the field with a value that something else has. */
  get fields(): FieldFault[] {
    const { field, fields } = this.details;
    if (typeof field === "string") return [{ pointer: field, reason: this.message }];
    if (!Array.isArray(fields)) return [];
    return fields.flatMap((told) =>
      typeof told?.field === "string" && typeof told.reason === "string"
        ? [{ pointer: told.field, reason: told.reason }]
        : [],
    );
  }
}

export function isApiError(thrown: unknown): thrown is ApiError {
  return thrown instanceof ApiError;
}

/** Reads a failure from an answer, whichever protocol's envelope it has. */
export function failure(response: Response, body: unknown): ApiError {
  const told = members(body);
  const inner = members(told.error);
  const text = [told.error, inner.message, told.message].find((one) => typeof one === "string");
  const code = [told.error_code, inner.code, inner.type].find((one) => typeof one === "string");
  const wait = Number(response.headers.get("retry-after") ?? "x");
  return new ApiError({
    code: String(code ?? `HTTP_${response.status}`).toUpperCase(),
    details: members(told.details ?? inner.details),
    message: String(text ?? `the API answered ${response.status}`),
    requestId: response.headers.get("x-request-id") ?? undefined,
    retryAfter: Number.isFinite(wait) ? wait : undefined,
    status: response.status,
  });
}

/** No answer came: the connection, the address or the other side is at fault, and the browser does not say which. */
export function offline(): ApiError {
  const message = navigator.onLine ? "the API cannot be reached" : "this device is offline";
  return new ApiError({ code: "OFFLINE", message, status: 0 });
}

function members(value: unknown): Record<string, unknown> {
  return value !== null && typeof value === "object" && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};
}
