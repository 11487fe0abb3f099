// @ts-check
/**
 * What mouse, pen and fingers do in the graph: pan, zoom, drag a box, click it.
 * @typedef {object} Acts
 * @property {(dx: number, dy: number) => void} pan
 * @property {(factor: number, x: number, y: number) => void} zoom
 * @property {(id: string, dx: number, dy: number, isWhole: boolean) => void} drag `isWhole`: with all that is below the box
 * @property {() => void} drop
 * @property {(id: string) => void} choose
 * @property {(id: string) => void} toggle
 * @property {() => void} leave
 * @property {(id: string | null) => void} hover
 */

const FAR = 4;

/**
 * @param {SVGSVGElement} canvas
 * @param {Acts} acts
 */
export function followPointer(canvas, acts) {
  /** @type {Map<number, {x: number, y: number}>} */
  const down = new Map();
  let box = /** @type {string | null} */ (null);
  let onMore = false;
  let isWhole = false;
  let moved = 0;

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    down.set(event.pointerId, { x: event.clientX, y: event.clientY });
    box = boxOf(event.target);
    onMore = event.target instanceof Element && event.target.closest(".more") !== null;
    isWhole = event.shiftKey;
    moved = 0;
    canvas.setPointerCapture(event.pointerId);
  });

  canvas.addEventListener("pointermove", (event) => {
    const last = down.get(event.pointerId);
    if (!last) {
      acts.hover(boxOf(event.target));
      return;
    }
    const [dx, dy] = [event.clientX - last.x, event.clientY - last.y];
    if (down.size === 2) pinch(event, last);
    down.set(event.pointerId, { x: event.clientX, y: event.clientY });
    moved += Math.hypot(dx, dy);
    if (moved < FAR || down.size > 1) return;
    canvas.classList.add("dragging");
    if (box === null) acts.pan(dx, dy);
    else acts.drag(box, dx, dy, isWhole);
  });

  /**
   * @param {PointerEvent} event
   * @param {{x: number, y: number}} last
   */
  function pinch(event, last) {
    const other = [...down].find(([id]) => id !== event.pointerId)?.[1];
    if (!other) return;
    const before = Math.hypot(last.x - other.x, last.y - other.y) || 1;
    const now = Math.hypot(event.clientX - other.x, event.clientY - other.y);
    const place = canvas.getBoundingClientRect();
    acts.zoom(now / before, (event.clientX + other.x) / 2 - place.x, (event.clientY + other.y) / 2 - place.y);
  }

  const up = (/** @type {PointerEvent} */ event) => {
    if (!down.delete(event.pointerId)) return;
    canvas.classList.remove("dragging");
    acts.drop();
    if (moved >= FAR || event.type === "pointercancel") return;
    if (box === null) acts.leave();
    else if (onMore) acts.toggle(box);
    else acts.choose(box);
  };
  canvas.addEventListener("pointerup", up);
  canvas.addEventListener("pointercancel", up);
  canvas.addEventListener("pointerleave", () => acts.hover(null));

  canvas.addEventListener("dblclick", (event) => {
    const found = boxOf(event.target);
    if (found !== null && !(event.target instanceof Element && event.target.closest(".more"))) acts.toggle(found);
  });

  canvas.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const place = canvas.getBoundingClientRect();
      const lines = event.deltaMode === 1 ? 20 : 1;
      const step = Math.max(-120, Math.min(120, event.deltaY * lines));
      acts.zoom(Math.exp(-step * (event.ctrlKey ? 0.01 : 0.0022)), event.clientX - place.x, event.clientY - place.y);
    },
    { passive: false },
  );
}

/**
 * @param {EventTarget | null} target
 * @returns {string | null} the id of the box in which an element is
 */
export function boxOf(target) {
  const found = target instanceof Element ? target.closest(".box") : null;
  return found instanceof SVGElement ? (found.dataset.id ?? null) : null;
}
