// Keys, buttons and the line to the server, for one mounted labelling page.

import { Grid } from "./grid.js";
import { Door } from "./leaving.js";
import { build } from "./page.js";
import { Session } from "./session.js";
import { Sheet } from "./sheet.js";

const PATIENCE = 2500; // ms until something that was sent counts as lost
const RETRY = 10_000; // ms until it is asked again for work that others hold
const SETTLED = 2000; // ms without an act until the rest of the page is brought up to date
// These give answers away: a held key or a double click must not do it twice.
const ACTS = new Set(["answer", "confirm", "skip", "undo"]);
// What keys of the focus belong to, where it has them.
const MOVED = "input, [role=radio], [role=tab], [role=slider], [role=grid], canvas[data-testid]";
const PRESSED = `button, a, summary, [role=button], ${MOVED}`;

export class Desk {
  // `putOneInFront`: to be called now and then, since nobody tells when a desk comes onto the page.
  constructor(parent, putOneInFront) {
    this.putOneInFront = putOneInFront;
    this.session = new Session();
    this.page = build(parent);
    this.sheet = new Sheet(this.page);
    this.grid = new Grid(this.page, this.session, this.sheet);
    this.shownAt = 0;
    this.nonce = 0;
    this.sentAt = 0; // 0 = nothing is on its way
    this.heardAt = 0;
    this.opened = ""; // the last request to open a spectrum
    this.actedAt = 0;
    this.isBlind = false;
    this.keys = new Map();
    this.verbs = this.#verbs();
    this.abort = new AbortController();
    const { signal } = this.abort;
    this.door = new Door(this.page.root, signal);
    // While the event goes down to its target: Streamlit has keys of its own, on its way up.
    document.addEventListener("keydown", (event) => this.#press(event), { signal, capture: true });
    window.addEventListener("online", () => this.send(), { signal });
    this.page.root.addEventListener("click", (event) => this.#click(event), { signal });
    this.page.note.addEventListener("keydown", (event) => this.#typing(event), { signal });
    this.resized = new ResizeObserver(() => this.draw());
    this.resized.observe(this.page.root);
    this.timer = setInterval(() => this.#tick(), 500);
  }

  close() {
    this.abort.abort();
    this.resized.disconnect();
    clearInterval(this.timer);
  }

  hear(data, setStateValue, setTriggerValue) {
    this.setStateValue = setStateValue;
    this.setTriggerValue = setTriggerValue;
    this.sheet.readTheme(this.page.root);
    const bytes = data instanceof Uint8Array ? data : new Uint8Array(data ?? []);
    if (!bytes.length) return;
    const reply = JSON.parse(new TextDecoder().decode(bytes));
    const before = this.session.current;
    const deskBefore = this.session.desk;
    this.session.take(reply);
    if (this.session.desk !== deskBefore) this.#arrange();
    if (this.nonce && reply.nonce === this.nonce) {
      this.sentAt = 0;
      this.heardAt = performance.now();
      this.session.isHeard = true;
    }
    if (this.session.desk && !deskBefore && reply.address) this.session.open(reply.address);
    if (reply.open && reply.open.request !== this.opened) {
      this.opened = reply.open.request;
      this.grid.toggle(false);
      this.session.open(reply.open.identifier);
    }
    this.grid.refresh();
    this.show(this.session.current !== before);
    if (reply.unknown?.length) this.page.say(`${reply.unknown[0]} is not among the spectra asked about here.`);
    if (!this.sentAt && !reply.trouble && this.session.needsServer()) this.send();
  }

  send() {
    const isOnItsWay = this.sentAt && performance.now() - this.sentAt < PATIENCE;
    if (!this.setStateValue || isOnItsWay) return;
    this.door.say(() => {
      this.nonce += 1;
      this.sentAt = performance.now();
      this.setStateValue("said", {
        ...this.session.message(), opened: this.opened, nonce: this.nonce,
      });
    });
  }

  #tick() {
    this.putOneInFront();
    if (this.page.root.isConnected) closeConnectionErrors();
    const isLate = this.sentAt && performance.now() - this.sentAt > PATIENCE;
    const asksAgain = this.session.waitsForOthers && performance.now() - this.heardAt > RETRY;
    if (isLate || asksAgain || this.session.trouble || this.session.needsServer()) this.send();
    this.#status();
    const isSettled = !this.session.pending.size && performance.now() - this.actedAt > SETTLED;
    if (!this.actedAt || !isSettled) return;
    this.door.say(() => {
      this.actedAt = 0;
      this.setTriggerValue?.("settled", this.nonce);
    });
  }

  #arrange() {
    const { desk } = this.session;
    this.keys.clear();
    for (const { name, key } of desk.classes) if (key) this.keys.set(key, ["answer", name]);
    for (const { name, key } of desk.actions) if (key) this.keys.set(key, [name]);
    this.page.arrange(desk);
    this.sheet.arrange(desk);
  }

  #press(event) {
    const { root } = this.page;
    if (!root.isConnected || root.hidden || !this.session.desk) return;
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    const target = event.composedPath()[0];
    // A button that has the focus would be pressed again and again.
    if (event.repeat && event.key === "Enter" && root.contains(target)) event.preventDefault();
    closeConnectionErrors();
    if (isEditable(target) || isCovered()) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const found = this.keys.get(key) ?? (key === "Escape" ? ["escape"] : null);
    if (!found || (event.shiftKey && /^[a-z]$/.test(key))) return;
    const owners = key === "Enter" || key === " " ? PRESSED : key.startsWith("Arrow") ? MOVED : null;
    if (owners && target?.closest?.(owners)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (event.repeat) return; // a held key says it once
    this.#act(found, event.timeStamp);
  }

  #click(event) {
    const button = event.composedPath().find((one) => one.dataset?.act);
    if (!button) return;
    const found = button.dataset.act.split(":");
    // A double click lands on the next spectrum; it means one answer.
    if (event.detail > 1 && ACTS.has(found[0])) {
      this.page.say("A double click counts once.");
      return;
    }
    this.#act([found[0], found.slice(1).join(":")], event.timeStamp);
    if (event.detail > 0 && found[0] !== "note") button.blur(); // Enter goes on to mean "confirm"
  }

  #typing(event) {
    event.stopPropagation();
    if (event.key === "Enter" || event.key === "Escape") {
      event.preventDefault();
      if (event.key === "Escape") this.page.note.value = this.session.own(this.session.current)?.note ?? "";
      this.#saveNote();
      this.page.note.blur();
    }
  }

