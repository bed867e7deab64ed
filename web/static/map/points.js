// The points in typed arrays, and a grid over them that finds those of a spot without asking all.

const STEPS = 65535;
const FEWEST_CELLS = 4;
const MOST_CELLS = 256;
const A_CELL = 6;
const LEAST_EXTENT = 0.1;

export async function loadPoints(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new LoadError(answer.status);
  const bytes = await answer.arrayBuffer();
  const count = Math.floor(bytes.byteLength / 5);
  return new Points(
    new Uint16Array(bytes, 0, count),
    new Uint16Array(bytes, 2 * count, count),
    new Uint8Array(bytes, 4 * count, count),
  );
}

export class LoadError extends Error {
  constructor(status) {
    super(`answered ${status}`);
    this.status = status;
  }
}

export class Points {
  constructor(x, y, category) {
    this.count = x.length;
    this.category = category;
    this.x = Float32Array.from(x, (step) => step / STEPS);
    this.y = Float32Array.from(y, (step) => step / STEPS);
    this.hidden = new Uint8Array(256);
    this.makeGrid();
  }

  // [width, height] of all points; those on one spot still get some room.
  get extent() {
    return [this.x, this.y].map((places) => {
      let [low, high] = [1, 0];
      for (const place of places) [low, high] = [Math.min(low, place), Math.max(high, place)];
      return Math.max(high - low, LEAST_EXTENT);
    });
  }

  // Points sorted by cell: those of cell c are order[starts[c]] .. order[starts[c + 1] - 1].
  makeGrid() {
    this.cells = Math.round(Math.min(Math.max(Math.sqrt(this.count / A_CELL), FEWEST_CELLS), MOST_CELLS));
    const cell = new Uint32Array(this.count);
    this.starts = new Uint32Array(this.cells ** 2 + 1);
    for (let i = 0; i < this.count; i += 1) {
      cell[i] = this.cellOf(this.y[i]) * this.cells + this.cellOf(this.x[i]);
      this.starts[cell[i] + 1] += 1;
    }
    for (let c = 0; c < this.cells ** 2; c += 1) this.starts[c + 1] += this.starts[c];
    const next = this.starts.slice();
    this.order = new Uint32Array(this.count);
    for (let i = 0; i < this.count; i += 1) this.order[next[cell[i]]++] = i;
  }

  cellOf(place) {
    return Math.min(Math.max(Math.floor(place * this.cells), 0), this.cells - 1);
  }

  // Calls see(index) for shown points inside; stops when it answers false.
  within([x0, y0, x1, y1], see) {
    const [left, right] = [this.cellOf(x0), this.cellOf(x1)];
    for (let row = this.cellOf(y0); row <= this.cellOf(y1); row += 1) {
      const end = this.starts[row * this.cells + right + 1];
      for (let place = this.starts[row * this.cells + left]; place < end; place += 1) {
        const i = this.order[place];
        const { x, y } = this;
        if (x[i] < x0 || x[i] > x1 || y[i] < y0 || y[i] > y1 || this.hidden[this.category[i]]) continue;
        if (see(i) === false) return;
      }
    }
  }

  // Shown points inside, or null when there are more than `most`.
  list(bounds, most) {
    const found = [];
    this.within(bounds, (i) => found.push(i) <= most);
    return found.length > most ? null : found;
  }

  // The nearest shown point to (x, y), `reach` away at most, that passes; -1 for none.
  nearest(x, y, reach, passes = () => true) {
    let best = -1;
    let least = reach ** 2;
    this.within([x - reach, y - reach, x + reach, y + reach], (i) => {
      const apart = (this.x[i] - x) ** 2 + (this.y[i] - y) ** 2;
      if (apart <= least && passes(i)) [best, least] = [i, apart];
    });
    return best;
  }

  // The nearest at whatever distance: looks further and further.
  nearestAnywhere(x, y, passes) {
    for (let reach = 1 / this.cells; reach < 4; reach *= 2) {
      const found = this.nearest(x, y, reach, passes);
      if (found >= 0) return found;
    }
    return -1;
  }

  // The next point from i in a direction (dx, dy), within 45 degrees of it.
  neighbour(i, dx, dy) {
    return this.nearestAnywhere(this.x[i], this.y[i], (j) => {
      const [along, across] = dx
        ? [(this.x[j] - this.x[i]) * dx, this.y[j] - this.y[i]]
        : [(this.y[j] - this.y[i]) * dy, this.x[j] - this.x[i]];
      return j !== i && along > 0 && Math.abs(across) <= along;
    });
  }
}
