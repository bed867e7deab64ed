// Why items match: shown inside their cards, for those in view or the one that is opened.
"use strict";

const WHY_FIRST_MS = 500;
const WHY_LONGEST_MS = 4000;
const WHY_GIVE_UP_MS = 180000;
const WHY_AT_ONCE = 3;

const whyWaiting = [];
let whyRunning = 0;

// A few at a time: a visitor's search by photo waits behind them on the same queue.
function startWhy() {
  while (whyRunning < WHY_AT_ONCE && whyWaiting.length) {
    const cell = whyWaiting.shift();
    if (!cell.isConnected) continue;
    whyRunning += 1;
    loadWhy(cell).finally(() => {
      whyRunning -= 1;
      startWhy();
    });
  }
}

async function loadWhy(cell) {
  const place = cell.querySelector(".why-place");
  const started = Date.now();
  let pause = WHY_FIRST_MS;
  while (place?.isConnected) {
    if (!document.hidden) {
      const answer = await fetch(`${cell.querySelector("[data-why]").href}?fragment=1`).catch(() => null);
      if (!place.isConnected) return;
      if (!answer?.ok) return tellWhyFailed(place, cell);
      showWhy(place, await answer.text());
      if (!place.querySelector("[data-why-wait]")) {
        if (!cell.closest("[data-why-all]")) say("Why it matches is shown in its card");
        if (place.querySelector("[data-why-failed]")) offerWhyAgain(place, cell);
        return;
      }
      if (Date.now() - started > WHY_GIVE_UP_MS) return tellWhyFailed(place, cell);
    }
    await new Promise((resume) => setTimeout(resume, pause));
    pause = Math.min(pause * 1.4, WHY_LONGEST_MS);
  }
}

// Pictures that stay are not loaded anew while it waits: only what has changed is put in.
function showWhy(place, html) {
  const fresh = document.createElement("template");
  fresh.innerHTML = html;
  const note = place.querySelector("[data-why-wait] .why-note");
  const freshNote = fresh.content.querySelector("[data-why-wait] .why-note");
  if (!note || !freshNote) place.replaceChildren(fresh.content);
  else if (note.textContent !== freshNote.textContent) note.replaceWith(freshNote);
}

function whyNote(...content) {
  const note = document.createElement("p");
  note.className = "why-note";
  note.append(...content);
  return note;
}

function tellWhyFailed(place, cell) {
  place.replaceChildren(whyNote("No answer came: the server or its worker is busy or not running."));
  offerWhyAgain(place, cell);
}

function offerWhyAgain(place, cell) {
  const again = document.createElement("button");
  again.type = "button";
  again.className = "btn btn-sm btn-outline-secondary mt-2";
  again.textContent = "Try again";
  again.addEventListener("click", () => {
    again.remove();
    whyWaiting.unshift(cell);
    startWhy();
  });
  place.append(again);
}

function openWhy(cell) {
  if (cell.querySelector(".why-place")) return;
  const place = document.createElement("div");
  place.className = "why-place";
  place.setAttribute("role", "group");
  place.setAttribute("aria-label", "Why it matches");
  const spinner = document.createElement("span");
  spinner.className = "spinner-border spinner-border-sm";
  spinner.setAttribute("aria-hidden", "true");
  place.append(whyNote(spinner, "Comparing the two garments…"));
  cell.append(place);
  cell.classList.add("explained");
  nameLink(cell, "Close", "true");
  whyWaiting.push(cell);
  startWhy();
}

function closeWhy(cell) {
  cell.querySelector(".why-place").remove();
  cell.classList.remove("explained");
  nameLink(cell, "Why?", "false");
}

function nameLink(cell, word, expanded) {
  const link = cell.querySelector("[data-why]");
  link.firstChild.data = word;
  link.setAttribute("aria-expanded", expanded);
}

// The switch: every card that comes into view. Its state is in the form and so in the address.
function watchWhy(similar, seen) {
  seen.disconnect();
  for (const grid of similar.querySelectorAll("[data-why-all]")) {
    grid.classList.add("explained");
    for (const link of grid.querySelectorAll("[data-why]")) seen.observe(link.closest(".item-cell"));
  }
}

function setUpWhy() {
  const similar = document.querySelector("[data-similar]");
  if (!similar) return;
  similar.addEventListener("click", (event) => {
    const link = event.target.closest("[data-why]");
    if (!link || event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
    event.preventDefault();
    const cell = link.closest(".item-cell");
    if (cell.querySelector(".why-place")) closeWhy(cell);
    else openWhy(cell);
  });
  const seen = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      seen.unobserve(target);
      openWhy(target);
    }
  });
  new MutationObserver(() => watchWhy(similar, seen)).observe(similar, { childList: true });
  watchWhy(similar, seen);
}

setUpWhy();
