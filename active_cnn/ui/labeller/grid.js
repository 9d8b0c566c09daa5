// Many small spectra at once: keys move, one key answers all that are selected.

import { element } from "./page.js";

const SIZES = [12, 20, 30];

export class Grid {
  constructor(page, session, sheet) {
    this.page = page;
    this.session = session;
    this.sheet = sheet;
    this.isOpen = false;
    this.isBlind = false;
    this.size = SIZES[0];
    this.names = [];
    this.place = 0;
    this.selected = new Set();
  }

  toggle(isOpen = !this.isOpen) {
    this.isOpen = isOpen;
    if (isOpen) this.turn();
  }

  // Fill the page of the grid with spectra that have not been answered.
  turn() {
    const { session } = this;
    const open = session.work.filter((name) => session.answerOf(name) === null);
    const [fresh, put] = [open.filter((n) => !session.deferred.has(n)), open.filter((n) => session.deferred.has(n))];
    this.names = [...fresh, ...put].slice(0, this.size);
    this.place = 0;
    this.selected.clear();
    this.tiles = null;
  }

  refresh() {
    if (!this.isOpen) return;
    if (!this.names.length) this.turn();
    if (this.names.length < this.size && !this.names.some((n) => this.session.answerOf(n) !== null)) {
      const more = this.session.work.filter((n) => !this.names.includes(n) && this.session.answerOf(n) === null);
      this.names.push(...more.slice(0, this.size - this.names.length));
      this.tiles = null;
    }
  }

  // Do what a key says; false if it means nothing here.
  act(name, value, acted, opened) {
    const { session } = this;
    const chosen = this.selected.size ? this.names.filter((n) => this.selected.has(n)) : this.names.slice(this.place, this.place + 1);
    const ready = chosen.filter((n) => session.spectra.has(n));
    switch (name) {
      case "answer":
        this.#say(ready.map((n) => [n, value]), acted);
        return true;
      case "confirm": {
        if (this.isBlind) {
          this.page.say("What was predicted is hidden: say what you see.");
          return true;
        }
        const shown = ready.filter((n) => session.spectra.get(n).predicted);
        this.#say(shown.map((n) => [n, session.desk.confirms[session.spectra.get(n).predicted]]), acted);
        return true;
      }
      case "undo":
        if (session.undo()) acted();
        else this.page.say("There is nothing to undo.");
        return true;
      case "select":
        this.#toggle(this.place);
        return true;
      case "tile":
        this.place = Number(value);
        this.#toggle(this.place);
        return true;
      case "all":
        if (this.selected.size) this.selected.clear();
        else this.names.forEach((n) => this.selected.add(n));
        return true;
      case "skip":
        this.names.filter((n) => session.answerOf(n) === null).forEach((n) => session.deferred.add(n));
        this.turn();
        return true;
      case "size":
        this.size = SIZES[(SIZES.indexOf(this.size) + 1) % SIZES.length];
        this.turn();
        return true;
      case "next": return this.#move(1);
      case "back": return this.#move(-1);
      case "zoom-in": return this.#move(-this.#columns());
      case "zoom-out": return this.#move(this.#columns());
      case "open":
        session.open(this.names[this.place]);
        this.toggle(false);
        opened();
        return true;
      case "grid":
      case "escape":
        if (name === "escape" && !this.page.help.hidden) return false;
        this.toggle(false);
        if (!session.current || session.answerOf(session.current) !== null) session.advance();
        opened();
        return true;
      default:
        return name === "note";
    }
  }

  #say(answers, acted) {
    if (!answers.length) return;
    this.session.say(answers, null);
    this.selected.clear();
    acted();
    const after = this.names.findIndex((n) => this.session.answerOf(n) === null);
    if (after >= 0) this.place = after;
    else this.turn();
  }

  #toggle(place) {
    const name = this.names[place];
    if (!this.selected.delete(name)) this.selected.add(name);
  }

  #columns() {
    const tops = (this.tiles ?? []).map((tile) => tile.offsetTop);
    return Math.max(1, tops.filter((top) => top === tops[0]).length);
  }

  #move(by) {
    this.place = Math.max(0, Math.min(this.names.length - 1, this.place + by));
    return true;
  }

  #build() {
    const head = element("div", "grid-head");
    const tool = (act, text) => {
      const made = element("button", "act", text);
      made.type = "button";
      made.dataset.act = act;
      return made;
    };
    head.append(
      tool("all", "Select all or none"), tool("size", `${this.size} at once`),
      tool("skip", "Others"), tool("open", "Open this one"), tool("grid", "One by one"),
    );
    this.tiles = this.names.map((name, i) => {
      const tile = element("div", "tile");
      tile.dataset.act = `tile:${i}`;
      tile.dataset.identifier = name;
      tile.append(element("canvas"), element("span", "tile-name", name), element("span", "tile-answer"));
      return tile;
    });
    const tiles = element("div", "tiles");
    tiles.append(...this.tiles);
    this.page.grid.replaceChildren(head, tiles);
  }

  draw() {
    if (!this.tiles) this.#build();
    const { session } = this;
    this.tiles.forEach((tile, i) => {
      const name = this.names[i];
      const shown = session.spectra.get(name);
      const answer = session.answerOf(name);
      tile.classList.toggle("is-here", i === this.place);
      tile.classList.toggle("is-selected", this.selected.has(name));
      tile.setAttribute("aria-selected", this.selected.has(name));
      tile.lastChild.textContent = answer ?? (shown?.predicted && !this.isBlind ? `predicted ${shown.predicted}` : "");
      tile.classList.toggle("is-answered", answer !== null);
      const colour = session.desk.classes.find((one) => one.name === answer)?.colour;
      tile.style.setProperty("--class", colour ?? "var(--st-border-color)");
      if (shown) this.sheet.thumbnail(tile.firstChild, shown);
    });
    this.page.grid.dataset.n = String(this.names.length);
  }
}
