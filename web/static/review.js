// The review queue: choose garments, drag boxes, and go through it by keyboard. Forms do the rest.
"use strict";

const SVG = "http://www.w3.org/2000/svg";
const LEAST_SIDE = 8;
const KNOB_PX = 6;
const GRIP_PX = 16;
const LOOK_AGAIN_MS = 2000;
const EDGES = ["nw", "n", "ne", "e", "se", "s", "sw", "w"];
const NAMES = ["x0", "y0", "x1", "y1"];

let drawing = null; // the box that is being drawn: {details, inputs, group, box}

const entry = () => document.querySelector("[data-entry]");
const canvas = () => document.querySelector("[data-canvas]");
const cards = () => [...document.querySelectorAll(".review-garment[data-garment]")];
const chosen = () => document.querySelector(".review-garment.selected");

// The garment that keys act upon: outline and card show it.
function choose(id, scroll) {
  for (const each of document.querySelectorAll("[data-garment]")) {
    each.classList.toggle("selected", each.dataset.garment === id);
  }
  const card = chosen();
  if (card && scroll) {
    card.scrollIntoView({ block: "nearest" });
    card.focus({ preventScroll: true });
  }
}

function chooseFirst() {
  const asked = location.hash.startsWith("#garment-") ? location.hash.slice(9) : null;
  const first = cards().find(({ dataset }) => dataset.garment === asked)
    ?? document.querySelector(".review-garment.doubted") ?? cards()[0];
  if (first) choose(first.dataset.garment);
}

// Boxes, in pixels of the photo.
function readBox(inputs) {
  const box = inputs.map(({ value }) => Number.parseFloat(value));
  return box.every(Number.isFinite) ? box : null;
}

function limits() {
  const { width, height } = entry().dataset;
  return [Number(width), Number(height)];
}

function fit([x0, y0, x1, y1]) {
  const [width, height] = limits();
  const clamp = (value, most) => Math.round(Math.min(Math.max(value, 0), most));
  const [left, right] = [Math.min(x0, x1), Math.max(x0, x1)];
  const [top, bottom] = [Math.min(y0, y1), Math.max(y0, y1)];
  return [clamp(left, width), clamp(top, height), clamp(right, width), clamp(bottom, height)];
}

function moved(box, dx, dy) {
  const [width, height] = limits();
  const x = Math.min(Math.max(dx, -box[0]), width - box[2]);
  const y = Math.min(Math.max(dy, -box[1]), height - box[3]);
  return [box[0] + x, box[1] + y, box[2] + x, box[3] + y];
}

function resized(box, edge, dx, dy) {
  const [x0, y0, x1, y1] = box;
  return [
    edge.includes("w") ? Math.min(x0 + dx, x1 - LEAST_SIDE) : x0,
    edge.includes("n") ? Math.min(y0 + dy, y1 - LEAST_SIDE) : y0,
    edge.includes("e") ? Math.max(x1 + dx, x0 + LEAST_SIDE) : x1,
    edge.includes("s") ? Math.max(y1 + dy, y0 + LEAST_SIDE) : y1,
  ];
}

// Pixels of the photo for one on the screen.
const scale = () => 1 / (canvas().getScreenCTM()?.a || 1);

function pointOf(event) {
  const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(canvas().getScreenCTM().inverse());
  return [at.x, at.y];
}

function make(name, attributes, parent) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  parent.append(element);
  return element;
}

function startDrawing(details) {
  if (drawing?.details === details) return;
  stopDrawing();
  const svg = canvas();
  if (!svg) return;
  const inputs = NAMES.map((name) => details.querySelector(`[name=${name}]`));
  const group = make("g", {
    class: "drawn-box", tabindex: "0", role: "application",
    "aria-label": "The box: arrows move it, Shift and arrows change its size, Enter saves",
  }, svg);
  make("rect", { "data-edge": "move" }, group);
  for (const edge of EDGES) {
    make("circle", { class: "grip", "data-edge": edge }, group);
    make("circle", { class: "knob", "data-knob": edge }, group);
  }
  drawing = { details, inputs, group, box: readBox(inputs) };
  svg.classList.add("drawing");
  document.querySelector("[data-drawing-help]").hidden = false;
  show();
  details.scrollIntoView({ block: "nearest" });
}

