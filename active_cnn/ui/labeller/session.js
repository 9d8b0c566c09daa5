// What one person judges in this tab: which spectrum is open, what was said of it, what is unsaved.
// It knows neither the page nor the network.

import { drop, keep, waiting } from "./outbox.js";

const AHEAD = 36;
// Below these the server is asked for more: at once, or when nothing waits to be stored.
const URGENT = 10;
const STOCK = 28;
const FEW = 20; // left to do: half of what one person claims at most (campaign/labelling.py)
const ROOM = 12;
const REFILL = 6; // few at once: while the server makes them, others wait
const MOST_ACTS = 500; // in one message; the rest follows
const MOST_HELD = 120; // spectra in memory
const act = (event) => event.slice(0, event.lastIndexOf("."));

export class Session {
  constructor() {
    this.client = crypto.getRandomValues(new Uint32Array(3)).join("-");
    this.nActs = 0;
    this.desk = null;
    this.deskId = "";
    this.work = [];
    this.nDone = 0;
    this.nAsked = 0;
    this.spectra = new Map();
    this.log = []; // own acts, the stored ones first; an act is there once
    this.known = new Set();
    this.pending = new Map(); // acts that are not known to be stored
    this.refused = new Map();
    this.held = new Map(); // acts of somebody else that wait in this browser
    this.last = 0;
    this.deferred = new Set();
    this.trail = [];
    this.current = null;
    this.wanted = null;
    this.proposed = null; // what was opened without being asked for, until somebody moves
    this.trouble = "";
    this.isHeard = false; // whether the server has answered this page, not one before it
  }

  // What the server is told.
  message() {
    return {
      desk: this.deskId,
      events: [...this.pending.values()].slice(0, MOST_ACTS),
      have: [...this.spectra.keys()],
      want: this.wanted && !this.spectra.has(this.wanted) ? [this.wanted] : [],
      deferred: [...this.deferred],
      last: this.last,
      // With any room the server says what comes next, without it gives a receipt alone.
      room: this.#room() || Number(this.work.length <= FEW),
    };
  }

