// A map that is being made: says how far it is, and loads the page anew when it is there.

const ASK_EVERY_MS = 2000;

export function followProgress(part) {
  const bar = part.querySelector("progress");
  const words = part.querySelector("[data-map-progress-words]");
  const number = new Intl.NumberFormat("en");
  const ask = async () => {
    const answer = await fetch(part.dataset.mapProgress).catch(() => null);
    if (answer?.ok) {
      const { making, state, done, total } = await answer.json();
      if (!making) return location.reload();
      if (state === "running" && total) {
        part.querySelector("[data-map-progress-state]").textContent = "The map is being made";
        bar.max = total;
        bar.value = done;
        words.textContent = `${Math.floor((100 * done) / total)} % of ${number.format(total)} garments`;
      }
    }
    return setTimeout(ask, ASK_EVERY_MS);
  };
  setTimeout(ask, ASK_EVERY_MS);
}
