"use strict";

// The name of the table of this tab: after the # of the address, which no request carries.
let secret = location.hash.slice(1);
let shown = {};       // versions of what is on the page, so that only what changed is drawn again
let polling = null;
const POLL = 500;     // milliseconds
const WAITING = "Waiting: another table is being worked on.";

const find = (selector, within = document) => within.querySelector(selector);
const count = (number) => number.toLocaleString("en");

class Refused extends Error {}
class Lost extends Error {}

async function ask(method, path, body, type = "application/json") {
  let answer;
  try {
    answer = await fetch(path, { method, body, headers: body ? { "Content-Type": type } : {} });
  } catch {
    throw new Lost("tabdiff does not answer. If it was closed, start it again: tabdiff ui.");
  }
  const told = answer.status === 204 ? null : await answer.json();
  if (answer.status === 404) throw new Lost(told.problem);
  if (!answer.ok) throw new Refused(told.problem);
  return told;
}

const about = (verb) => `tables/${secret}${verb ? `/${verb}` : ""}`;

// Do what is asked in a section, and say there what went wrong.
async function attempt(section, work) {
  clear();
  try {
    await work();
  } catch (error) {
    if (error instanceof Lost) lose(error.message);
    else if (error instanceof Refused) say(find(".problem", section), error.message);
    else throw error;
  }
}

function clear() {
  for (const problem of document.querySelectorAll("section .problem")) say(problem, "");
}

function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
  element.hidden = !text;
}

function lose(message) {
  clearTimeout(polling);
  polling = null;
  say(find("#lost"), message);
}

function list(element, texts) {
  element.replaceChildren(...texts.map((text) => make("li", text)));
  element.hidden = texts.length === 0;
}

