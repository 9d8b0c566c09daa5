// Acts that are not known to be stored, kept by the browser through reloads, page switches and
// crashes. One entry an act, so that two tabs never write over each other's.

const PREFIX = "active-cnn|";
const inMemory = new Map(); // where the browser forbids its storage

function storage() {
  try {
    window.localStorage.setItem(`${PREFIX}probe`, "1");
    window.localStorage.removeItem(`${PREFIX}probe`);
    return window.localStorage;
  } catch {
    return null;
  }
}

const key = (place, event) => `${PREFIX}${place}|${event}`;

export function keep(place, act) {
  const text = JSON.stringify(act);
  inMemory.set(key(place, act.event), text);
  try {
    storage()?.setItem(key(place, act.event), text);
  } catch {
    // Full: the act is still in memory and is sent from there.
  }
}

export function drop(place, event) {
  inMemory.delete(key(place, event));
  storage()?.removeItem(key(place, event));
}

// Everything that waits in this browser, in the order in which it was done.
export function everything() {
  const found = new Map(inMemory);
  const kept = storage();
  for (let i = 0; i < (kept?.length ?? 0); i++) {
    found.set(kept.key(i), kept.getItem(kept.key(i)));
  }
  const acts = [];
  for (const [name, text] of found) {
    const end = name.lastIndexOf("|");
    if (!name.startsWith(PREFIX) || end < PREFIX.length) continue;
    try {
      acts.push({ place: name.slice(PREFIX.length, end), act: JSON.parse(text) });
    } catch {
      // Not written by this page.
    }
  }
  return acts.sort((a, b) => a.act.done - b.act.done || a.act.order - b.act.order);
}

export function waiting(place) {
  return everything()
    .filter((one) => one.place === place)
    .map((one) => one.act);
}
