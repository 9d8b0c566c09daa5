// Panels side by side on one canvas, each with axes of its own, under one title.

import { drawPanel } from "./plot.js";

const MARGIN = { left: 52, right: 10, top: 18, bottom: 30 };
const BARE = { left: 2, right: 2, top: 2, bottom: 2 };
const APART = { x: 9, y: 24, bare: 4 }; // px between panels
const NARROWEST = 85; // px of a panel that has the labels of its scale beside it
const MOST_IN_ROW = 4;
const LEAST_SHARE = 0.6; // of the width that a panel would have if all had the same

export const rowsOf = (n) => Math.ceil(n / MOST_IN_ROW);

export function draw(canvas, picture, theme) {
  const width = canvas.clientWidth;
  const height = canvas.clientHeight;
  if (!width || !height) return;
  const ratio = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.fillStyle = theme.background;
  pen.fillRect(0, 0, width, height);
  const boxes = layOut(picture, width, height);
  picture.panels.forEach((panel, i) => {
    drawPanel(pen, { ...panel, bare: picture.bare }, theme, boxes[i]);
    if (picture.bare && boxes.length > 1) frame(pen, boxes[i], theme);
  });
  if (!picture.bare) title(pen, picture, theme, boxes[0], width);
}

// Else one would not see where one window ends and the next begins.
function frame(pen, { x, y, width, height }, theme) {
  pen.strokeStyle = theme.border;
  pen.lineWidth = 1;
  pen.strokeRect(x, y, width, height);
}

// Where each panel lies, and which labels it has.
function layOut({ panels, bare, hasOneScale }, width, height) {
  const margin = bare ? BARE : MARGIN;
  const nRows = rowsOf(panels.length);
  const inRow = Math.ceil(panels.length / nRows);
  const between = bare ? APART.bare : APART.y;
  const tall = (height - margin.top - margin.bottom - between * (nRows - 1)) / nRows;
  const hasVelocity = panels.some((one) => one.velocityOf);
  const unit = hasVelocity ? "velocity (km/s)" : "wavelength in vacuum (Å)";
  const boxes = [];
  for (let start = 0; start < panels.length; start += inRow) {
    const own = panels.slice(start, start + inRow);
    const y = margin.top + (start / inRow) * (tall + between);
    const isLast = start + inRow >= panels.length;
    const row = { end: -Infinity };
    const places = spread(own, width, margin, bare, hasOneScale);
    places.forEach((place, i) => {
      const hasUnit = isLast && i === own.length - 1;
      const isOdd = hasVelocity && !own[i].velocityOf; // has wavelengths where others have not
      boxes.push({ ...place, y, height: tall, row, unit: hasUnit ? unit : "", ownUnit: isOdd ? "Å" : "" });
    });
  }
  return boxes;
}

// Share the width of a row among its panels.
function spread(panels, width, margin, bare, hasOneScale) {
  const n = panels.length;
  const all = panels.reduce((sum, one) => sum + one.share, 0);
  const shares = panels.map((one) => Math.max(one.share / all, LEAST_SHARE / n));
  const total = shares.reduce((sum, one) => sum + one, 0);
  let room = width - margin.left * n - margin.right;
  let [left, before, labels] = [margin.left, margin.left, "outside"];
  if (bare || (hasOneScale && n > 1) || (n > 1 && room / n < NARROWEST)) {
    if (!bare && !hasOneScale) [left, labels] = [margin.right, "inside"];
    before = bare ? APART.bare : APART.x;
    room = width - left - before * (n - 1) - margin.right;
  }
  let x = left;
  return shares.map((share, i) => {
    const own = (share / total) * room;
    const place = { x, width: own, labels: hasOneScale && i ? "" : labels };
    x += own + before;
    return place;
  });
}

function title(pen, { title: text, panels }, theme, box, width) {
  pen.textAlign = "left";
  pen.textBaseline = "bottom";
  pen.fillStyle = theme.text;
  pen.font = `600 12px ${theme.font}`;
  pen.fillText(text, box.x, box.y - 4);
  let place = box.x + pen.measureText(text).width + 14;
  pen.font = `11px ${theme.font}`;
  const named = new Map(panels.flatMap((one) => one.curves).map((one) => [one.name, one.colour]));
  for (const [name, colour] of named) {
    if (!name) continue;
    const key = `— ${name}`;
    const used = pen.measureText(key).width;
    if (place + used > width - MARGIN.right) break;
    pen.fillStyle = colour;
    pen.fillText(key, place, box.y - 4);
    place += used + 10;
  }
}
