// @ts-check
/**
 * The ways of lines between boxes.
 * @typedef {{x: number, y: number, width: number, height: number}} Area
 * @typedef {{path: string, stub: string, spots: {x: number, y: number, side: number}[]}} Route a way; its part next to the child, where
 *   it goes along the line of supervision; and where its label may stand: on it (side 0), or at the right or left of it (1, -1)
 */

const BEND = 7;
const LANE = 8;
const PLACES = [0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8];
const ASIDE = 13;

/**
 * The line from a parent down to its child: straight lines with round corners, along the rail where there is one.
 * @param {Area} parent
 * @param {Area} child
 * @param {number | null} rail
 * @param {number} down
 * @returns {string}
 */
export function supervision(parent, child, rail, down) {
  return bent(corners(parent, child, rail, down));
}

/**
 * The corners of the line from a parent to its child.
 * @param {Area} parent
 * @param {Area} child
 * @param {number | null} rail
 * @param {number} down
 */
function corners(parent, child, rail, down) {
  const x = parent.x + parent.width / 2;
  const y = parent.y + parent.height;
  const end = child.x + child.width / 2;
  const bus = child.y - down / 2;
  if (rail === null || child.y < y + down * 1.5) return [[x, y], [x, bus], [end, bus], [end, child.y]];
  const first = y + down / 2;
  return [[x, y], [x, first], [rail, first], [rail, bus], [end, bus], [end, child.y]];
}

/**
 * The way of messages between a parent and its child, along the line between them: at its right downwards, at its left upwards.
 * @param {Area} parent
 * @param {Area} child
 * @param {number | null} rail
 * @param {number} down
 * @param {boolean} upwards
 * @returns {Route}
 */
export function along(parent, child, rail, down, upwards) {
  const aside = Math.min(9, down / 7) * (upwards ? -1 : 1);
  const moved = corners(parent, child, rail, down).map(([x, y], i, all) => {
    const outer = i === 0 || i === all.length - 1;
    return [x + aside, outer ? y : y + Math.abs(aside) * (upwards ? -0.5 : 0.5)];
  });
  const side = upwards ? -1 : 1;
  const x = moved[moved.length - 1][0];
  const spots = [0.3, 0.42].map((part) => ({ x, y: child.y - down * part, side }));
  const end = moved.slice(-2).map(([x, y], i) => [x, i ? y : y + BEND]);
  return { path: bent(upwards ? moved.reverse() : moved), stub: bent(upwards ? end.reverse() : end), spots };
}

/**
 * @param {number[][]} points
 * @returns {string}
 */
function bent(points) {
  let path = `M${round(points[0][0])} ${round(points[0][1])}`;
  for (let i = 1; i < points.length - 1; i++) {
    const [before, at, after] = [points[i - 1], points[i], points[i + 1]];
    const near = Math.min(BEND, length(before, at) / 2, length(at, after) / 2);
    path += `L${toward(at, before, near)}Q${round(at[0])} ${round(at[1])} ${toward(at, after, near)}`;
  }
  const last = points[points.length - 1];
  return `${path}L${round(last[0])} ${round(last[1])}`;
}

/**
 * @param {number[]} a
 * @param {number[]} b
 */
function length(a, b) {
  return Math.hypot(a[0] - b[0], a[1] - b[1]);
}

/**
 * @param {number[]} from
 * @param {number[]} to
 * @param {number} far
 */
function toward(from, to, far) {
  const whole = length(from, to) || 1;
  return `${round(from[0] + ((to[0] - from[0]) * far) / whole)} ${round(from[1] + ((to[1] - from[1]) * far) / whole)}`;
}

/**
 * The way of messages from one box to another. `aside` moves it out of the way of the one that leads back.
 * @param {Area} from
 * @param {Area} to
 * @param {boolean} aside
 * @returns {Route}
 */
export function flow(from, to, aside) {
  const lane = aside ? LANE : 0;
  const level = Math.abs(from.y - to.y) < from.height / 2;
  if (level) {
    const gap = to.x > from.x ? to.x - from.x - from.width : from.x - to.x - to.width;
    return gap < from.width && gap > 0 ? beside(from, to, lane) : below(from, to);
  }
  const side = to.y > from.y ? ASIDE : -ASIDE;
  const x1 = from.x + from.width / 2 + side;
  const x2 = to.x + to.width / 2 + side;
  const y1 = to.y > from.y ? from.y + from.height : from.y;
  const y2 = to.y > from.y ? to.y : to.y + to.height;
  const middle = (y1 + y2) / 2;
  return curve([x1, y1], [x1, middle], [x2, middle], [x2, y2]);
}

/**
 * @param {Area} from
 * @param {Area} to
 * @param {number} lane
 */
function beside(from, to, lane) {
  const right = to.x > from.x;
  const offset = right ? -lane : lane;
  const y1 = from.y + from.height / 2 + offset;
  const y2 = to.y + to.height / 2 + offset;
  const x1 = right ? from.x + from.width : from.x;
  const x2 = right ? to.x : to.x + to.width;
  const middle = (x1 + x2) / 2;
  return curve([x1, y1], [middle, y1], [middle, y2], [x2, y2]);
}

/**
 * @param {Area} from
 * @param {Area} to
 */
function below(from, to) {
  const right = to.x > from.x;
  const x1 = from.x + from.width * (right ? 0.66 : 0.34);
  const x2 = right ? to.x : to.x + to.width;
  const y1 = from.y + from.height;
  const y2 = to.y + to.height * 0.72;
  const low = Math.max(y1, to.y + to.height) + Math.min(40, 20 + Math.abs(x2 - x1) / 30);
  return curve([x1, y1], [x1 + (x2 - x1) / 8, low], [x2 - Math.min(120, Math.abs(x2 - x1) / 2) * (right ? 1 : -1), low], [x2, y2]);
}

/**
 * @param {number[]} a
 * @param {number[]} b
 * @param {number[]} c
 * @param {number[]} d
 * @returns {Route}
 */
function curve(a, b, c, d) {
  const path = `M${round(a[0])} ${round(a[1])}C${[b, c, d].map((p) => `${round(p[0])} ${round(p[1])}`).join(" ")}`;
  const spots = PLACES.map((t) => {
    const u = 1 - t;
    const weights = [u * u * u, 3 * u * u * t, 3 * u * t * t, t * t * t];
    const of = (/** @type {number} */ i) => weights[0] * a[i] + weights[1] * b[i] + weights[2] * c[i] + weights[3] * d[i];
    return { x: of(0), y: of(1), side: 0 };
  });
  return { path, stub: path, spots };
}

/** @param {number} n */
function round(n) {
  return Math.round(n * 10) / 10;
}
