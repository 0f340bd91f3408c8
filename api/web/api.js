// Requests to the service. Each request sends the API key; each failure becomes a `Problem` with the service's message.
import { askForKey, getKey } from "./key.js";
import { explain } from "./messages.js";

const NO_RESPONSE = "The service is not responding. It may be restarting; this web page continues as soon as it responds.";

const UNEXPECTED = "The service did not answer as expected. It may be restarting.";

/** A failed request. `status` is 0 if there was no response. `message` and `hint` are for users of the web page. */
export class Problem extends Error {
  /** @param {number} status @param {string} code @param {string} message @param {number} [retryAfter] seconds @param {string} [hint] */
  constructor(status, code, message, retryAfter = 0, hint = "") {
    super(message);
    this.status = status;
    this.code = code;
    this.retryAfter = retryAfter;
    this.hint = hint;
  }

  /** The message and the hint. */
  get sentences() {
    return [this.message, this.hint].filter(Boolean).join(" ");
  }

  /** True if the same request may succeed later without any change. */
  get temporary() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/** Return the problem of a failed request, or null if it was aborted. Any other error is a bug and is thrown again. @param {unknown} error */
export function problemOf(error) {
  if (error instanceof Problem) return error;
  if (error instanceof DOMException && error.name === "AbortError") return null;
  throw error;
}

/**
 * @param {string} path relative to the root of the service
 * @param {RequestInit & {headers?: Record<string, string>}} [options]
 * @returns {Promise<Response>} a 2xx response
 * @throws {Problem}
 */
export async function send(path, options = {}) {
  /** @type {Response} */
  let response;
  try {
    response = await fetch(path, { ...options, headers: { Accept: "application/json", ...authorization(), ...options.headers } });
  } catch (error) {
    if (/** @type {Error} */ (error).name === "AbortError") throw error;
    throw new Problem(0, "network", NO_RESPONSE);
  }
  if (response.ok) return response;
  throw toProblem(response.status, await response.text(), response.headers.get("Retry-After"));
}

/** @param {string} path @param {RequestInit & {headers?: Record<string, string>}} [options] @returns {Promise<any>} */
export async function sendForJson(path, options) {
  return (await send(path, options)).json();
}

/**
 * Upload a form and report the progress, which `fetch` cannot do.
 * @param {FormData} form @param {string} idempotencyKey
 * @param {(share: number) => void} onProgress share of the upload that is sent, 0–1
 * @param {AbortSignal} signal
 * @returns {Promise<any>}
 */
export function upload(form, idempotencyKey, onProgress, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", "jobs");
    const headers = { Accept: "application/json", "Idempotency-Key": idempotencyKey, ...authorization() };
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => onProgress(event.total ? event.loaded / event.total : 0);
    request.onload = () => {
      if (request.status < 300) resolve(JSON.parse(request.responseText));
      else reject(toProblem(request.status, request.responseText, request.getResponseHeader("Retry-After")));
    };
    request.onerror = () => reject(new Problem(0, "network", "The upload was interrupted."));
    request.onabort = () => reject(new DOMException("aborted", "AbortError"));
    signal.addEventListener("abort", () => request.abort());
    request.send(form);
  });
}

/** @returns {Record<string, string>} */
function authorization() {
  const key = getKey();
  return key ? { Authorization: `Bearer ${key}` } : {};
}

/** @param {number} status @param {string} body @param {string|null} retryAfter */
function toProblem(status, body, retryAfter) {
  let details = { code: "", detail: "", hint: "" };
  try {
    details = JSON.parse(body);
  } catch {
    // not a response of the service itself, but of a proxy before it
  }
  const { message, hint } = explain({ code: details.code, message: details.detail || UNEXPECTED, hint: details.hint });
  if (status === 401) askForKey(message);
  return new Problem(status, details.code || `http.${status}`, message, Number(retryAfter) || 0, hint);
}
