// Draws the crops themselves where few enough garments are in sight to see them.

import { clamp } from "./view.js";

const MOST_IN_SIGHT = 400;
const MOST_DRAWN = 140;
const MOST_KEPT = 500;
const AT_ONCE = 6;
const SMALLEST = 46;
const LARGEST = 104;
const NEAREST_APART = 0.96;
const ROUND = 6;

export class Crops {
  constructor(points, garments, marks) {
    Object.assign(this, { points, garments, marks, drawn: [], wanted: [], loading: 0 });
    this.images = new Map();
  }

  // Which crops there is room for: the same ones wherever the view is moved.
  choose(view) {
    const [x0, y0, x1, y1] = view.bounds;
    const inSight = this.points.list([x0, y0, x1, y1], MOST_IN_SIGHT);
    this.drawn = [];
    if (!inSight) return;
    const room = Math.sqrt((view.width * view.height) / Math.max(inSight.length, 1));
    this.size = clamp(0.8 * room, SMALLEST, Math.min(LARGEST, view.width / 4));
    const apart = NEAREST_APART * this.size;
    for (const i of inSight.sort((a, b) => rankOf(a) - rankOf(b))) {
      if (this.drawn.length >= MOST_DRAWN) break;
      const [left, top] = view.toScreen(this.points.x[i], this.points.y[i]);
      const free = this.drawn.every((one) => Math.abs(one.left - left) > apart || Math.abs(one.top - top) > apart);
      if (free) this.drawn.push({ i, left, top });
    }
  }

  draw(context, view, lit, colours) {
    this.choose(view);
    this.wanted = [];
    for (const one of this.drawn) {
      const image = this.imageOf(one.i);
      const { category } = this.points;
      context.globalAlpha = lit === null || lit === category[one.i] ? 1 : 0.15;
      if (image?.ready) this.drawOne(context, image, one, this.marks[category[one.i]].colour, colours);
    }
    context.globalAlpha = 1;
    this.loadSome();
  }

  drawOne(context, image, { left, top }, colour, { card }) {
    const half = this.size / 2;
    context.beginPath();
    context.roundRect(left - half, top - half, this.size, this.size, ROUND);
    context.fillStyle = card;
    context.fill();
    const scale = (this.size - 5) / Math.max(image.naturalWidth, image.naturalHeight);
    const [width, height] = [image.naturalWidth * scale, image.naturalHeight * scale];
    context.drawImage(image, left - width / 2, top - height / 2, width, height);
    context.strokeStyle = colour;
    context.lineWidth = 2.5;
    context.stroke();
  }

  // The point whose crop is on top at this place; -1 for none.
  at(left, top) {
    const half = this.size / 2;
    const hit = this.drawn.findLast((one) => Math.abs(one.left - left) <= half && Math.abs(one.top - top) <= half
      && this.images.get(one.i)?.ready);
    return hit ? hit.i : -1;
  }

  imageOf(i) {
    const image = this.images.get(i);
    if (image) {
      // The least recently seen go first.
      this.images.delete(i);
      this.images.set(i, image);
      return image;
    }
    this.wanted.push(i);
    return null;
  }

  loadSome() {
    for (const i of this.wanted) {
      if (this.loading >= AT_ONCE) return;
      const id = this.garments.idNow(i);
      if (id) this.load(i, id);
    }
  }

  load(i, id) {
    const image = new Image();
    this.images.set(i, image);
    this.loading += 1;
    if (this.images.size > MOST_KEPT) this.images.delete(this.images.keys().next().value);
    const settle = (ready) => {
      image.ready = ready;
      this.loading -= 1;
      this.onLoad?.();
    };
    image.addEventListener("load", () => settle(true));
    image.addEventListener("error", () => settle(false));
    image.decoding = "async";
    image.src = this.garments.cropOf(id);
  }
}

// A point's number, well shuffled: neighbours have numbers close to each other.
function rankOf(i) {
  return Math.imul(i + 1, 2654435761) >>> 0;
}
