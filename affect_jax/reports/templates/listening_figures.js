"use strict";
// What the page draws: the scatter of truth against prediction, the confusion matrix, the waveform.

const $ = (id) => document.getElementById(id);

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children); // strings become text, never markup
  return element;
}
const make = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);
const drawn = (tag, attributes = {}, ...children) =>
  fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

const number = (value, digits = 1) => value.toFixed(digits).replace("-", "−");

const BOX = { left: 62, top: 12, right: 578, bottom: 538 };
const REACH = 16; // how far beside a point a click may be, in the figure's units
const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** Figure 3.3: `clips` with x and y in hundredths. Gives back what the page does with it. */
function scatter(holder, clips, target, select) {
  const limit = (values) => {
    const most = Math.max(100, ...values.map(Math.abs));
    const step = most <= 200 ? 20 : 10 ** Math.floor(Math.log10(most));
    return Math.ceil(most / step) * step;
  };
  const limits = { x: limit(clips.map((clip) => clip.x)), y: limit(clips.map((clip) => clip.y)) };
  const x = (value) => BOX.left + ((value / limits.x + 1) / 2) * (BOX.right - BOX.left);
  const y = (value) => BOX.bottom - ((value / limits.y + 1) / 2) * (BOX.bottom - BOX.top);
  const box = (x0, x1, y0, y1, name) =>
    drawn("rect", { x: x(x0), y: y(y1), width: x(x1) - x(x0), height: y(y0) - y(y1), class: name });
  const line = (x0, y0, x1, y1, name) => drawn("line", { x1: x(x0), y1: y(y0), x2: x(x1), y2: y(y1), class: name });
  const slope = (shift, name) => line(-limits.x, -limits.x + shift, limits.x, limits.x + shift, name);

  const svg = drawn("svg", {
    viewBox: "0 0 600 600", tabindex: 0, role: "application", "aria-roledescription": "scatter plot",
    "aria-label": `${clips.length} clips: truth on x, prediction on y, both times 100. Arrow keys move between points.`,
  });
  svg.append(
    drawn("clipPath", { id: "inside" }, box(-limits.x, limits.x, -limits.y, limits.y, "")),
    box(-limits.x, limits.x, -limits.y, limits.y, "frame"),
    box(-limits.x, 0, 0, limits.y, "opposite"), box(0, limits.x, -limits.y, 0, "opposite"),
  );
  for (let i = -2; i <= 2; i++) {
    const [at, up] = [(limits.x * i) / 2, (limits.y * i) / 2];
    svg.append(
      line(at, -limits.y, at, limits.y, "grid"), line(-limits.x, up, limits.x, up, "grid"),
      drawn("text", { x: x(at), y: BOX.bottom + 18 }, number(at, 0)),
      drawn("text", { x: BOX.left - 7, y: y(up) + 4, class: "end" }, number(up, 0)),
    );
  }
  const lines = drawn("g", { "clip-path": "url(#inside)" });
  const points = clips.map((clip, i) => {
    const point = drawn("circle", { cx: x(clip.x), cy: y(clip.y), r: 5.5, "data-clip": i });
    point.append(drawn("title", {}, clip.id));
    return point;
  });
  const ring = drawn("circle", { id: "ring", r: 10, visibility: "hidden" });
  svg.append(
    lines, ...points, ring,
    drawn("text", { x: (BOX.left + BOX.right) / 2, y: 582 }, `${target}, truth × 100`),
    drawn("text", { transform: `translate(15 ${(BOX.top + BOX.bottom) / 2}) rotate(-90)` }, `${target}, prediction × 100`),
  );
  holder.append(svg);

  const shown = new Set();
  const place = (i) => [x(clips[i].x), y(clips[i].y)];
  /** The shown clip with the least cost, or -1. */
  const least = (cost) => {
    let [found, best] = [-1, Infinity];
    for (const i of shown) {
      const value = cost(...place(i), i);
      if (value < best) [found, best] = [i, value];
    }
    return found;
  };
  svg.addEventListener("click", (event) => {
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    const i = least((px, py) => {
      const distance = Math.hypot(px - at.x, py - at.y);
      return distance <= REACH ? distance : Infinity;
    });
    if (i >= 0) select(i);
  });
  return {
    update(state, visible, kinds) {
      shown.clear();
      visible.forEach((i) => shown.add(i));
      lines.replaceChildren(slope(0, "equal"), slope(state.margin, "margin"), slope(-state.margin, "margin"));
      points.forEach((point, i) => {
        const name = `point ${kinds[i]}${clips[i].sound ? "" : " silent"}${shown.has(i) ? "" : " off"}`;
        point.setAttribute("class", name);
      });
    },
    mark(at) {
      ring.setAttribute("visibility", at >= 0 && shown.has(at) ? "visible" : "hidden");
      if (at >= 0) fill(ring, { cx: place(at)[0], cy: place(at)[1] }, []);
    },
    /** The nearest shown clip in an arrow key's direction, within 45 degrees; -1 where there is none. */
    neighbour(from, key) {
      const [px, py] = from >= 0 ? place(from) : [x(0), y(0)];
      const [dx, dy] = DIRECTIONS[key];
      return least((qx, qy, i) => {
        const [ahead, aside] = [(qx - px) * dx + (qy - py) * dy, Math.abs((qx - px) * dy - (qy - py) * dx)];
        return i !== from && ahead > 0 && aside <= ahead ? ahead + aside : Infinity;
      });
    },
  };
}

