// What the page does: filters, the table, one selected clip, its sound, keys.

const view = JSON.parse($("data").textContent);
const clips = view.clips;
const regression = view.classes.length === 0;
const positive = (value) => value >= 0;
const sound = $("sound");
const state = { selected: -1, margin: view.margin, query: "", hidden: new Set(), cell: null, ascending: false };

const KINDS = regression ? ["near", "missed", "alarm", "far"] : ["right", "wrong"];
const CASES = KINDS.map((name, i) => [name, view.cases[i]]);

clips.forEach((clip) => {
  if (regression) {
    [clip.x, clip.y] = [100 * clip.target, 100 * clip.prediction];
    clip.error = Math.abs(clip.x - clip.y);
  } else {
    clip.predicted = clip.prediction.indexOf(Math.max(...clip.prediction));
    clip.error = 100 * (1 - clip.prediction[clip.target]);
  }
  clip.truthText = regression ? number(clip.x) : view.classes[clip.target];
  clip.predictionText = regression ? number(clip.y) : view.classes[clip.predicted];
});

/** The case of section 3.4.1 that a clip is; 0 counts as positive, so that every clip is one. */
function kindOf(i) {
  const clip = clips[i];
  if (!regression) return clip.predicted === clip.target ? "right" : "wrong";
  if (positive(clip.x) !== positive(clip.y)) return positive(clip.x) ? "missed" : "alarm";
  return clip.error <= state.margin + 1e-6 ? "near" : "far"; // labels were rounded to 6 decimals
}

function visible() {
  const query = state.query.trim().toLowerCase();
  const kept = clips.map((_, i) => i).filter((i) => {
    const clip = clips[i];
    if (state.hidden.has(kindOf(i))) return false;
    if (state.cell && (clip.target !== state.cell[0] || clip.predicted !== state.cell[1])) return false;
    return !query || clip.id.toLowerCase().includes(query) || clip.group.toLowerCase().includes(query);
  });
  const sign = state.ascending ? 1 : -1;
  return kept.sort((a, b) => sign * (clips[a].error - clips[b].error) || a - b);
}

const choose = (cell) => {
  state.cell = cell;
  update();
};
const figure = regression
  ? scatter($("figure"), clips, view.target, (i) => select(i))
  : matrix($("figure"), clips, view.classes, choose);

const boxes = CASES.map(([name, said]) => {
  const box = make("input", { type: "checkbox", id: `case-${name}`, checked: "", autocomplete: "off" });
  const count = make("output", { id: `count-${name}` });
  box.addEventListener("change", () => {
    state.hidden[box.checked ? "delete" : "add"](name);
    update();
  });
  $("cases").append(make("label", { class: name }, box, make("span", { class: "swatch" }), make("span", { class: "name" }, `${said} `), count));
  return count;
});

const sorter = make("button", { type: "button" });
sorter.addEventListener("click", () => {
  state.ascending = !state.ascending;
  update();
});
const errorHead = make("th", { scope: "col" }, sorter);
$("head").append(make("tr", {}, make("th", { scope: "col" }, "clip"), make("th", { scope: "col" }, "truth"),
  make("th", { scope: "col" }, regression ? "prediction" : "predicted"), errorHead));

const rows = clips.map((clip, i) => {
  const row = make("tr", { tabindex: -1, "aria-selected": "false", "data-clip": i }, make("td", {}, clip.id), make("td", {}, clip.truthText),
    make("td", {}, clip.predictionText), make("td", {}, number(clip.error)));
  row.addEventListener("click", () => select(i));
  return row;
});

let order = []; // the clips that are shown, as the table has them
let marked = [];
function update() {
  order = visible();
  const kinds = clips.map((_, i) => kindOf(i));
  CASES.forEach(([name], c) => (boxes[c].textContent = `${kinds.filter((kind) => kind === name).length}`));
  rows.forEach((row, i) => (row.className = kinds[i]));
  $("rows").replaceChildren(...order.map((i) => rows[i]));
  $("count").textContent = `${order.length} of ${clips.length}`;
  sorter.textContent = `${regression ? "error" : "error, % "} ${state.ascending ? "▲" : "▼"}`;
  errorHead.setAttribute("aria-sort", state.ascending ? "ascending" : "descending");
  figure.update(state, order, kinds);
  mark();
}

/** Shows which clip is selected; the table is one stop of the Tab key, at that clip or at its first. */
function mark() {
  for (const row of marked) fill(row, { tabindex: -1, "aria-selected": "false" }, []);
  const [chosen, entry] = [rows[state.selected], rows[order.includes(state.selected) ? state.selected : order[0]]];
  marked = [chosen, entry].filter(Boolean);
  entry?.setAttribute("tabindex", 0);
  chosen?.setAttribute("aria-selected", "true");
  figure.mark(state.selected);
}

/** Shows a clip and plays it. */
function select(i) {
  state.selected = i;
  const clip = clips[i];
  $("now").textContent = clip.id;
  const said = CASES.find(([name]) => name === kindOf(i))[1];
  $("said").textContent = `${view.target}: truth ${clip.truthText}, ${regression ? "prediction" : "predicted"} ${clip.predictionText}, error ${number(clip.error)}; ${said}` +
    (clip.sound ? "" : ". Its sound is not in this page.");
  const within = document.activeElement.closest("#rows");
  mark();
  if (within) rows[i].focus();
  else scrollTo(i);
  draw();
  tell(clip);
  const [block, film] = [$(`sound-${i}`), $(`film-${i}`)];
  const source = film ? `data:video/webm;base64,${film.textContent}` : clip.film || (block && `data:audio/ogg;base64,${block.textContent}`);
  sound.hidden = !source;
  sound.classList.toggle("film", Boolean(clip.film));
  if (!source) {
    sound.pause();
    sound.removeAttribute("src");
    sound.load();
  } else {
    sound.src = source;
    play();
  }
  follow();
}

