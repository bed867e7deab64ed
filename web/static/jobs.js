// Parts of the admin's pages that change by themselves while a job runs; they work without it too.
"use strict";

const LIVE_MS = 2000;
const SAY_MS = 20000;

function setUpLive() {
  const part = document.querySelector("[data-live]");
  if (!part) return;
  const state = () => part.querySelector("[data-status]")?.dataset ?? {};
  const isOpen = () => "always" in part.dataset || "open" in state();
  let said = "";
  let saidAt = Date.now();

  // A screen reader hears how far it is now and then, and at once when something has changed.
  const say = (before) => {
    const { status, words } = state();
    if (!words || words === said || (status === before && Date.now() - saidAt < SAY_MS)) return;
    document.querySelector("[data-live-say]").textContent = words;
    said = words;
    saidAt = Date.now();
  };

  const show = (html) => {
    const focused = part.contains(document.activeElement) ? document.activeElement.id : "";
    const opened = [...part.querySelectorAll("details")].map(({ open }) => open);
    part.innerHTML = html;
    part.querySelectorAll("details").forEach((each, place) => {
      each.open = opened[place] ?? each.open;
    });
    if (focused) document.getElementById(focused)?.focus();
  };

  // Nobody looks, a form is being filled in, or the focus is on what can't be found again.
  const isInUse = () => {
    const active = document.activeElement;
    return document.hidden || (part.contains(active) && (!active.id || active.matches("input, select, textarea")));
  };

  const refresh = async () => {
    if (isInUse()) return;
    const answer = await fetch(part.dataset.live, { redirect: "error" }).catch(() => null);
    if (!answer?.ok) return;
    const before = state().status;
    show(await answer.text());
    if ("leave" in state()) return location.reload();
    say(before);
  };

  const tick = async () => {
    await refresh();
    if (isOpen()) setTimeout(tick, LIVE_MS);
  };
  if (isOpen()) setTimeout(tick, LIVE_MS);
  document.addEventListener("visibilitychange", refresh);
}

setUpLive();