function stopDrawing() {
  if (!drawing) return;
  const { details, group } = drawing;
  drawing = null;
  group.remove();
  details.open = false;
  canvas().classList.remove("drawing");
  document.querySelector("[data-drawing-help]").hidden = true;
}

function setBox(box) {
  drawing.box = fit(box);
  drawing.inputs.forEach((input, place) => { input.value = drawing.box[place]; });
  show();
}

function show() {
  const { group, box } = drawing;
  group.setAttribute("visibility", box ? "visible" : "hidden");
  if (!box) return;
  const [x0, y0, x1, y1] = box;
  const rect = group.querySelector("rect");
  const size = { x: x0, y: y0, width: Math.max(0, x1 - x0), height: Math.max(0, y1 - y0) };
  for (const [name, value] of Object.entries(size)) rect.setAttribute(name, value);
  const unit = scale();
  for (const edge of EDGES) {
    const cx = edge.includes("w") ? x0 : edge.includes("e") ? x1 : (x0 + x1) / 2;
    const cy = edge.includes("n") ? y0 : edge.includes("s") ? y1 : (y0 + y1) / 2;
    for (const [kind, radius] of [["edge", GRIP_PX], ["knob", KNOB_PX]]) {
      const circle = group.querySelector(`[data-${kind}="${edge}"]`);
      circle.setAttribute("cx", cx);
      circle.setAttribute("cy", cy);
      circle.setAttribute("r", radius * unit);
    }
  }
}

// A drag begins on a grip, inside the box, or anywhere else: then the box is drawn anew.
function setUpPointer() {
  document.addEventListener("pointerdown", (event) => {
    if (!drawing || event.button || !event.target.closest?.("[data-canvas]")) return;
    event.preventDefault();
    const svg = canvas();
    const from = pointOf(event);
    const edge = event.target.dataset.edge;
    const before = drawing.box;
    svg.setPointerCapture(event.pointerId);
    const drag = (move) => {
      const to = pointOf(move);
      const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
      if (!edge || !before) {
        if (Math.hypot(dx, dy) > 3 * scale()) setBox([...from, ...to]);
      } else if (edge === "move") setBox(moved(before, dx, dy));
      else setBox(resized(before, edge, dx, dy));
    };
    const end = () => {
      svg.removeEventListener("pointermove", drag);
      drawing?.group.focus({ preventScroll: true });
    };
    svg.addEventListener("pointermove", drag);
    svg.addEventListener("lostpointercapture", end, { once: true });
  });
}

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function setUpBoxKeys() {
  document.addEventListener("keydown", (event) => {
    if (!drawing) return;
    if (event.key === "Escape") {
      const summary = drawing.details.querySelector("summary");
      stopDrawing();
      summary.focus();
      return;
    }
    if (document.activeElement !== drawing.group) return;
    if (event.key === "Enter") {
      event.preventDefault();
      drawing.details.querySelector("form").requestSubmit();
    }
    const arrow = ARROWS[event.key];
    if (!arrow) return;
    event.preventDefault();
    const [width, height] = limits();
    const step = Math.max(1, Math.round(Math.max(width, height) / (event.altKey ? 1000 : 100)));
    const [dx, dy] = arrow.map((direction) => direction * step);
    setBox(event.shiftKey ? resized(drawing.box, "se", dx, dy) : moved(drawing.box, dx, dy));
  });
}

// Opening the fields shows the box on the photo; a new one begins in the middle.
function setUpBoxes() {
  document.addEventListener("toggle", (event) => {
    if (!event.target.matches?.("[data-box]")) return;
    if (event.target.open) openBox(event.target);
    else if (drawing?.details === event.target) stopDrawing();
  }, true);
  document.addEventListener("input", (event) => {
    if (!drawing?.inputs.includes(event.target)) return;
    drawing.box = readBox(drawing.inputs);
    show();
  });
  addEventListener("resize", () => drawing && show());
}

