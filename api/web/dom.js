// DOM helpers: find elements by id, create them, and change them only if needed. Texts are set as text, never as HTML.

/** @param {string} id @returns {any} an element of index.html */
export function $(id) {
  return document.getElementById(id);
}

/**
 * @param {string} tag
 * @param {Record<string, any>} properties properties, and `data-…`, `aria-…` and `role` attributes
 * @param {...(Node|string)} children
 * @returns {any}
 */
export function createElement(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role") element.setAttribute(name, value);
    else /** @type {any} */ (element)[name] = value;
  }
  element.append(...children);
  return element;
}

/** @param {Element} element @param {string} text */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** @param {HTMLElement} element @param {string} [text] the message; an empty one hides the element */
export function showMessage(element, text = "") {
  setText(element, text);
  element.hidden = !text;
}

/**
 * @param {Element} element @param {string} name @param {string|null} value null removes the attribute
 */
export function setAttribute(element, name, value) {
  if (value === null) element.removeAttribute(name);
  else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/** @param {number} count @param {string} singular @param {string} [plural] */
export function pluralize(count, singular, plural = `${singular}s`) {
  return `${count.toLocaleString("en")} ${count === 1 ? singular : plural}`;
}

/** Return a function that runs `work` in the next frame, once for all calls until then. @param {() => void} work */
export function oncePerFrame(work) {
  let scheduled = false;
  const run = () => {
    scheduled = false;
    work();
  };
  return () => {
    if (scheduled) return;
    scheduled = true;
    if (document.hidden) setTimeout(run, 1_000); // a hidden tab has no frames, but its title is still visible
    else requestAnimationFrame(run);
  };
}

/** @param {number} ms @param {AbortSignal} [signal] also ends the pause */
export function pause(ms, signal) {
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => (clearTimeout(timer), resolve(undefined)), { once: true });
  });
}
