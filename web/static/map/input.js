// Fingers, mouse and wheel on the map, told as what they mean: move, zoom, point, press.

const STILL_PX = 6;
const WHEEL_LINE_PX = 30;
const ZOOM_A_PX = 0.0045;
const LARGEST_STEP = 0.8;

export function listen(element, told) {
  const fingers = new Map();
  let travelled = 0;
  let pinched = false;

  const placeOf = (event) => {
    const { left, top } = element.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  };
  const spread = () => {
    const [[x0, y0], [x1, y1]] = [...fingers.values()];
    return { apart: Math.hypot(x1 - x0, y1 - y0), middle: [(x0 + x1) / 2, (y0 + y1) / 2] };
  };

  element.addEventListener("pointerdown", (event) => {
    if (event.button > 1) return;
    element.setPointerCapture(event.pointerId);
    if (!fingers.size) [travelled, pinched] = [0, false];
    fingers.set(event.pointerId, placeOf(event));
    if (fingers.size > 1) pinched = true;
  });

  element.addEventListener("pointermove", (event) => {
    const place = placeOf(event);
    const before = fingers.get(event.pointerId);
    if (!before) {
      if (event.pointerType === "mouse") told.point(...place);
      return;
    }
    if (fingers.size === 2) {
      const was = spread();
      fingers.set(event.pointerId, place);
      const is = spread();
      told.move(is.middle[0] - was.middle[0], is.middle[1] - was.middle[1]);
      if (was.apart > 0 && is.apart > 0) told.zoom(Math.log2(is.apart / was.apart), ...is.middle);
      return;
    }
    fingers.set(event.pointerId, place);
    travelled += Math.hypot(place[0] - before[0], place[1] - before[1]);
    if (travelled < STILL_PX) return;
    element.classList.add("dragging");
    told.move(place[0] - before[0], place[1] - before[1]);
  });

  const lift = (event) => {
    const place = fingers.get(event.pointerId);
    fingers.delete(event.pointerId);
    if (fingers.size) return;
    element.classList.remove("dragging");
    if (event.type === "pointerup" && place && travelled < STILL_PX && !pinched) {
      told.press(...place, { touch: event.pointerType !== "mouse", apart: event.ctrlKey || event.metaKey || event.button === 1 });
    }
  };
  element.addEventListener("pointerup", lift);
  element.addEventListener("pointercancel", lift);
  element.addEventListener("pointerleave", (event) => {
    if (event.pointerType === "mouse" && !fingers.size) told.leave();
  });

  element.addEventListener("dblclick", (event) => told.twice(...placeOf(event), event.shiftKey));

  element.addEventListener("wheel", (event) => {
    event.preventDefault();
    const px = event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? event.deltaY : event.deltaY * WHEEL_LINE_PX;
    // Pads send a pinch as a wheel with the control key, in far smaller steps.
    const by = -px * ZOOM_A_PX * (event.ctrlKey ? 3 : 1);
    told.zoom(Math.min(Math.max(by, -LARGEST_STEP), LARGEST_STEP), ...placeOf(event));
  }, { passive: false });
}