/** Counts of truth (lines) against prediction (columns); `choose` gets [truth, prediction], or null for all clips. */
function matrix(holder, clips, classes, choose) {
  const counts = classes.map(() => classes.map(() => 0));
  clips.forEach((clip) => (counts[clip.target][clip.predicted] += 1));
  const cells = [];
  const table = make("table", { role: "grid" }, make("caption", {}, "Truth in lines, prediction in columns; a cell shows its clips alone."));
  const body = make("tbody");
  table.append(make("thead", {}, make("tr", {}, ...["", ...classes, "recall"].map((name) => make("th", { scope: "col" }, name)))), body);
  classes.forEach((name, truth) => {
    const total = counts[truth].reduce((a, b) => a + b, 0);
    const row = make("tr", {}, make("th", { scope: "row" }, name));
    classes.forEach((other, predicted) => {
      const n = counts[truth][predicted];
      const cell = make("td", {
        role: "gridcell", tabindex: cells.length ? -1 : 0, "aria-selected": "false",
        "aria-label": `truth ${name}, predicted ${other}: ${n} clips`,
      }, `${n}`);
      cell.style.setProperty("--share", total ? n / total : 0);
      cell.addEventListener("click", () => pick(cell));
      cells.push(cell);
      row.append(cell);
    });
    row.append(make("th", {}, total ? `${number((100 * counts[truth][truth]) / total, 0)} %` : "–"));
    body.append(row);
  });
  holder.append(table);

  function pick(cell) {
    const at = cells.indexOf(cell);
    const off = cell.getAttribute("aria-selected") === "true";
    cells.forEach((one) => one.setAttribute("aria-selected", String(one === cell && !off)));
    enter(at);
    choose(off ? null : [Math.floor(at / classes.length), at % classes.length]);
  }
  function enter(at) {
    cells.forEach((one, i) => (one.tabIndex = i === at ? 0 : -1));
    cells[at].focus();
  }
  table.addEventListener("keydown", (event) => {
    const at = cells.indexOf(document.activeElement);
    if (at < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter") pick(cells[at]);
    else if (event.key in DIRECTIONS) {
      const [dx, dy] = DIRECTIONS[event.key];
      const [row, column] = [Math.floor(at / classes.length) + dy, (at % classes.length) + dx];
      if (row >= 0 && column >= 0 && row < classes.length && column < classes.length) enter(row * classes.length + column);
    } else return;
    event.preventDefault();
    event.stopPropagation(); // the page's own keys go through the table of clips
  });
  return { update() {}, mark() {} };
}

/** The waveform scaled to its own peak, under bands of LIME weights; `seconds` is the whole width. */
function waveform(canvas, clip, seconds) {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  const scale = window.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  [canvas.width, canvas.height] = [width * scale, height * scale];
  const pen = canvas.getContext("2d");
  pen.scale(scale, scale);
  if (!clip || !seconds) return;
  const bottom = height - 20;
  const x = (time) => (time / seconds) * width;
  pen.font = "12px system-ui, sans-serif";
  pen.textAlign = "center";

  const { segments = [], lime = [] } = clip.explanation || {};
  const most = Math.max(...lime.map(Math.abs), 1e-12);
  segments.forEach(([start, end], i) => {
    const strength = Math.abs(lime[i]) / most;
    pen.fillStyle = `rgb(${colour(lime[i] >= 0 ? "--raises" : "--lowers")} / ${0.6 * strength})`;
    pen.fillRect(x(start), 0, x(end) - x(start), bottom);
    pen.fillStyle = colour("--ink");
    const label = (lime[i] >= 0 ? "+" : "") + number(100 * lime[i], 1);
    if (pen.measureText(label).width < x(end) - x(start) - 2) pen.fillText(label, x((start + end) / 2), 14);
  });

  if (clip.outline) {
    const bytes = Int8Array.from(atob(clip.outline), (c) => c.charCodeAt(0));
    const [middle, half, step] = [bottom / 2 + 8, bottom / 2 - 12, x(clip.seconds) / (bytes.length / 2)];
    pen.fillStyle = colour("--ink");
    for (let i = 0; i < bytes.length / 2; i++) {
      const [low, high] = [bytes[2 * i] / 127, bytes[2 * i + 1] / 127];
      pen.fillRect(i * step, middle - high * half, Math.max(step, 0.6), Math.max((high - low) * half, 0.8));
    }
  }
  pen.fillStyle = colour("--quiet");
  const every = [0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300].find((step) => seconds / step <= 11) || 600;
  for (let time = 0; time <= seconds + 1e-9; time += every) {
    pen.fillRect(x(time), bottom, 1, 4);
    pen.textAlign = time === 0 ? "left" : x(time) > width - 20 ? "right" : "center";
    pen.fillText(`${Number(time.toFixed(1))} s`, x(time), height - 3);
  }
}
