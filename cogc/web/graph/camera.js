// @ts-check
/**
 * The part of the picture that is seen: `x` and `y` are where the picture's corner stands on the screen, `scale` its size.
 */

const SMALLEST = 0.08;
const LARGEST = 3;
const MARGIN = 28;

export class Camera {
  /** @param {() => void} moved called when the view has changed */
  constructor(moved) {
    this.moved = moved;
    this.x = 0;
    this.y = 0;
    this.scale = 1;
    /** true while the view follows the size of the picture */
    this.follows = true;
  }

  /**
   * @param {number} dx
   * @param {number} dy
   */
  pan(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.follows = false;
    this.moved();
  }

  /**
   * Zoom, while the point at x and y of the screen stays where it is.
   * @param {number} factor
   * @param {number} x
   * @param {number} y
   */
  zoom(factor, x, y) {
    const scale = Math.min(LARGEST, Math.max(SMALLEST, this.scale * factor));
    this.x = x - ((x - this.x) * scale) / this.scale;
    this.y = y - ((y - this.y) * scale) / this.scale;
    this.scale = scale;
    this.follows = false;
    this.moved();
  }

  /**
   * Show a whole area on a screen.
   * @param {{x: number, y: number, width: number, height: number}} area
   * @param {{width: number, height: number}} screen
   */
  fit(area, screen) {
    const wide = Math.max(1, screen.width - 2 * MARGIN) / Math.max(1, area.width);
    const high = Math.max(1, screen.height - 2 * MARGIN) / Math.max(1, area.height);
    this.scale = Math.min(1.25, Math.max(SMALLEST, Math.min(wide, high)));
    this.x = (screen.width - area.width * this.scale) / 2 - area.x * this.scale;
    const room = screen.height - area.height * this.scale;
    this.y = Math.max(MARGIN, room * 0.38) - area.y * this.scale;
    this.follows = true;
    this.moved();
  }

  /**
   * Move an area into view if it is not there.
   * @param {{x: number, y: number, width: number, height: number}} area
   * @param {{width: number, height: number}} screen
   */
  reveal(area, screen) {
    const left = this.x + area.x * this.scale;
    const top = this.y + area.y * this.scale;
    const right = left + area.width * this.scale;
    const bottom = top + area.height * this.scale;
    const dx = left < MARGIN ? MARGIN - left : Math.min(0, screen.width - MARGIN - right);
    const dy = top < MARGIN ? MARGIN - top : Math.min(0, screen.height - MARGIN - bottom);
    if (dx || dy) this.pan(dx, dy);
  }

  /**
   * The point of the picture at a point of the screen.
   * @param {number} x
   * @param {number} y
   */
  point(x, y) {
    return { x: (x - this.x) / this.scale, y: (y - this.y) / this.scale };
  }

  get transform() {
    return `translate(${this.x.toFixed(2)}px, ${this.y.toFixed(2)}px) scale(${this.scale.toFixed(4)})`;
  }
}