function openBox(details) {
  startDrawing(details);
  if (!drawing || drawing.box) return;
  const [width, height] = limits();
  setBox([width / 4, height / 4, (3 * width) / 4, (3 * height) / 4]);
}

// Keys, unless they are switched off or somebody is writing.
function setUpShortcuts() {
  document.addEventListener("keydown", (event) => {
    const busy = event.target.closest?.("input:not([type=checkbox]), select, textarea");
    if (!shortcutsOn() || busy || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (press(event.key.toLowerCase())) event.preventDefault();
  });
  document.addEventListener("change", (event) => {
    if (!event.target.matches("[data-shortcuts-on]")) return;
    try { localStorage.setItem("review-keys", event.target.checked ? "on" : "off"); } catch { /* private mode */ }
  });
}

function shortcutsOn() {
  return document.querySelector("[data-shortcuts-on]")?.checked ?? true;
}

function showShortcuts() {
  const part = document.querySelector("[data-shortcuts]");
  if (!part) return;
  part.hidden = false;
  let stored = null;
  try { stored = localStorage.getItem("review-keys"); } catch { /* private mode */ }
  part.querySelector("[data-shortcuts-on]").checked = stored !== "off";
}

function press(key) {
  if (/^[1-9]$/.test(key)) {
    const card = cards()[Number(key) - 1];
    if (card) choose(card.dataset.garment, true);
    return Boolean(card);
  }
  if (key === "c") return focusOn(chosen()?.querySelector("select"));
  if (key === "b") return openDetails(chosen()?.querySelector("[data-box]"));
  if (key === "d") return openDetails(document.querySelector("[data-new]"));
  // A garment's own action goes before the photo's.
  const inside = chosen()?.querySelector(`[data-key="${CSS.escape(key)}"]`);
  const whole = document.querySelector(`[data-key="${CSS.escape(key)}"]:not(.review-garment *)`);
  const target = inside ?? whole;
  if (target?.tagName === "FORM") target.requestSubmit();
  else target?.click();
  return Boolean(target);
}

function focusOn(element) {
  element?.focus();
  return Boolean(element);
}

function openDetails(details) {
  if (!details) return false;
  details.open = true;
  openBox(details);
  drawing?.group.focus({ preventScroll: true });
  return true;
}

function setUpChoosing() {
  document.addEventListener("click", (event) => {
    const outline = event.target.closest("[data-canvas] a[data-garment]");
    if (outline) {
      event.preventDefault();
      choose(outline.dataset.garment, true);
      return;
    }
    const card = event.target.closest(".review-garment[data-garment]");
    if (card) choose(card.dataset.garment);
  });
  document.addEventListener("focusin", (event) => {
    const card = event.target.closest(".review-garment[data-garment]");
    if (card) choose(card.dataset.garment);
  });
  document.addEventListener("submit", () => entry()?.setAttribute("aria-busy", "true"));
  addEventListener("pageshow", () => entry()?.removeAttribute("aria-busy"));
}

// While a crop is being cut the entry is looked at again, unless somebody is at work in it.
function setUpCutting() {
  setInterval(async () => {
    const part = entry();
    if (!part?.matches("[data-cutting]") || document.hidden || drawing || part.ariaBusy) return;
    const at = new URL(location.href);
    const answer = await fetch(at, { redirect: "error" }).catch(() => null);
    if (!answer?.ok || drawing) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector("[data-entry]");
    if (!fresh || part.contains(document.activeElement) && fresh.matches("[data-cutting]")) return;
    const id = chosen()?.dataset.garment;
    part.replaceWith(fresh);
    begin(id);
  }, LOOK_AGAIN_MS);
}

function begin(id) {
  showShortcuts();
  chooseFirst();
  if (id) choose(id);
  const open = document.querySelector("[data-box][open]");
  if (open) openBox(open);
}

setUpPointer();
setUpBoxKeys();
setUpBoxes();
setUpShortcuts();
setUpChoosing();
setUpCutting();
begin();