  // How many spectra to ask for: what is to be stored goes first, as long as enough lie ready.
  #room() {
    const next = this.work.slice(0, AHEAD);
    const lacking = next.filter((name) => !this.spectra.has(name)).length;
    if (!this.desk) return ROOM;
    const ready = next.length - lacking;
    if (ready < URGENT) return Math.min(lacking, ROOM);
    return !this.pending.size && ready < STOCK ? Math.min(lacking, REFILL) : 0;
  }

  // Whether others hold what is still to be judged: it may come free.
  get waitsForOthers() {
    return !this.work.length && this.nDone < this.nAsked;
  }

  // Whether the server has something to hear or to give.
  needsServer() {
    // What a page is opened with may be older than what waited in this browser and was stored since.
    if (this.pending.size || !this.desk || !this.isHeard) return true;
    if (this.wanted && !this.spectra.has(this.wanted)) return true;
    return this.#room() > 0;
  }

  take(reply) {
    this.trouble = reply.trouble ?? "";
    // An answer to what a page said that stood here before means nothing to this one.
    if (!reply.deskId || (!reply.desk && reply.deskId !== this.deskId)) return;
    if (reply.desk) this.#open(reply.desk);
    this.deskId = reply.deskId;
    for (const event of reply.received) this.#settle(event);
    for (const [event, reason] of Object.entries(reply.refused)) this.#refuse(event, reason);
    for (const [event, oracle] of Object.entries(reply.held)) {
      this.held.set(event, oracle);
      this.pending.delete(event);
    }
    if (reply.desk) {
      // The whole history of this desk follows; that of another one means nothing here.
      this.log = [...this.pending.values()];
      this.known = new Set(this.pending.keys());
    }
    for (const one of reply.history) {
      this.last = Math.max(this.last, one.sequence);
      if (!this.known.has(one.event)) this.#note(one);
    }
    for (const { sheet, told } of reply.spectra) {
      this.spectra.delete(sheet.identifier);
      this.spectra.set(sheet.identifier, { ...sheet, ...told });
    }
    if (reply.work) {
      this.work = reply.work;
      this.nDone = reply.nDone;
    } else {
      // A receipt alone: what was stored is done, for all that this page knows.
      const unsaved = this.#unsaved;
      const open = this.work.filter((name) => this.#isOpen(name) || unsaved.has(name));
      this.nDone += this.work.length - open.length;
      this.work = open;
    }
    this.nAsked = reply.nAsked;
    this.#forget();
    if (reply.unknown.includes(this.current)) this.current = null;
    if (reply.unknown.includes(this.wanted)) this.wanted = null;
    if (this.wanted && this.spectra.has(this.wanted)) {
      this.current = this.wanted;
      this.wanted = null;
    }
    if (this.current && !this.shown) this.wanted = this.current;
    const isOutdated = !this.isHeard && this.proposed && !this.#isOpen(this.proposed);
    if (isOutdated || (!this.current && !this.wanted)) {
      this.#go(this.#following());
      this.proposed = this.current ?? this.wanted;
    }
  }

  #open(desk) {
    const isOther = this.desk?.place !== desk.place || this.desk?.oracle !== desk.oracle;
    this.desk = desk;
    this.spectra.clear(); // what may be shown of them can be another thing now
    this.last = 0;
    if (!isOther) return;
    this.pending.clear();
    this.held.clear();
    this.deferred.clear();
    this.trail = [];
    this.current = null;
    this.wanted = null;
    for (const one of waiting(desk.place)) {
      if (one.oracle === desk.oracle) this.pending.set(one.event, one);
      else this.held.set(one.event, one.oracle);
    }
  }

  #note(one) {
    // A stored act comes before all that waits.
    const place = this.log.findIndex((other) => this.pending.has(other.event));
    this.log.splice(place < 0 ? this.log.length : place, 0, one);
    this.known.add(one.event);
  }

  #add(one) {
    this.log.push(one);
    this.known.add(one.event);
    this.pending.set(one.event, one);
  }

  #settle(event) {
    const one = this.pending.get(event);
    this.pending.delete(event);
    drop(this.desk.place, event);
    // Now that it is said, what others said of it may be seen.
    if (one && this.desk.isBlind && one.identifier !== this.current) {
      this.spectra.delete(one.identifier);
    }
  }

  #refuse(event, reason) {
    this.pending.delete(event);
    this.log = this.log.filter((one) => one.event !== event);
    this.refused.set(event, reason);
    drop(this.desk.place, event);
  }

  #forget() {
    const needed = new Set([...this.work.slice(0, 2 * AHEAD), this.current, this.wanted]);
    for (const name of this.spectra.keys()) {
      if (this.spectra.size <= MOST_HELD) return;
      if (!needed.has(name)) this.spectra.delete(name);
    }
  }

  get shown() {
    return this.spectra.get(this.current) ?? null;
  }

  // The latest own act on a spectrum, or undefined.
  own(identifier) {
    return this.log.findLast((one) => one.identifier === identifier);
  }

  answerOf(identifier) {
    return this.own(identifier)?.answer ?? null;
  }

  #isOpen(identifier) {
    return this.answerOf(identifier) === null;
  }

  // Spectra whose answer waits to be stored.
  get #unsaved() {
    const acts = [...this.pending.values()].filter((one) => one.answer);
    return new Set(acts.map((one) => one.identifier));
  }

  get nDoneHere() {
    const unsaved = this.#unsaved;
    const counted = this.work.filter((name) => unsaved.has(name)).length;
    return Math.min(this.nAsked, this.nDone + counted);
  }

  // Say the same of some spectra, in one act.
  say(answers, seconds, note = null) {
    const name = `${this.client}.${++this.nActs}`;
    answers.forEach(([identifier, answer], order) => {
      const before = this.own(identifier);
      this.#record({
        event: `${name}.${order}`,
        query: this.spectra.get(identifier).query,
        identifier,
        answer,
        note: note ?? before?.note ?? "",
        seconds,
        undoes: null,
        oracle: this.desk.oracle,
        order,
      });
      this.deferred.delete(identifier);
    });
  }

  #record(one) {
    one.done = Date.now();
    keep(this.desk.place, one);
    this.#add(one);
  }

  // Acts that can still be undone, each a list of what was said, the latest last.
  #undoable() {
    const acts = new Map();
    for (const one of this.log) {
      if (one.undoes) {
        const undone = acts.get(act(one.undoes));
        undone?.delete(one.undoes);
        if (undone && !undone.size) acts.delete(act(one.undoes));
      } else {
        if (!acts.has(act(one.event))) acts.set(act(one.event), new Map());
        acts.get(act(one.event)).set(one.event, one);
      }
    }
    return [...acts.values()].map((said) => [...said.values()]);
  }

  // Take the latest act back and open its first spectrum; null if there is none.
  undo() {
    const said = this.#undoable().at(-1);
    if (!said) return null;
    const name = `${this.client}.${++this.nActs}`;
    said.forEach((one, order) => {
      const before = this.#before(one);
      this.#record({
        event: `${name}.${order}`,
        query: one.query,
        identifier: one.identifier,
        answer: before?.answer ?? null,
        note: before?.note ?? "",
        seconds: null,
        undoes: one.event,
        oracle: this.desk.oracle,
        order,
      });
    });
    const reopened = said.map((one) => one.identifier).filter((name) => this.#isOpen(name));
    this.#reopen(reopened.filter((name) => !this.work.includes(name)));
    // As if it had not been said: back leads to what was open before it.
    const { identifier } = said[0];
    this.trail = this.trail.slice(0, this.trail.lastIndexOf(identifier) + 1 || undefined);
    if (this.trail.at(-1) === identifier) this.trail.pop();
    this.#go(identifier);
    return said;
  }

  // What was done is to be done again; the server says later where it stands.
  #reopen(names) {
    this.work = [...names, ...this.work];
    this.nDone = Math.max(0, this.nDone - names.length);
  }

  // What was said of the spectrum before an act that is to be undone.
  #before(one) {
    const undone = new Set(this.log.map((other) => other.undoes));
    const earlier = this.log.slice(0, this.log.indexOf(one));
    return earlier.findLast(
      (other) =>
        other.identifier === one.identifier && !other.undoes && !undone.has(other.event),
    );
  }

  #following() {
    const open = this.work.filter((name) => name !== this.current && this.#isOpen(name));
    const next = open.find((name) => !this.deferred.has(name)) ?? open[0];
    if (next) return next;
    return this.current && this.work.includes(this.current) && this.#isOpen(this.current)
      ? this.current
      : null;
  }

  #go(identifier) {
    this.wanted = null;
    this.proposed = null;
    if (identifier === null || this.spectra.has(identifier)) this.current = identifier;
    else {
      this.current = null;
      this.wanted = identifier;
    }
  }

  #step(identifier) {
    if (this.current && this.current !== identifier) this.trail.push(this.current);
    this.#go(identifier);
  }

  open(identifier) {
    this.#step(identifier);
  }

  advance() {
    this.#step(this.#following());
  }

  skip() {
    if (this.current) this.deferred.add(this.current);
    if (this.work.every((name) => this.deferred.has(name) || !this.#isOpen(name))) {
      // Only what was put off is left: now it comes back.
      this.deferred = new Set(this.current ? [this.current] : []);
    }
    this.advance();
  }

  next() {
    const here = this.work.indexOf(this.current);
    const after = this.work.slice(here + 1).find((name) => this.#isOpen(name));
    this.#step(after ?? this.#following());
  }

  back() {
    const before = this.trail.pop() ?? this.#saidBefore();
    if (before) this.#go(before);
    return Boolean(before);
  }

  #saidBefore() {
    const here = this.log.findLastIndex((one) => one.identifier === this.current);
    const earlier = here < 0 ? this.log : this.log.slice(0, here);
    return earlier.findLast((one) => one.identifier !== this.current)?.identifier ?? null;
  }
}
