// The map page: draws the garments, shows the one that is pointed at, keeps its state in the address.

import { Card } from "./card.js";
import { Crops } from "./crops.js";
import { dotSize, makeDots } from "./dots.js";
import { Garments } from "./garments.js";
import { listen } from "./input.js";
import { Legend } from "./legend.js";
import { loadPoints } from "./points.js";
import { followProgress } from "./progress.js";
import { View } from "./view.js";

const REACH_PX = 14;
const TOUCH_REACH_PX = 24;
const KEY_PAN = 0.15;
const KEY_ZOOM = 0.75;
const GLIDE_MS = 220;
const MOST_RATIO = 2;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

class CatalogMap {
  constructor(stage, points) {
    this.stage = stage;
    this.points = points;
    this.state = stage.querySelector("[data-map-state]");
    this.area = stage.querySelector("[data-map-view]");
    this.top = stage.querySelector("[data-map-top]");
    this.context = this.top.getContext("2d");
    this.names = JSON.parse(stage.dataset.names);
    const shapes = JSON.parse(stage.dataset.shapes);
    this.marks = JSON.parse(stage.dataset.marks).map((colour, i) => ({ colour, shape: shapes[i] }));
    this.garments = new Garments(stage.dataset);
    this.dots = makeDots(stage.querySelector("[data-map-dots]"), points, this.marks);
    this.crops = new Crops(points, this.garments, this.marks);
    this.card = new Card(stage, this.garments, points, this.names);
    this.legend = new Legend(document.querySelector(".map-legend"), this.names, points, {
      changed: () => this.toggled(),
      light: (category) => { this.lit = category; this.redraw(); },
    });
    this.view = new View(points.extent);
    this.picked = -1;
    this.isKept = false; // picked by key or finger, not by a passing mouse
    this.lit = null;
    this.garments.onIds = this.crops.onLoad = () => this.redraw();
  }

  start() {
    const search = new URLSearchParams(location.search);
    this.view.read(search);
    this.legend.start(search.getAll("hide"));
    this.readColours();
    new ResizeObserver(() => this.resize()).observe(this.area);
    this.resize();
    listen(this.area, {
      move: (left, top) => this.change(() => this.view.pan(left, top)),
      zoom: (by, left, top) => this.change(() => this.view.zoomAt(by, left, top)),
      point: (left, top) => this.point(left, top),
      press: (left, top, how) => this.press(left, top, how),
      twice: (left, top, back) => { if (this.find(left, top) < 0) this.glide(() => this.view.zoomAt(back ? -1 : 1, left, top)); },
      leave: () => { if (!this.isKept) this.letGo(); },
    });
    this.area.addEventListener("keydown", (event) => this.key(event));
    for (const button of this.stage.querySelectorAll("[data-map-do]")) {
      button.addEventListener("click", () => this.glide(() => this.zoomBy(button.dataset.mapDo)));
    }
    new MutationObserver(() => this.readColours()).observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
  }

  zoomBy(what) {
    if (what === "all") this.view.reset();
    else this.view.zoomAt(what === "in" ? 1 : -1);
  }

  readColours() {
    const style = getComputedStyle(document.documentElement);
    const read = (name) => style.getPropertyValue(name).trim();
    this.colours = { card: read("--card"), ink: read("--ink"), accent: read("--accent-bright") };
    this.redraw();
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.area;
    this.ratio = Math.min(devicePixelRatio || 1, MOST_RATIO);
    for (const canvas of this.area.querySelectorAll("canvas")) {
      canvas.width = Math.round(width * this.ratio);
      canvas.height = Math.round(height * this.ratio);
    }
    this.view.resize(width, height);
    this.redraw();
  }

  // Any change of what is in sight: drawn with the next frame, noted in the address.
  change(how) {
    cancelAnimationFrame(this.gliding);
    this.goal = null;
    how();
    this.view.write(this.legend.hiddenNames);
    this.redraw();
  }

  // The same in small steps, unless the visitor wants no motion.
  glide(how) {
    const { view } = this;
    const place = () => ({ x: view.x, y: view.y, zoom: view.zoom });
    const from = place();
    Object.assign(view, this.goal); // what is still under way counts as done
    how();
    const to = place();
    this.goal = to;
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return this.change(() => {});
    Object.assign(view, from);
    const began = performance.now();
    cancelAnimationFrame(this.gliding);
    const step = (now) => {
      const share = Math.min(Math.max((now - began) / GLIDE_MS, 0), 1);
      const eased = 1 - (1 - share) ** 3;
      // By the scale, not by the zoom: what is to stay in place then stays in place.
      view.zoom = from.zoom + (to.zoom - from.zoom) * eased;
      const spans = [from.zoom, view.zoom, to.zoom].map((zoom) => 2 ** -zoom);
      const part = spans[0] === spans[2] ? eased : (spans[0] - spans[1]) / (spans[0] - spans[2]);
      view.moveTo(from.x + (to.x - from.x) * part, from.y + (to.y - from.y) * part);
      this.draw();
      if (share < 1) this.gliding = requestAnimationFrame(step);
      else this.change(() => {});
    };
    this.gliding = requestAnimationFrame(step);
    return undefined;
  }

  redraw() {
    if (this.isAsked || !this.ratio) return;
    this.isAsked = true;
    requestAnimationFrame(() => {
      this.isAsked = false;
      this.draw();
    });
  }

