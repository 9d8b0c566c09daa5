// The pictures of one spectrum, and the way that they are looked at, which stays from one to the next.

import { smooth, unpack } from "./packing.js";
import { draw, rowsOf } from "./picture.js";
import { rangeOf, rangeWithin, zoomed } from "./plot.js";

const ZOOM = 0.75;
const MOST_ZOOM = 12;
const AT_LINE = 20; // Å from a window's first line, where a visit that differs has to be seen
const MOST_NAMES = 2; // rows of names of lines over a whole spectrum
const HEIGHTS = { main: [235, 80], network: [150, 70], other: [150, 70] }; // px; each row more
const COMPARISONS = ["", "mean", "nearest"];

// In vacuum, Å.
function wavelengths({ start, end, n, isLog }) {
  const at = isLog ? (share) => start * (end / start) ** share : (share) => start + (end - start) * share;
  return Array.from({ length: n }, (_, i) => at(i / (n - 1)));
}

export class Sheet {
  constructor(page) {
    this.page = page;
    this.zoom = 0;
    this.isWhole = false;
    this.isSmooth = false;
    this.hasLines = true;
    this.hasVelocity = false;
    this.hasVisits = true;
    this.comparison = "";
    this.drawn = new WeakMap(); // unpacked arrays of each spectrum
  }

  readTheme(root) {
    const style = getComputedStyle(root);
    const value = (name, otherwise) => style.getPropertyValue(name).trim() || otherwise;
    this.theme = {
      text: value("--st-text-color", "#1b2730"),
      background: value("--st-background-color", "#fff"),
      border: value("--st-border-color", "#d5dde2"),
      font: value("--st-font", "sans-serif"),
      quiet: value("--quiet", "#5d6b75"),
      curve: value("--curve", "#0b5f8a"),
      band: value("--band", "rgb(58 143 191 / 25%)"),
      shade: value("--shade", "rgb(58 143 191 / 14%)"),
      bad: value("--bad", "rgb(204 121 167 / 35%)"),
      mark: value("--mark", "#9a6a00"),
      visit: value("--visit", "#8a959e"),
      compare: value("--compare", "#d55e00"),
    };
  }

  arrange(desk) {
    this.desk = desk;
    this.windows = desk.windows.map((one) => {
      const x = Float64Array.from(wavelengths(one));
      const ends = [x[0], x.at(-1)];
      const line = desk.lines.find((at) => at.wavelength >= ends[0] && at.wavelength <= ends[1]);
      const rest = line?.wavelength ?? null;
      return { x, ends, rest, centre: rest ?? (ends[0] + ends[1]) / 2, share: one.n };
    });
    this.means = Object.fromEntries(
      Object.entries(desk.means).map(([name, packed]) => [name, packed.map(unpack)]),
    );
    const rows = rowsOf(this.windows.length);
    for (const [name, [one, more]] of Object.entries(HEIGHTS)) {
      this.page[name].style.height = rows > 1 ? `${one + more * (rows - 1)}px` : "";
    }
  }

  set(action) {
    if (action === "zoom-in") this.zoom = Math.min(this.zoom + 1, MOST_ZOOM);
    if (action === "zoom-out") this.zoom = Math.max(this.zoom - 1, -MOST_ZOOM);
    if (action === "zoom-reset") this.zoom = 0;
    if (action === "view") this.isWhole = !this.isWhole;
    if (action === "smooth") this.isSmooth = !this.isSmooth;
    if (action === "lines") this.hasLines = !this.hasLines;
    if (action === "velocity") this.#toggleVelocity();
    if (action === "visits") this.hasVisits = !this.hasVisits;
    if (action === "overlay") {
      const place = COMPARISONS.indexOf(this.comparison) + 1;
      this.comparison = COMPARISONS[place % COMPARISONS.length];
    }
    const on = {
      view: this.isWhole, smooth: this.isSmooth, lines: this.hasLines, velocity: this.hasVelocity,
      visits: this.hasVisits, overlay: Boolean(this.comparison),
    };
    for (const [name, isOn] of Object.entries(on)) {
      this.page.tools.querySelector(`.act-${name}`)?.classList.toggle("is-on", isOn);
    }
  }

