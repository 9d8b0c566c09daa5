// On every page: answers that a labelling page could not get stored before it was left go out now.

import { Door } from "./leaving.js";
import { mount, unmount } from "./mounting.js";
import { drop, everything } from "./outbox.js";

const AGE = 4000; // ms: what is younger is still being sent by the page that it was given on

class Flusher {
  constructor(parent) {
    this.line = document.createElement("p");
    this.line.className = "waiting";
    this.line.setAttribute("role", "status");
    parent.append(this.line);
    this.held = new Set();
    this.reasons = [];
    this.abort = new AbortController();
    this.door = new Door(this.line, this.abort.signal);
    this.timer = setInterval(() => this.send(), 2000);
  }

  close() {
    clearInterval(this.timer);
    this.abort.abort();
  }

  hear(data, setStateValue) {
    this.setStateValue = setStateValue;
    const settled = data?.settled ?? [];
    for (const [place, event] of settled) drop(place, event);
    this.held = new Set(data?.held ?? []);
    this.reasons = [...new Set(Object.values(data?.refused ?? {}))];
    if (settled.length) this.send(); // else at its own pace: what failed now would fail again
  }

  send() {
    const old = everything().filter(({ act }) => !(Date.now() - act.done < AGE));
    const open = old.filter(({ act }) => !this.held.has(act.event));
    const said = [`${old.length} ${old.length === 1 ? "answer waits" : "answers wait"} in this browser to be stored.`];
    for (const reason of this.reasons) said.push(`Not stored: ${reason}`);
    this.line.textContent = old.length ? said.join(" ") : "";
    if (!open.length || !this.setStateValue) return;
    this.door.say(() => this.setStateValue("acts", { at: Date.now(), waiting: open.slice(0, 500) }));
  }
}

export default function ({ data, parentElement, setStateValue }) {
  mount(parentElement, (parent) => new Flusher(parent)).hear(data, setStateValue);
  return () => unmount(parentElement);
}
