// The pictures of one spectrum, and the way that they are looked at, which stays from one to the next.

import { smooth, unpack } from "./packing.js";
import { draw, rangeOf, rangeWithin, zoomed } from "./plot.js";

const ZOOM = 0.75;
const MOST_ZOOM = 12;
const AT_LINE = 20; // Å from the first line, where a visit that differs has to be seen
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
      bad: value("--bad", "rgb(204 121 167 / 35%)"),
      mark: value("--mark", "#9a6a00"),
      visit: value("--visit", "#8a959e"),
      compare: value("--compare", "#d55e00"),
    };
  }

  arrange(desk) {
    this.desk = desk;
    this.grid = Float64Array.from(desk.windows.flatMap(wavelengths));
    this.ends = [this.grid[0], this.grid.at(-1)];
    this.means = Object.fromEntries(
      Object.entries(desk.means).map(([name, packed]) => [name, unpack(packed)]),
    );
    this.rest = desk.lines[0]?.wavelength ?? (this.ends[0] + this.ends[1]) / 2;
  }

  set(action) {
    if (action === "zoom-in") this.zoom = Math.min(this.zoom + 1, MOST_ZOOM);
    if (action === "zoom-out") this.zoom = Math.max(this.zoom - 1, -MOST_ZOOM);
    if (action === "zoom-reset") this.zoom = 0;
    if (action === "view") this.isWhole = !this.isWhole;
    if (action === "smooth") this.isSmooth = !this.isSmooth;
    if (action === "lines") this.hasLines = !this.hasLines;
    if (action === "velocity") this.hasVelocity = !this.hasVelocity;
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

  #unpack(shown) {
    let arrays = this.drawn.get(shown);
    if (!arrays) {
      arrays = {
        seen: shown.seen ? unpack(shown.seen) : new Float64Array(this.grid.length).fill(NaN),
        seenVisits: shown.seen_visits.map(unpack),
        visits: shown.visits.filter((one) => one.window).map((one) => unpack(one.window)),
        nearest: shown.nearest && unpack(shown.nearest.window),
        raw: shown.raw && {
          x: unpack(shown.raw.x),
          y: unpack(shown.raw.y),
          sigma: shown.raw.sigma && unpack(shown.raw.sigma),
        },
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
    const visits = this.#visits(arrays);
    const raw = hasFile ? this.#raw(shown, arrays, visits) : null;
    const whole = hasFile ? this.#whole(arrays) : null;
    const overlays = [
      ...visits.slice(0, arrays.seenVisits.length).map((one, i) => ({ ...one, y: arrays.seenVisits[i] })),
      ...this.#comparisons(arrays, shown),
    ];
    const network = this.#network(arrays, overlays, hasFile ? 0 : this.zoom);
    network.yRange = this.#room(network.yRange, overlays);
    if (raw) raw.yRange = this.#room(raw.yRange, visits);
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

  // Other visits, in the unit of this spectrum and at the level of its continuum.
  #visits(arrays) {
    if (!this.hasVisits) return [];
    return arrays.visits.map((y, i) => ({
      x: this.grid, y, colour: this.theme.visit, width: 1, name: i ? "" : "other visits, scaled by continuum",
    }));
  }

  // Curves to compare with that have no other unit than the network's.
  #comparisons(arrays, shown) {
    const { theme } = this;
    const found = [];
    if (this.comparison === "mean") {
      // While the prediction is hidden its class must not show through: then all classes are drawn.
      Object.entries(this.means).forEach(([name, y], i) => {
        found.push({
          x: this.grid, y, colour: this.desk.colours[name], width: 1.4,
          dash: [[6, 3], [2, 3], [9, 3, 2, 3]][i % 3], name: `mean ${name}`,
        });
      });
    }
    if (this.comparison === "nearest" && arrays.nearest) {
      found.push({
        x: this.grid, y: arrays.nearest, colour: theme.compare, width: 1.4, dash: [6, 3],
        name: `nearest labelled: ${shown.nearest.label}`,
      });
    }
    return found;
  }

  // Room for what lies over a spectrum, where it differs at the line: up to the picture's own height
  // on each side, so that a cosmic ray cannot flatten it.
  #room([low, high], overlays) {
    let [least, most] = [low, high];
    for (const { x, y } of overlays) {
      for (let i = 0; i < x.length; i++) {
        if (Math.abs(x[i] - this.rest) > AT_LINE || !Number.isFinite(y[i])) continue;
        least = Math.min(least, y[i]);
        most = Math.max(most, y[i]);
      }
    }
    return [Math.max(least, 2 * low - high), Math.min(most, 2 * high - low)];
  }

  #range(zoom, x = this.grid) {
    return zoomed(this.ends, ZOOM ** zoom, this.rest, [x[0], x.at(-1)]);
  }

  #raw(shown, arrays, visits) {
    const { theme } = this;
    const { x, y, sigma } = arrays.raw;
    const xRange = this.#range(this.zoom, x);
    const curve = this.isSmooth ? smooth(y) : y;
    return {
      title: "Window, as in the file",
      xRange,
      yRange: rangeWithin(x, y, xRange),
      velocityOf: this.hasVelocity ? this.rest : null,
      band: sigma && { x, low: y.map((v, i) => v - sigma[i]), high: y.map((v, i) => v + sigma[i]) },
      bad: shown.raw.bad.map((i) => x[i]),
      curves: [...visits, { x, y: curve, colour: theme.curve, width: 1.5 }],
      lines: this.hasLines ? this.desk.lines : [],
    };
  }

  #whole({ whole }) {
    const xRange = [whole.x[0], whole.x.at(-1)];
    return {
      title: "Whole spectrum",
      xRange,
      yRange: rangeWithin(whole.x, whole.y, xRange, 0.004),
      curves: [{ ...whole, y: this.isSmooth ? smooth(whole.y) : whole.y, colour: this.theme.curve, width: 1 }],
      lines: this.hasLines ? this.desk.lines.slice(0, 1) : [],
    };
  }

  #network(arrays, overlays, zoom) {
    return {
      title: "As the network sees it",
      xRange: this.#range(Math.max(0, zoom)),
      yRange: rangeOf(arrays.seen, 0.05),
      velocityOf: this.hasVelocity ? this.rest : null,
      curves: [
        ...overlays,
        { x: this.grid, y: this.isSmooth ? smooth(arrays.seen) : arrays.seen, colour: this.theme.curve, width: 1.5 },
      ],
      lines: this.hasLines ? this.desk.lines : [],
      hasNames: false,
    };
  }

  // A small picture of one spectrum for the grid.
  thumbnail(canvas, shown) {
    const { seen } = this.#unpack(shown);
    draw(
      canvas,
      {
        bare: true, xRange: this.#range(0), yRange: rangeOf(seen, 0.075),
        curves: [{ x: this.grid, y: seen, colour: this.theme.curve, width: 1.2 }],
        lines: this.hasLines ? this.desk.lines.slice(0, 1) : [],
      },
      this.theme,
    );
  }
}