  #toggleVelocity() {
    this.hasVelocity = !this.hasVelocity;
    if (this.hasVelocity && !this.windows.some((one) => one.rest)) {
      this.page.say("No line lies in the window: there is nothing to count velocities from.");
    }
  }

  #unpack(shown) {
    let arrays = this.drawn.get(shown);
    if (!arrays) {
      arrays = {
        seen: shown.seen ? shown.seen.map(unpack) : this.windows.map(({ x }) => new Float64Array(x.length).fill(NaN)),
        seenVisits: shown.seen_visits.map((windows) => windows.map(unpack)),
        visits: shown.visits.filter((one) => one.windows).map((one) => one.windows.map(unpack)),
        nearest: shown.nearest?.windows.map(unpack),
        raw: shown.raw?.map((one) => ({
          x: unpack(one.x), y: unpack(one.y), sigma: one.sigma && unpack(one.sigma), bad: one.bad,
        })),
        whole: shown.whole && { x: unpack(shown.whole.x), y: unpack(shown.whole.y) },
      };
      this.drawn.set(shown, arrays);
    }
    return arrays;
  }

  draw(session) {
    const { shown } = session;
    if (!shown || !this.theme) return;
    this.set(""); // the state of the toggles
    const arrays = this.#unpack(shown);
    const { page, theme } = this;
    const hasFile = Boolean(arrays.raw);
    page.missing.textContent = shown.trouble;
    page.missing.hidden = !shown.trouble;
    page.other.hidden = !hasFile;
    // Whole pixels: a canvas that is stretched by a fraction of one is blurred.
    const half = `${Math.floor((page.main.parentElement.clientWidth - 6) / 2)}px`;
    for (const canvas of [page.network, page.other]) canvas.style.width = half;
    const raw = hasFile ? this.#raw(arrays) : null;
    const whole = hasFile ? this.#whole(arrays) : null;
    const network = this.#network(arrays, shown, hasFile ? 0 : this.zoom);
    if (!hasFile) {
      draw(page.main, network, theme);
      page.network.hidden = true;
      return;
    }
    page.network.hidden = false;
    draw(page.main, this.isWhole ? whole : raw, theme);
    draw(page.network, network, theme);
    draw(page.other, this.isWhole ? raw : whole, theme);
  }

  // Other visits in one window, in the unit of this spectrum and at the level of its continuum.
  #visits(arrays, place) {
    if (!this.hasVisits) return [];
    return arrays.visits.map((windows, i) => ({
      x: this.windows[place].x, y: windows[place], colour: this.theme.visit, width: 1,
      name: i ? "" : "other visits, scaled by continuum",
    }));
  }

  // Curves to compare with that have no other unit than the network's.
  #comparisons(arrays, shown, place) {
    const { theme } = this;
    const { x } = this.windows[place];
    const found = [];
    if (this.comparison === "mean") {
      // While the prediction is hidden its class must not show through: then all classes are drawn.
      Object.entries(this.means).forEach(([name, windows], i) => {
        found.push({
          x, y: windows[place], colour: this.desk.colours[name], width: 1.4,
          dash: [[6, 3], [2, 3], [9, 3, 2, 3]][i % 3], name: `mean ${name}`,
        });
      });
    }
    if (this.comparison === "nearest" && arrays.nearest) {
      found.push({
        x, y: arrays.nearest[place], colour: theme.compare, width: 1.4, dash: [6, 3],
        name: `nearest labelled: ${shown.nearest.label}`,
      });
    }
    return found;
  }

  // Room for what lies over a spectrum, where it differs at the line: up to the picture's own height
  // on each side, so that a cosmic ray cannot flatten it.
  #room([low, high], overlays, { centre }) {
    let [least, most] = [low, high];
    for (const { x, y } of overlays) {
      for (let i = 0; i < x.length; i++) {
        if (Math.abs(x[i] - centre) > AT_LINE || !Number.isFinite(y[i])) continue;
        least = Math.min(least, y[i]);
        most = Math.max(most, y[i]);
      }
    }
    return [Math.max(least, 2 * low - high), Math.min(most, 2 * high - low)];
  }

  #range(zoom, { ends, centre }, x) {
    return zoomed(ends, ZOOM ** zoom, centre, x.length ? [x[0], x.at(-1)] : ends);
  }

  #raw(arrays) {
    const { theme } = this;
    const panels = this.windows.map((window, place) => {
      const { x, y, sigma, bad } = arrays.raw[place];
      const xRange = this.#range(this.zoom, window, x);
      const visits = this.#visits(arrays, place);
      return {
        xRange,
        yRange: this.#room(rangeWithin(x, y, xRange), visits, window),
        velocityOf: this.hasVelocity ? window.rest : null,
        band: sigma && { x, low: y.map((v, i) => v - sigma[i]), high: y.map((v, i) => v + sigma[i]) },
        bad: bad.map((i) => x[i]),
        curves: [...visits, { x, y: this.isSmooth ? smooth(y) : y, colour: theme.curve, width: 1.5 }],
        lines: this.hasLines ? this.desk.lines : [],
        share: window.share,
      };
    });
    return { title: `${this.#noun}, as in the file`, panels };
  }

  get #noun() {
    return this.windows.length > 1 ? "Windows" : "Window";
  }

  #whole({ whole }) {
    const xRange = [whole.x[0], whole.x.at(-1)];
    const panel = {
      xRange,
      yRange: rangeWithin(whole.x, whole.y, xRange, 0.004),
      curves: [{ ...whole, y: this.isSmooth ? smooth(whole.y) : whole.y, colour: this.theme.curve, width: 1 }],
      lines: this.hasLines ? this.desk.lines : [],
      mostNames: MOST_NAMES,
      shades: this.windows.map((one) => one.ends),
      share: 1,
    };
    return { title: "Whole spectrum", panels: [panel] };
  }

  #network(arrays, shown, zoom) {
    const range = rangeOf(arrays.seen, 0.05);
    const panels = this.windows.map((window, place) => {
      const seen = arrays.seen[place];
      const overlays = [
        ...this.#visits(arrays, place)
          .slice(0, arrays.seenVisits.length)
          .map((one, i) => ({ ...one, y: arrays.seenVisits[i][place] })),
        ...this.#comparisons(arrays, shown, place),
      ];
      return {
        xRange: this.#range(Math.max(0, zoom), window, window.x),
        yRange: this.#room(range, overlays, window),
        velocityOf: this.hasVelocity ? window.rest : null,
        curves: [
          ...overlays,
          { x: window.x, y: this.isSmooth ? smooth(seen) : seen, colour: this.theme.curve, width: 1.5 },
        ],
        lines: this.hasLines ? this.desk.lines : [],
        hasNames: false,
        share: window.share,
      };
    });
    const yRange = [
      Math.min(...panels.map((one) => one.yRange[0])), Math.max(...panels.map((one) => one.yRange[1])),
    ];
    return {
      title: "As the network sees it",
      hasOneScale: true,
      panels: panels.map((one) => ({ ...one, yRange })),
    };
  }

  // A small picture of one spectrum for the grid.
  thumbnail(canvas, shown) {
    const { seen } = this.#unpack(shown);
    const yRange = rangeOf(seen, 0.075);
    const panels = this.windows.map(({ x, ends, centre, rest, share }, place) => ({
      xRange: ends, yRange, share,
      curves: [{ x, y: seen[place], colour: this.theme.curve, width: 1.2 }],
      lines: this.hasLines && rest ? [{ wavelength: centre }] : [],
    }));
    draw(canvas, { bare: true, hasOneScale: true, panels }, this.theme);
  }
}