  // A note on a spectrum that has been answered is stored at once, one on a new one with its answer.
  #saveNote() {
    const { session, page } = this;
    const own = session.own(session.current);
    if (own?.answer && own.note !== page.note.value.trim()) {
      session.say([[session.current, own.answer]], null, page.note.value.trim());
      this.#acted();
    }
  }

  #act([name, value], at) {
    const { session, page } = this;
    if (this.grid.isOpen && this.grid.act(name, value, () => this.#acted(), () => this.show(true))) {
      this.show(false);
      return;
    }
    if (ACTS.has(name) && name !== "undo") {
      if (!session.shown) return;
      if (at < this.shownAt) {
        page.say("That came before this spectrum was shown: it was left out.");
        return;
      }
    }
    if (this.verbs[name]) this.verbs[name](value);
    else {
      this.sheet.set(name);
      this.draw();
    }
    this.send();
  }

  // What keys and buttons do; the others are ways to look at a spectrum.
  #verbs() {
    const { session, page, grid } = this;
    return {
      answer: (answer) => this.#say(answer),
      confirm: () => this.#confirm(),
      skip: () => {
        session.skip();
        this.show(true);
      },
      undo: () => {
        if (session.undo()) this.#acted();
        else page.say("There is nothing to undo.");
        this.show(true);
      },
      back: () => {
        if (!session.back()) page.say("This is the first one.");
        this.show(true);
      },
      next: () => {
        session.next();
        this.show(true);
      },
      note: () => page.note.focus(),
      blind: () => {
        this.isBlind = !this.isBlind;
        grid.isBlind = this.isBlind;
        this.show(false);
      },
      grid: () => {
        grid.toggle();
        this.show(false);
      },
      help: () => page.toggleHelp(),
      escape: () => page.toggleHelp(false),
      dismiss: () => {
        session.refused.clear();
        this.#status();
      },
    };
  }

  #confirm() {
    const { session, page } = this;
    if (session.shown.predicted && !this.#hides()) this.#say(session.desk.confirms[session.shown.predicted]);
    else page.say("What was predicted is hidden: say what you see.");
  }

  #say(answer) {
    const { session, page } = this;
    const seconds = Math.round(performance.now() - this.shownAt) / 1000;
    session.say([[session.current, answer]], seconds, page.note.value.trim());
    session.advance();
    this.#acted();
    this.show(true);
  }

  #acted() {
    this.actedAt = performance.now();
    this.send();
    this.#status();
  }

  #hides() {
    const { session } = this;
    return this.isBlind && session.answerOf(session.current) === null;
  }

  // Show the spectrum that is open; `isOther`: it is not the one that was shown before.
  show(isOther) {
    const { session, page } = this;
    if (isOther) page.note.value = session.own(session.current)?.note ?? "";
    page.describe(session, this.#hides(), this.isBlind);
    page.frame(this.grid.isOpen, this.grid.selected.size);
    this.draw();
    this.#status();
    page.root.dataset.identifier = session.shown ? session.current : "";
    if (isOther) {
      this.shownAt = performance.now();
      this.#rememberPlace();
    }
  }

  // A link to this spectrum, and the place to come back to after a reload.
  #rememberPlace() {
    clearTimeout(this.remembering);
    this.remembering = setTimeout(() => {
      const url = new URL(window.location.href);
      const { current } = this.session;
      if (!this.page.root.isConnected) return;
      if (current) url.searchParams.set("identifier", current);
      else url.searchParams.delete("identifier");
      if (url.href !== window.location.href) window.history.replaceState(window.history.state, "", url);
    }, 600);
  }

  draw() {
    if (this.grid.isOpen) this.grid.draw();
    else this.sheet.draw(this.session);
  }

  #status() {
    const { session } = this;
    const isWaiting = session.pending.size > 0 && performance.now() - this.actedAt > 1500;
    this.page.status(session, isWaiting);
  }
}

// Streamlit's word that the connection is gone covers the spectrum. The page says so itself, and
// goes on without the server.
function isConnectionError(dialog) {
  return dialog.querySelector("h2")?.textContent === "Connection error";
}

function closeConnectionErrors() {
  for (const dialog of document.querySelectorAll("[role=dialog]")) {
    if (isConnectionError(dialog)) dialog.querySelector("button[aria-label=Close]")?.click();
  }
}

// Keys belong to what lies over the page, but for that word, which takes a moment to fade.
function isCovered() {
  const over = [...document.querySelectorAll("[role=dialog], [data-baseweb=popover]")];
  return over.some((one) => !isConnectionError(one) && !one.querySelector("[role=dialog]"));
}

function isEditable(target) {
  return Boolean(
    target?.closest?.("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable=true]"),
  );
}
