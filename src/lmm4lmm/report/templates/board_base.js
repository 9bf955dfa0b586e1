"use strict";
// What all parts of the page share: the numbers, makers of elements, and the score and task that are shown.
// Texts of the table go in as text, never as HTML.
const DATA = JSON.parse(document.getElementById("data").textContent);
const SVG = "http://www.w3.org/2000/svg";
const byId = (id) => document.getElementById(id);

const fill = (node, attributes, children) => {
  for (const [name, value] of Object.entries(attributes)) if (value !== null) node.setAttribute(name, value);
  node.append(...children);
  return node;
};
const make = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);
const draw = (tag, attributes = {}, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

const number = (value, digits) => {
  if (value === null) return "–";
  const text = value.toFixed(digits);
  return text.replace("-", Number(text) ? "−" : ""); // what rounds to zero has no sign
};
const span = (low, high) => (low === high ? `${low}` : `${low}–${high}`);
const whole = (n) => n.toLocaleString("en");

// Where a value lies on an axis [low, high, ticks, digits], in percent.
const percent = (axis, value) => 100 * Math.min(1, Math.max(0, (value - axis[0]) / (axis[1] - axis[0])));

// A dot on a bar: the same as interval_plot draws.
const intervalPlot = (axis, mean, low, high, label, strong) => {
  const plot = draw("svg", { class: `plot interval${strong ? " strong" : ""}`, role: "img", "aria-label": label });
  for (const tick of axis[2]) {
    const x = `${percent(axis, tick)}%`;
    plot.append(draw("line", { class: "grid", x1: x, x2: x, y1: "0", y2: "100%" }));
  }
  if (low !== null && high !== null) {
    const ends = { x1: `${percent(axis, low)}%`, x2: `${percent(axis, high)}%`, y1: "50%", y2: "50%" };
    plot.append(draw("line", { class: "bar", ...ends }));
  }
  plot.append(draw("circle", { class: "dot", cx: `${percent(axis, mean)}%`, cy: "50%", r: "4.5" }));
  return plot;
};

const axisLabels = (axis) => {
  const plot = draw("svg", { class: "plot axis", "aria-hidden": "true" });
  axis[2].forEach((tick, i) => {
    const x = percent(axis, tick);
    const anchor = x < 3 ? "start" : x > 97 ? "end" : "middle";
    const place = { x: `${x}%`, y: "12", "text-anchor": anchor, class: i % 2 ? "alt" : null };
    plot.append(draw("text", place, number(tick, axis[3])));
  });
  return plot;
};

// The score and the task that are shown; 0 is all tasks. Parts that depend on them ask to be told.
const state = { score: 0, task: 0 };
const told = [];
const onChange = (action) => told.push(action);
const choose = (change) => {
  Object.assign(state, change);
  for (const action of told) action();
};
const boardOf = (score, task) => DATA.scores[score].boards[task];
const rowOf = (board, model) => (board ? board.rows.find((row) => row[0] === model) || null : null);
// Fields of a row, as board_document writes them.
const [MODEL, MEAN, LOW, HIGH, RANK, BEST, WORST, LETTERS, IMAGES, LEADS] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
