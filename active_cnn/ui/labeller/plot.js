// One panel of spectra: curves, uncertainty, bad pixels, line marks, axes. No state is kept.

const LIGHT_SPEED = 299792.458; // km/s
const NARROW = 50; // px: names of lines would fill the panel

function ticks(low, high, most) {
  const rough = (high - low) / Math.max(most, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const steps = [10, 5, 2, 1, 0.5].map((factor) => factor * power);
  // A single tick is no scale: then there are more of them.
  const tells = (step) => Math.floor(high / step) - Math.ceil(low / step) > 0;
  const step = steps.findLast((one) => one >= rough && tells(one)) ?? steps.find(tells) ?? steps.at(-1);
  const first = Math.ceil(low / step);
  const found = [];
  // Counted from the first: where values are many times their range, one more changes no number.
  for (let i = 0; i <= Math.max(most, 2) + 1 && (first + i) * step <= high + 1e-9 * step; i++) found.push((first + i) * step);
  return found;
}

// Velocities over a wide window come to 200000 km/s, counts to more; beyond the margin's width a power
// of ten is told, with as many digits as tell one tick from the next.
function label(value, step) {
  const size = Math.abs(value);
  if (size === 0) return "0";
  const power = Math.floor(Math.log10(step) + 1e-9);
  if (size >= 1e6 || size < 1e-3) {
    const digits = Math.max(1, Math.min(6, Math.floor(Math.log10(size)) - power));
    return value.toExponential(digits).replaceAll("-", "−").replace("e+", "e");
  }
  return value.toFixed(Math.max(0, Math.min(6, -power))).replace("-", "−");
}

// From the least to the greatest value of all windows, and so much of that on both sides; of nothing,
// as of −1 to 1.
export function rangeOf(windows, room) {
  let [low, high] = [Infinity, -Infinity];
  for (const values of windows) {
    for (const value of values) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  if (!(low < high)) [low, high] = [-1, 1];
  return [low - room * (high - low), high + room * (high - low)];
}

// Range of the values whose x is shown; a share of the extremes may be cut off as spikes.
export function rangeWithin(x, y, [from, to], cut = 0) {
  const shown = [];
  for (let i = 0; i < x.length; i++) {
    if (x[i] >= from && x[i] <= to && Number.isFinite(y[i])) shown.push(y[i]);
  }
  if (!shown.length) return [0, 1];
  shown.sort((a, b) => a - b);
  const low = shown[Math.floor(cut * (shown.length - 1))];
  const high = shown[Math.ceil((1 - cut) * (shown.length - 1))];
  const room = 0.06 * (high - low) || 0.06 * Math.abs(high) || 1;
  return [low - room, high + room];
}

// Range that is seen: zoomed in about a line, but not beyond what there is, where that is near an end.
export function zoomed([start, end], factor, line, [first, last]) {
  const half = ((end - start) / 2) * factor;
  if (factor === 1) return [start, end];
  const [low, high] = [Math.min(start, first), Math.max(end, last)];
  const middle = factor > 1 ? (start + end) / 2 : Math.max(low + half, Math.min(line, high - half));
  return [middle - half, middle + half];
}

// Draw what a panel holds into a box of a canvas; `box.row.end` is where labels of its axis end so far.
export function drawPanel(pen, panel, theme, box) {
  const [x0, x1] = panel.xRange;
  const [y0, y1] = panel.yRange;
  const toX = (value) => box.x + ((value - x0) / (x1 - x0)) * box.width;
  const toY = (value) => box.y + box.height - ((value - y0) / (y1 - y0)) * box.height;

  if (!panel.bare) axes(pen, panel, theme, box, toX, toY);
  pen.save();
  pen.beginPath();
  pen.rect(box.x, box.y, box.width, box.height);
  pen.clip();
  for (const [start, end] of panel.shades ?? []) {
    pen.fillStyle = theme.shade;
    pen.fillRect(toX(start), box.y, Math.max(toX(end) - toX(start), 2), box.height);
  }
  if (panel.band) band(pen, panel.band, theme, toX, toY);
  for (const place of panel.bad ?? []) {
    pen.fillStyle = theme.bad;
    pen.fillRect(toX(place) - 1.5, box.y, 3, box.height);
  }
  for (const curve of panel.curves) stroke(pen, curve, toX, toY);
  pen.restore();
  marks(pen, panel, theme, box, toX);
  if (box.labels === "inside") labelInside(pen, panel, theme, box, toY);
}

function axes(pen, panel, theme, box, toX, toY) {
  pen.font = `11px ${theme.font}`;
  pen.strokeStyle = theme.border;
  pen.fillStyle = theme.text;
  pen.lineWidth = 1;
  pen.strokeRect(box.x + 0.5, box.y + 0.5, box.width, box.height);
  if (box.labels === "outside") {
    const yTicks = ticks(...panel.yRange, box.height / 38);
    pen.textAlign = "right";
    pen.textBaseline = "middle";
    for (const value of yTicks) {
      pen.fillText(label(value, yTicks[1] - yTicks[0] || 1), box.x - 5, toY(value));
    }
  }
  pen.textAlign = "center";
  pen.textBaseline = "top";
  const [x0, x1] = panel.xRange;
  const rest = panel.velocityOf;
  const toAxis = (value) => (rest ? (LIGHT_SPEED * (value - rest)) / rest : value);
  const fromAxis = (value) => (rest ? rest * (1 + value / LIGHT_SPEED) : value);
  const xTicks = ticks(toAxis(x0), toAxis(x1), box.width / 75);
  for (const value of xTicks) {
    const place = toX(fromAxis(value));
    pen.beginPath();
    pen.moveTo(place, box.y + box.height);
    pen.lineTo(place, box.y + box.height + 4);
    pen.stroke();
    const text = label(value, xTicks[1] - xTicks[0] || 1);
    const half = pen.measureText(text).width / 2;
    if (place - half < box.row.end) continue; // over a label of the panel before it
    pen.fillText(text, place, box.y + box.height + 5);
    box.row.end = place + half + 3;
  }
  pen.font = `11px ${theme.font}`;
  pen.textAlign = "right";
  pen.textBaseline = "bottom";
  pen.fillStyle = theme.quiet;
  pen.fillText(box.ownUnit, box.x + box.width - 4, box.y + box.height - 3);
  pen.fillText(box.unit, box.x + box.width, box.y + box.height + 29);
}

// Where panels are too narrow for labels beside each: over its curves, on a ground of their own.
function labelInside(pen, panel, theme, box, toY) {
  const yTicks = ticks(...panel.yRange, box.height / 60);
  pen.font = `10px ${theme.font}`;
  pen.textAlign = "left";
  pen.textBaseline = "middle";
  pen.strokeStyle = theme.background;
  pen.fillStyle = theme.quiet;
  pen.lineWidth = 3;
  for (const value of yTicks) {
    const at = Math.max(box.y + 6, Math.min(box.y + box.height - 6, toY(value)));
    const text = label(value, yTicks[1] - yTicks[0] || 1);
    pen.strokeText(text, box.x + 3, at);
    pen.fillText(text, box.x + 3, at);
  }
}

function band(pen, { x, low, high }, theme, toX, toY) {
  pen.fillStyle = theme.band;
  for (let start = 0; start < x.length; start++) {
    if (!Number.isFinite(low[start])) continue;
    let end = start;
    while (end + 1 < x.length && Number.isFinite(low[end + 1])) end++;
    pen.beginPath();
    for (let i = start; i <= end; i++) pen.lineTo(toX(x[i]), toY(low[i]));
    for (let i = end; i >= start; i--) pen.lineTo(toX(x[i]), toY(high[i]));
    pen.fill();
    start = end;
  }
}

function stroke(pen, { x, y, colour, width, dash }, toX, toY) {
  pen.strokeStyle = colour;
  pen.lineWidth = width ?? 1.4;
  pen.lineJoin = "round";
  pen.setLineDash(dash ?? []);
  pen.beginPath();
  let isDown = false;
  for (let i = 0; i < x.length; i++) {
    if (!Number.isFinite(y[i])) {
      isDown = false;
      continue;
    }
    if (isDown) pen.lineTo(toX(x[i]), toY(y[i]));
    else pen.moveTo(toX(x[i]), toY(y[i]));
    isDown = true;
  }
  pen.stroke();
  pen.setLineDash([]);
}

function marks(pen, panel, theme, box, toX) {
  const [x0, x1] = panel.xRange;
  const lines = (panel.lines ?? []).filter((one) => one.wavelength >= x0 && one.wavelength <= x1);
  const places = lines.map((one) => toX(one.wavelength));
  pen.font = `600 11px ${theme.font}`;
  pen.textAlign = "left";
  pen.textBaseline = "top";
  pen.strokeStyle = theme.mark;
  pen.fillStyle = theme.mark;
  const taken = []; // on each row of names, from where to where
  lines.forEach(({ name }, i) => {
    pen.setLineDash([4, 3]);
    pen.beginPath();
    pen.moveTo(places[i], box.y);
    pen.lineTo(places[i], box.y + box.height);
    pen.stroke();
    pen.setLineDash([]);
    if (panel.bare || panel.hasNames === false || box.width < NARROW) return;
    const { width } = pen.measureText(name);
    const left = besides(places[i], width, places, box);
    const isFree = (row) => row.every(([start, end]) => end + 6 < left || left + width + 6 < start);
    let row = taken.findIndex(isFree);
    if (row < 0 && taken.length === panel.mostNames) return;
    if (row < 0) row = taken.push([]) - 1;
    taken[row].push([left, left + width]);
    pen.fillText(name, left, box.y + 3 + 13 * row);
  });
}

// Where a name begins: right of its line, or left of it where another line or the end is too near.
function besides(place, width, places, { x, width: across }) {
  const next = Math.min(x + across, ...places.filter((other) => other > place));
  const before = Math.max(x, ...places.filter((other) => other < place));
  if (place + 4 + width <= next) return place + 4;
  if (place - 4 - width >= before) return place - 4 - width;
  return Math.min(place + 4, x + across - width - 2);
}
