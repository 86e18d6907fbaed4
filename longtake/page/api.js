// The HTTP API: what it answers, and its errors as sentences a person can read.

const PATIENCE_MS = 30000;
const AGAIN_S = 2;

/** An answer that is none: `status` 0 means that nobody answered. */
export class ApiError extends Error {
  constructor(status, sentence, retryAfterS) {
    super(sentence);
    this.status = status;
    this.retryAfterS = retryAfterS;
  }

  /** It will work again by itself: the store or the server is away. */
  get away() {
    return this.status === 0 || this.status >= 502;
  }
}

let skewS = 0;

/** Unix seconds by the server's clock, where this machine's is more than two seconds off. */
export function now() {
  return Date.now() / 1000 + skewS;
}

/**
 * Ask the API and return the JSON of its answer, or null where it has none.
 * `query` values that are lists are repeated; null and "" are left out. Raises ApiError; an aborted call as fetch does.
 */
export async function ask(path, { query = {}, method = "GET", body, signal } = {}) {
  const answer = await send(path, query, { method, signal, body, headers: { Accept: "application/json" } });
  return answer.status === 204 ? null : read(answer.json());
}

/** Ask for the same in another format; return it as a Blob. */
export async function download(path, query, format) {
  const answer = await send(path, query, { headers: { Accept: format } });
  return read(answer.blob());
}

async function send(path, query, { method = "GET", body, headers, signal }) {
  const patience = AbortSignal.timeout(PATIENCE_MS);
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const answer = await read(
    fetch(address(path, query), {
      method,
      signal: signal ? AbortSignal.any([signal, patience]) : patience,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "same-origin",
      cache: "no-cache",
    }),
  );
  compareClocks(answer);
  if (!answer.ok) throw await errorOf(answer);
  return answer;
}

/** What comes from the network; what goes wrong there means that nobody answers, unless the caller has given up. */
async function read(coming) {
  try {
    return await coming;
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, "longtake does not answer", AGAIN_S);
  }
}

/** The URL of a call, relative to the page so that it works below any path. */
export function address(path, query = {}) {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== null && one !== undefined && one !== "") parameters.append(name, one);
    }
  }
  const text = parameters.toString();
  return text ? `${path}?${text}` : path;
}

/** The path of something that belongs to one stream. */
export function streamPath(name, ...rest) {
  return ["api/streams", encodeURIComponent(name), ...rest].join("/");
}

/** A stream's name as a pattern that matches it alone. */
export function exactly(name) {
  return name.replace(/[*?[]/g, "[$&]");
}

function compareClocks(answer) {
  const theirs = Date.parse(answer.headers.get("Date") ?? "") / 1000;
  const apart = theirs - Date.now() / 1000;
  skewS = Math.abs(apart) > 2 ? apart : 0;
}

async function errorOf(answer) {
  let sentence = `longtake answered ${answer.status}`;
  try {
    const { detail } = await answer.json();
    if (typeof detail === "string") sentence = detail;
  } catch {
    // not JSON: something between here and longtake answered
  }
  return new ApiError(answer.status, sentence, Number(answer.headers.get("Retry-After")) || AGAIN_S);
}