  draw() {
    const { context, view, ratio } = this;
    this.dots.draw(view, ratio, this.lit);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, view.width, view.height);
    this.crops.draw(context, view, this.lit, this.colours);
    if (this.picked >= 0) this.drawRing();
    this.sayIfEmpty();
  }

  sayIfEmpty() {
    let isEmpty = true;
    this.points.within(this.view.bounds, () => (isEmpty = false));
    this.state.hidden = !isEmpty;
    if (isEmpty) this.state.textContent = "No garment here: zoom out, or switch more categories on";
  }

  drawRing() {
    const { context, view, points, picked } = this;
    const [left, top] = view.toScreen(points.x[picked], points.y[picked]);
    const crop = this.crops.drawn.some(({ i }) => i === picked) && this.crops.images.get(picked)?.ready;
    const half = crop ? this.crops.size / 2 + 3 : dotSize(view, points.count) / 2 + 5;
    for (const [width, colour] of [[6, this.colours.card], [3, this.colours.accent]]) {
      context.beginPath();
      if (crop) context.roundRect(left - half, top - half, 2 * half, 2 * half, 8);
      else context.arc(left, top, half, 0, 2 * Math.PI);
      context.lineWidth = width;
      context.strokeStyle = colour;
      context.stroke();
    }
    if (this.isKept || !this.card.element.hidden) this.card.place(left, top, half);
  }

  find(left, top, reach = REACH_PX) {
    const crop = this.crops.at(left, top);
    if (crop >= 0) return crop;
    return this.points.nearest(...this.view.toMap(left, top), reach / this.view.scale);
  }

  point(left, top) {
    const found = this.find(left, top);
    this.area.classList.toggle("over", found >= 0);
    if (found >= 0) this.pick(found, { kept: false });
    else if (!this.isKept) this.letGo();
  }

  press(left, top, { touch, apart }) {
    const found = this.find(left, top, touch ? TOUCH_REACH_PX : REACH_PX);
    if (found < 0) return this.letGo();
    if (touch && found !== this.picked) return this.pick(found, { kept: true, docked: true });
    return this.open(found, apart);
  }

  async pick(i, { kept, docked = false, say = false }) {
    this.isKept = kept;
    if (i !== this.picked) {
      this.picked = i;
      this.redraw();
    }
    const words = await this.card.show(i, { docked });
    if (i === this.picked) this.redraw();
    if (say && i === this.picked) this.say(words ? `${words.category}: ${words.title}` : "No longer in the catalog");
  }

  letGo() {
    if (this.picked < 0) return;
    this.picked = -1;
    this.isKept = false;
    this.area.classList.remove("over");
    this.card.hide();
    this.redraw();
  }

  async open(i, apart = false) {
    const words = await this.garments.id(i).then((id) => this.garments.describe(id)).catch(() => null);
    if (!words) this.pick(i, { kept: true, say: true });
    else if (apart) window.open(words.href, "_blank", "noopener");
    else location.assign(words.href);
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = ARROWS[event.key];
    const picked = this.isKept && this.picked >= 0;
    if (arrow && picked) this.stepTo(...arrow);
    else if (arrow) this.change(() => this.view.pan(-arrow[0] * KEY_PAN * this.view.width, -arrow[1] * KEY_PAN * this.view.height));
    else if (event.key === "+" || event.key === "=") this.glide(() => this.zoomOnPick(KEY_ZOOM));
    else if (event.key === "-" || event.key === "_") this.glide(() => this.zoomOnPick(-KEY_ZOOM));
    else if (event.key === "0") this.glide(() => this.view.reset());
    else if (event.key === "Escape" && picked) this.letGo();
    else if (event.key === "Enter" && picked) this.open(this.picked);
    else if (event.key === "Enter") this.pickMiddle();
    else return;
    event.preventDefault();
  }

  zoomOnPick(by) {
    const at = this.picked >= 0 ? this.view.toScreen(this.points.x[this.picked], this.points.y[this.picked]) : [];
    this.view.zoomAt(by, ...at);
  }

  pickMiddle() {
    const found = this.points.nearestAnywhere(this.view.x, this.view.y);
    if (found < 0) this.say("No garment is shown");
    else this.pickInSight(found);
  }

  stepTo(dx, dy) {
    const found = this.points.neighbour(this.picked, dx, dy);
    if (found < 0) this.say("No further garment in this direction");
    else this.pickInSight(found);
  }

  pickInSight(i) {
    const [left, top] = this.view.toScreen(this.points.x[i], this.points.y[i]);
    const [edgeX, edgeY] = [0.12 * this.view.width, 0.12 * this.view.height];
    const isInside = left > edgeX && left < this.view.width - edgeX && top > edgeY && top < this.view.height - edgeY;
    if (!isInside) this.glide(() => this.view.moveTo(this.points.x[i], this.points.y[i]));
    this.pick(i, { kept: true, say: true });
  }

  toggled() {
    if (this.picked >= 0 && this.points.hidden[this.points.category[this.picked]]) this.letGo();
    if (this.lit !== null && this.points.hidden[this.lit]) this.lit = null;
    this.change(() => {});
  }

  say(words) {
    document.querySelector("[data-map-say]").textContent = words;
  }
}

async function showMap(stage) {
  const state = stage.querySelector("[data-map-state]");
  state.hidden = false;
  stage.setAttribute("aria-busy", "true");
  try {
    const points = await loadPoints(stage.dataset.points);
    new CatalogMap(stage, points).start();
  } catch (error) {
    // The map has been made anew since the page was: the page knows the new one.
    if (error.status === 404 && !sessionStorage.getItem("map-reloaded")) {
      sessionStorage.setItem("map-reloaded", "1");
      location.reload();
      return;
    }
    state.textContent = "The map could not be loaded. Load the page again to try once more.";
    throw error;
  } finally {
    stage.setAttribute("aria-busy", "false");
  }
  sessionStorage.removeItem("map-reloaded");
}

const stage = document.querySelector("[data-map]");
const part = document.querySelector("[data-map-progress]");
if (stage) showMap(stage);
if (part) followProgress(part);