function make(tag, text = "", attributes = {}) {
  const element = document.createElement(tag);
  element.textContent = text;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

// ---------------------------------------------------------------- 1. table

async function open(file) {
  const drop = find("#drop"), most = Number(find("#file").dataset.bytes);
  await attempt(find("#table"), async () => {
    if (file.size > most) {
      throw new Refused(`${file.name} is too large: the page takes at most ${most / 1e6} MB.`);
    }
    drop.classList.add("busy");
    find(".drop-words").textContent = `Reading ${file.name} …`;
    try {
      const kind = "application/octet-stream";
      const told = await ask("POST", `tables?name=${encodeURIComponent(file.name)}`, file, kind);
      begin(told.secret);
      await refresh();
      find("#columns-title").focus();
    } finally {
      drop.classList.remove("busy");
      find(".drop-words").replaceChildren(make("b", "Choose a CSV file"), " or drop it here");
      find("#file").value = "";
    }
  });
}

function begin(name) {
  secret = name;
  shown = {};
  history.replaceState(null, "", name ? `#${name}` : location.pathname);
  say(find("#lost"), "");
  clear();
  for (const form of document.forms) form.reset();
  find("#drop").hidden = Boolean(name);
  find("#loaded").hidden = !name;
  for (const id of ["columns", "fit", "rows", "report"]) find(`#${id}`).hidden = true;
}

async function forget() {
  await attempt(find("#table"), async () => {
    await ask("DELETE", about());
    clearTimeout(polling);
    begin("");
    find("#file").focus();
  });
}

// ---------------------------------------------------------------- what the server knows

async function refresh() {
  clearTimeout(polling);
  draw(await ask("GET", about()));
}

function draw(state) {
  find("#drop").hidden = true;
  find("#loaded").hidden = false;
  say(find("#name"), state.name);
  say(find("#summary"), `${count(state.rows)} rows, ${state.summary || `${state.columns.length} columns`}`);
  if (shown.columns !== state.understood) drawColumns(state);
  shown.columns = state.understood;
  drawFit(state);
  drawRows(state);
  drawReport(state);
  clearTimeout(polling);
  polling = isActive(state.job) ? setTimeout(follow, POLL) : null;
}

const isActive = (job) => job !== null && ["waiting", "running", "stopping"].includes(job.state);

async function follow() {
  try {
    await refresh();
  } catch (error) {
    lose(error.message);
  }
}

// ---------------------------------------------------------------- 2. columns

function drawColumns(state) {
  const section = find("#columns");
  section.hidden = false;
  if (state.problem) say(find(".problem", section), state.problem);
  list(find(".notes", section), state.notes);
  const focused = document.activeElement?.dataset?.column;
  find("tbody", section).replaceChildren(...state.columns.map(columnRow));
  if (focused !== undefined) find(`select[data-column="${CSS.escape(focused)}"]`)?.focus();
}

function columnRow(column) {
  const row = make("tr", "", column.kind === "leave out" ? { class: "out" } : {});
  const choice = make("select", "", { "aria-label": `Kind of ${column.name}`, "data-column": column.name });
  if (column.chosen) choice.classList.add("chosen");
  if (!column.kind) choice.append(make("option", "choose …", { value: "" }));
  for (const kind of column.offered) choice.append(make("option", kind, { value: kind }));
  choice.value = column.kind;
  choice.addEventListener("change", () => choose(column, choice));
  const kind = make("td");
  kind.append(choice);
  row.append(
    make("th", column.name, { scope: "row" }),
    kind,
    make("td", column.values, { class: "values" }),
    make("td", column.distinct, { class: "right", "data-label": column.distinct && "distinct" }),
    make("td", column.missing, { class: column.missing === "–" ? "right none" : "right", "data-label": column.missing && "missing" }),
  );
  return row;
}

async function choose(column, choice) {
  const kinds = {};
  for (const other of document.querySelectorAll("#columns select.chosen")) {
    kinds[other.dataset.column] = other.value;
  }
  if (choice.value) kinds[column.name] = choice.value;
  await attempt(find("#columns"), async () => {
    draw(await ask("POST", about("kinds"), JSON.stringify({ kinds })));
  });
  if (choice.isConnected) {
    choice.value = column.kind; // it was refused
    choice.focus();
  }
}

// ---------------------------------------------------------------- 3. fit

function drawFit(state) {
  const section = find("#fit");
  section.hidden = Boolean(state.problem) && !state.model;
  find("#aside-field").hidden = !state.can_set_aside;
  const job = drawJob(section, "fit", state, {
    waiting: WAITING,
    running: state.job?.figures.step ? "Learning." : "Looking at the columns.",
    stopping: "Stopping: the best so far is kept.",
    stopped: state.model ? "" : "Stopped before anything was learned.",
    failed: "",
    done: "",
  }, () => "");
  const running = find(".running", section), figures = job?.figures ?? {};
  running.hidden = !isActive(job) || job.state === "waiting";
  if (!running.hidden) drawCourse(figures, job);
  const model = state.model;
  find("#model").hidden = !model || isActive(job);
  if (!model) return;
  say(find("#learned"), (job?.state === "stopped" ? "Stopped. " : "") + model.learned);
  find("#outdated").hidden = !model.is_outdated;
  find("#model-file").href = about("model");
  find("#model-file").textContent = `Download the model (${model.size})`;
}

function drawCourse(figures, job) {
  const bar = find("#fit progress");
  if (figures.share == null) bar.removeAttribute("value");
  else bar.value = figures.share;
  find("#step").textContent = figures.step ? count(figures.step) : "–";
  find("#seconds").textContent = duration(job.seconds);
  find("#loss").textContent = figures.loss?.toFixed(3) ?? "–";
  find("#held-out").textContent = figures.held_out?.toFixed(3) ?? "–";
  const looks = figures.looks ?? [];
  find("#curve").toggleAttribute("hidden", looks.length < 2); // an SVG has no property for it
  if (looks.length < 2) return;
  const last = looks.at(-1)[0], losses = looks.map(([, loss]) => loss);
  const low = Math.min(...losses), range = Math.max(...losses) - low || 1;
  const points = looks.map(([step, loss]) => `${(300 * step) / last},${56 - (52 * (loss - low)) / range}`);
  find("#curve polyline").setAttribute("points", points.join(" "));
}

const duration = (seconds) =>
  seconds < 60 ? `${Math.floor(seconds)} s` : `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;

async function fit(event) {
  event.preventDefault();
  const minutes = find("#minutes");
  await attempt(find("#fit"), async () => {
    if (!minutes.validity.valid) throw new Refused("Minutes must be a number above 0, or empty.");
    const asked = {
      minutes: minutes.value === "" ? null : Number(minutes.value),
      set_aside: find("#aside").checked,
    };
    draw(await ask("POST", about("fit"), JSON.stringify(asked)));
  });
}

// Buttons, status, problem and notes of one kind of job; gives the job if it is of this kind.
function drawJob(section, what, state, status, elapsed) {
  const own = state.job?.what === what ? state.job : null, active = isActive(own);
  find(".primary", section).disabled = isActive(state.job);
  const stop = find(".stop", section);
  if (stop) {
    const focused = document.activeElement === stop;
    stop.hidden = !active;
    stop.disabled = own?.state === "stopping";
    if (focused && !active) find(".primary", section).focus();
  }
  // Who listens is told of a new state; who looks sees the seconds go by as well.
  const told = own ? status[own.state] : "";
  if (find(".status", section).textContent !== told) find(".status", section).textContent = told;
  say(find(".elapsed", section), active && own.state !== "waiting" ? elapsed(own) : "");
  if (own) {
    if (own.state === "failed") say(find(".problem", section), own.problem);
    list(find(".notes", section), own.notes);
  }
  return own;
}

// ---------------------------------------------------------------- 4. rows

function drawRows(state) {
  const section = find("#rows");
  section.hidden = !state.model;
  if (!state.model) return;
  if (!find("#count").value) find("#count").value = state.model.rows;
  drawJob(section, "rows", state, {
    waiting: WAITING,
    running: "Drawing.",
    stopping: "Stopping.",
    stopped: "Stopped: no rows were kept.",
    failed: "",
    done: "",
  }, (job) => `${count(job.figures.rows ?? 0)} rows, ${duration(job.seconds)}`);
  const drawn = state.drawn;
  find("#drawn").hidden = !drawn || (state.job?.what === "rows" && isActive(state.job));
  if (!drawn || shown.rows === drawn.version) return;
  shown.rows = drawn.version;
  const names = make("tr");
  names.append(...drawn.columns.map((name) => make("th", name, { scope: "col" })));
  find("#drawn thead").replaceChildren(names);
  find("#drawn tbody").replaceChildren(...drawn.head.map((cells) => {
    const row = make("tr");
    row.append(...cells.map((cell) =>
      cell === null ? make("td", "missing", { class: "missing" }) : make("td", cell)));
    return row;
  }));
  find("#rows-file").href = about("rows");
  find("#rows-file").textContent = `Download the rows (${drawn.size})`;
  const more = drawn.count - drawn.head.length;
  find("#rows-hint").textContent = more > 0 ? `${count(drawn.count)} rows, ${count(more)} more than shown.` : "";
}

async function drawNew(event) {
  event.preventDefault();
  await attempt(find("#rows"), async () => {
    const rows = find("#count"), seed = find("#seed");
    if (!rows.validity.valid || !rows.value) throw new Refused("How many rows? Write a whole number.");
    if (!seed.validity.valid) throw new Refused("The seed must be a whole number, or empty.");
    const asked = {
      rows: Number(rows.value),
      seed: seed.value === "" ? null : Number(seed.value),
      conditions: find("#conditions").value,
    };
    draw(await ask("POST", about("rows"), JSON.stringify(asked)));
  });
}

// ---------------------------------------------------------------- 5. report

function drawReport(state) {
  const section = find("#report");
  section.hidden = !state.model;
  if (!state.model) return;
  drawTargets(state.model);
  drawJob(section, "report", state, {
    waiting: WAITING,
    running: "Comparing. This takes from some seconds to a few minutes.",
    stopping: "Stopping.",
    stopped: "Stopped.",
    failed: "",
    done: "",
  }, (job) => duration(job.seconds));
  const report = state.report;
  find("#written").hidden = !report;
  if (!report || shown.report === report.version) return;
  shown.report = report.version;
  find("#findings").replaceChildren(...report.findings.map(({ topic, tone, says }) => {
    const item = make("li", "", { class: tone });
    item.append(make("span", topic, { class: "topic" }), make("span", says));
    return item;
  }));
  find("#report-file").href = about("report");
  find("#report-hint").textContent =
    `${count(report.rows)} rows of each were compared. It shows values of the real table.`;
  find("#frame").src = `${about("report")}?${report.version}`;
}

function drawTargets(model) {
  find("#target-field").hidden = model.aside === 0;
  const key = JSON.stringify(model.columns);
  if (shown.targets === key) return;
  shown.targets = key;
  const target = find("#target"), before = target.value;
  target.replaceChildren(make("option", "none", { value: "" }),
    ...model.columns.map((name) => make("option", name, { value: name })));
  target.value = model.columns.includes(before) ? before : "";
}

async function compare(event) {
  event.preventDefault();
  await attempt(find("#report"), async () => {
    const target = find("#target-field").hidden ? "" : find("#target").value;
    draw(await ask("POST", about("report"), JSON.stringify({ target })));
  });
}

// ---------------------------------------------------------------- begin

function listen() {
  const drop = find("#drop");
  find("#file").addEventListener("change", (event) => event.target.files[0] && open(event.target.files[0]));
  for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) {
    // A file that misses the place would else replace the page.
    document.addEventListener(kind, (event) => event.preventDefault());
    drop.addEventListener(kind, () => drop.classList.toggle("over", kind === "dragenter" || kind === "dragover"));
  }
  drop.addEventListener("drop", (event) => event.dataTransfer.files[0] && open(event.dataTransfer.files[0]));
  find("#forget").addEventListener("click", forget);
  find("#fit-form").addEventListener("submit", fit);
  find("#rows-form").addEventListener("submit", drawNew);
  find("#report-form").addEventListener("submit", compare);
  for (const stop of document.querySelectorAll(".stop")) {
    const section = stop.closest("section");
    stop.addEventListener("click", () =>
      attempt(section, async () => draw(await ask("POST", about("stop"), "{}"))));
  }
}

listen();
if (secret) follow();
