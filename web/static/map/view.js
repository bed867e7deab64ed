// Which part of the map is shown: a centre in [0, 1] x [0, 1] and a zoom in powers of two. Written
// into the address, so that a place can be shared.

const FURTHEST = 13;
const EDGE_PX = 36; // so much room that crops at the edge are whole
const WRITE_AFTER_MS = 250;

export class View {
  // What is to be seen at once: [width, height] of all points, parts of the map's side.
  constructor(extent = [1, 1]) {
    this.extent = extent;
    this.width = this.height = 1;
    this.reset();
  }

  reset() {
    this.x = this.y = 0.5;
    this.zoom = 0;
  }

  resize(width, height) {
    this.width = width;
    this.height = height;
  }

  // Pixels for the whole map's side.
  get scale() {
    const [width, height] = this.extent;
    const room = [(this.width - 2 * EDGE_PX) / width, (this.height - 2 * EDGE_PX) / height];
    return Math.max(Math.min(...room), 1) * 2 ** this.zoom;
  }

  toScreen(x, y) {
    return [(x - this.x) * this.scale + this.width / 2, (y - this.y) * this.scale + this.height / 2];
  }

  toMap(left, top) {
    return [(left - this.width / 2) / this.scale + this.x, (top - this.height / 2) / this.scale + this.y];
  }

  // The visible part: [x0, y0, x1, y1].
  get bounds() {
    return [...this.toMap(0, 0), ...this.toMap(this.width, this.height)];
  }

  pan(left, top) {
    this.moveTo(this.x - left / this.scale, this.y - top / this.scale);
  }

  moveTo(x, y) {
    this.x = clamp(x, 0, 1);
    this.y = clamp(y, 0, 1);
  }

  // Zoom by so many powers of two; what is under that pixel stays there.
  zoomAt(by, left = this.width / 2, top = this.height / 2) {
    const [x, y] = this.toMap(left, top);
    this.zoom = clamp(this.zoom + by, 0, FURTHEST);
    const [nowX, nowY] = this.toMap(left, top);
    this.moveTo(this.x + x - nowX, this.y + y - nowY);
  }

  read(search) {
    const number = (name, low, high, otherwise) => {
      const text = search.get(name);
      const value = Number(text);
      return text && Number.isFinite(value) ? clamp(value, low, high) : otherwise;
    };
    this.x = number("x", 0, 1, 0.5);
    this.y = number("y", 0, 1, 0.5);
    this.zoom = number("zoom", 0, FURTHEST, 0);
  }

  // Later and once: browsers refuse an address that changes with every frame.
  write(hidden) {
    clearTimeout(this.writing);
    this.writing = setTimeout(() => {
      const url = new URL(location.href);
      const digits = Math.ceil(this.zoom / 3) + 3;
      const moved = this.zoom > 0.005 || Math.abs(this.x - 0.5) > 0.0005 || Math.abs(this.y - 0.5) > 0.0005;
      for (const [name, value] of [["x", this.x.toFixed(digits)], ["y", this.y.toFixed(digits)], ["zoom", this.zoom.toFixed(2)]]) {
        if (moved) url.searchParams.set(name, value);
        else url.searchParams.delete(name);
      }
      url.searchParams.delete("hide");
      for (const name of hidden) url.searchParams.append("hide", name);
      history.replaceState(null, "", url);
    }, WRITE_AFTER_MS);
  }
}

export function clamp(value, low, high) {
  return Math.min(Math.max(value, low), high);
}