/** Brings a row into the table's own window, without moving the page. */
function scrollTo(i) {
  const [frame, row, head] = [$("scroll"), rows[i], $("head").offsetHeight];
  if (row.offsetTop - head < frame.scrollTop) frame.scrollTop = row.offsetTop - head;
  else if (row.offsetTop + row.offsetHeight > frame.scrollTop + frame.clientHeight)
    frame.scrollTop = row.offsetTop + row.offsetHeight - frame.clientHeight;
}

function tell(clip) {
  const said = clip.explanation;
  $("weights").replaceChildren();
  if (!said) return;
  const trust = `surrogate R² ${number(said.r2, 2)}` + (said.stability == null ? "" : `, rank stability ${number(said.stability, 2)}`);
  $("weights").append(
    "LIME weights × 100: ", make("span", { class: "band raises" }), ` raises the ${said.of ? `probability of ${said.of}` : "prediction"}, `,
    make("span", { class: "band lowers" }), ` lowers it; ${trust}. ${said.notes.map((note) => `${note}.`).join(" ")}`,
  );
}

function play() {
  // A clip that was left before it began is no error; one that cannot be played is told by the `error` event.
  sound.play().catch(() => {});
}
sound.addEventListener("error", () => {
  if (sound.getAttribute("src")) $("said").textContent += `. This browser cannot play ${sound.className ? "this film" : "Ogg Opus"}.`;
});
const toggle = () => {
  if (!sound.getAttribute("src")) return;
  if (sound.paused) play();
  else sound.pause();
};

/** Seconds that the waveform's width stands for: the clip, or the model's input where that is longer. */
function width() {
  const clip = clips[state.selected];
  return clip ? Math.max(clip.seconds || 0, ...(clip.explanation?.segments || []).map((segment) => segment[1])) : 0;
}
const draw = () => waveform($("canvas"), clips[state.selected], width());
new ResizeObserver(draw).observe($("canvas"));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);

function follow() {
  const seconds = width();
  const shown = seconds > 0 && Boolean(sound.getAttribute("src"));
  $("cursor").hidden = !shown;
  if (!shown) return;
  const time = sound.currentTime;
  $("cursor").style.left = `${(100 * Math.min(time, seconds)) / seconds}%`;
  fill($("canvas"), {
    "aria-valuemax": seconds.toFixed(1), "aria-valuenow": time.toFixed(1),
    "aria-valuetext": `${time.toFixed(1)} of ${seconds.toFixed(1)} seconds`,
  }, []);
  if (!sound.paused && !sound.ended) requestAnimationFrame(follow);
}
["play", "seeked", "pause", "ended", "loadedmetadata"].forEach((name) => sound.addEventListener(name, follow));

function seek(time) {
  if (sound.getAttribute("src")) sound.currentTime = Math.max(0, Math.min(time, clips[state.selected].seconds));
}
$("canvas").addEventListener("click", (event) => {
  seek((event.offsetX / $("canvas").clientWidth) * width());
  play();
});

$("search").addEventListener("input", () => {
  state.query = $("search").value;
  update();
});
$("margin").addEventListener("input", () => {
  const margin = $("margin").valueAsNumber;
  if (!(margin >= 0)) return; // an empty field keeps the last margin
  state.margin = margin;
  update();
});

const step = (by) => {
  const at = order.indexOf(state.selected);
  return order[at < 0 ? 0 : Math.max(0, Math.min(order.length - 1, at + by))];
};
function keyed(event) {
  const { key, target } = event;
  if (target.closest("input, video, button")) return false;
  if (target === $("canvas") && (key === "ArrowLeft" || key === "ArrowRight"))
    return seek(sound.currentTime + (key === "ArrowRight" ? 1 : -1)), true;
  if (key === " ") return toggle(), true;
  if (key === "/") return $("search").focus(), true;
  let next = -1;
  if (regression && key in DIRECTIONS && target.closest("#figure")) next = figure.neighbour(state.selected, key);
  else if (key in DIRECTIONS) next = step(key === "ArrowDown" || key === "ArrowRight" ? 1 : -1);
  else if (key === "Home") next = order[0];
  else if (key === "End") next = order[order.length - 1];
  else if (key === "Enter") next = target.closest("#rows tr") ? Number(target.closest("tr").dataset.clip) : state.selected;
  else return false;
  if (next >= 0 && (next !== state.selected || key === "Enter")) select(next);
  return true;
}
document.addEventListener("keydown", (event) => {
  if (!event.ctrlKey && !event.metaKey && !event.altKey && keyed(event)) event.preventDefault();
});

$("facts").textContent = view.facts.join(" · ");
$("margin-line").hidden = !regression;
$("margin").value = view.margin;
$("overview-name").textContent = regression ? "Truth against prediction" : "Confusion matrix";
if (!regression)
  $("said").textContent = "Click a clip in the table, or press an arrow key; a cell of the matrix shows its clips alone.";
$("note").textContent = regression
  ? "Shaded: truth and prediction differ in sign (0 counts as positive). Lines: equal, and the margin of error either side." +
    (clips.some((clip) => !clip.sound) ? " Pale points: no sound in this page." : "")
  : "Error: 100 × (1 − the probability of the true class).";
update();
