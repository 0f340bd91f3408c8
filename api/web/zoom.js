// The size and the rotation of the page image. The boxes of the lines lie in the same element and follow.
import { $ } from "./dom.js";

const POINTS = 96; // CSS pixels to an inch: at 100 % the image is as large as the printed page
const STEPS = [0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 3, 4];
const MODES = ["width", "page", "1", "2"];

/** The choice of the user: "width", "page", or a factor. */
let zoom = "width";
/** The size of the unrotated page at 100 %, in CSS pixels. */
let size = { width: 794, height: 1123 }; // A4
let rotation = 0; // clockwise, in degrees
/** @type {() => void} */
let onChange = () => {};

/** @param {() => void} changed called after the shown size has changed */
export function setUpZoom(changed) {
  onChange = changed;
  $("zoom").addEventListener("change", () => setZoom($("zoom").value));
  $("rotate").addEventListener("click", () => rotate());
  new ResizeObserver(apply).observe($("sheet-scroll"));
}

/** @param {string} to "width", "page", or a factor such as "1" */
export function setZoom(to) {
  zoom = to;
  apply();
  onChange();
}

/** Show the image larger or smaller. @param {1|-1} direction */
export function zoomBy(direction) {
  const now = scale();
  const next = direction > 0 ? STEPS.find((step) => step > now * 1.01) : STEPS.findLast((step) => step < now * 0.99);
  if (next) setZoom(String(next));
}

/** Turn the image clockwise. */
export function rotate() {
  rotation = (rotation + 90) % 360;
  apply();
}

/** @param {number} degrees of a page that is opened: the rotation that makes it upright */
export function setRotation(degrees) {
  rotation = ((degrees % 360) + 360) % 360;
  apply();
}

/** Set the size of the page. Only the ratio counts until the image with its `dpi` is loaded. @param {number} width @param {number} height @param {number} dpi */
export function setPageSize(width, height, dpi) {
  if (!(width > 0 && height > 0)) return;
  size = { width: (width * POINTS) / dpi, height: (height * POINTS) / dpi };
  apply();
}

/** Return the resolution of an image that is sharp at the shown size. */
export function neededDpi() {
  return Math.min(300, POINTS * scale() * Math.min(2, devicePixelRatio));
}

function turnedSize() {
  return rotation % 180 ? { width: size.height, height: size.width } : size;
}

function scale() {
  const { width, height } = turnedSize();
  const scroller = $("sheet-scroll");
  const style = getComputedStyle(scroller);
  const inner = (/** @type {number} */ outer, /** @type {string} */ one, /** @type {string} */ other) => outer - parseFloat(one) - parseFloat(other);
  const fitWidth = inner(scroller.clientWidth, style.paddingLeft, style.paddingRight) / width;
  if (zoom === "width") return Math.max(0.05, fitWidth);
  const visible = Math.min(scroller.clientHeight, innerHeight); // on a phone the container is as high as its content
  if (zoom === "page") return Math.max(0.05, Math.min(fitWidth, inner(visible, style.paddingTop, style.paddingBottom) / height));
  return Number(zoom);
}

function apply() {
  const factor = scale();
  const turned = turnedSize();
  const [frame, sheet] = [$("sheet-frame").style, $("sheet").style];
  frame.width = `${Math.floor(turned.width * factor)}px`;
  frame.height = `${Math.floor(turned.height * factor)}px`;
  sheet.width = `${Math.floor(size.width * factor)}px`;
  sheet.height = `${Math.floor(size.height * factor)}px`;
  sheet.transform = `translate(-50%, -50%) rotate(${rotation}deg)`;
  $("sheet").dataset.rotation = String(rotation);
  showZoom(factor);
}

/** @param {number} factor */
function showZoom(factor) {
  const select = $("zoom");
  const other = select.querySelector("[data-other]");
  other.hidden = MODES.includes(zoom);
  if (!other.hidden) {
    other.value = zoom;
    other.textContent = `${Math.round(100 * factor)} %`;
  }
  if (select.value !== zoom) select.value = zoom;
}
