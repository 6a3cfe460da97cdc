"use strict";
// Sorting, searching, and drawing of charts when they are seen. Texts go in as text, never as markup.

const CONFIG = {
  aria: false,
  background: "transparent",
  font: "system-ui, 'Segoe UI', Helvetica, Arial, sans-serif",
  padding: { left: 0, top: 4, right: 4, bottom: 4 },
  view: { stroke: null },
  axis: {
    domain: false, ticks: false, labelFontSize: 11, labelPadding: 5, labelColor: "var(--soft)", gridColor: "var(--grid)", labelLimit: 170,
  },
  header: { labelFontSize: 11.5, labelFontWeight: "bold", labelAnchor: "start", labelColor: "var(--ink)", title: null },
  legend: { orient: "top", title: null, labelFontSize: 11, labelColor: "var(--soft)", symbolStrokeColor: "transparent" },
  title: { anchor: "start", color: "var(--ink)" },
};
const LETTER = 6.4, PANEL = 132, GAP = 16, STAGE_NAMES = 62, AXIS = 46, NARROWEST = 120;

const LABEL_ROOM = Number(document.querySelector("main").dataset.labelRoom);

const all = (selector, root = document) => [...root.querySelectorAll(selector)];

function fit(spec, room) {
  // Give the chart the width that there is: the names beside it take theirs first.
  if (spec.vconcat) {
    for (const one of spec.vconcat) one.width = Math.max(NARROWEST, room - AXIS);
  } else if (spec.columns) {
    spec.columns = Math.max(1, Math.min(spec.columns, Math.floor((room - STAGE_NAMES + GAP) / (PANEL + GAP))));
    spec.spec.width = Math.max(NARROWEST, (room - STAGE_NAMES - 6) / spec.columns - GAP);
  } else {
    const field = spec.layer[0].encoding.y.field;
    const longest = Math.max(...spec.datasets.rows.map((row) => String(row[field]).length));
    spec.width = Math.max(NARROWEST, room - Math.min(175, longest * LETTER + 8) - 12);
    makeRoomForLabels(spec);
  }
  return spec;
}

function makeRoomForLabels(spec) {
  // The words at the right edge stand beside the bars: where the chart is narrow, the axis goes on for longer.
  const edge = spec.layer.find((one) => one.mark.type === "text")?.encoding.x.datum;
  if (!edge) return;
  const words = Math.max(...spec.datasets.rows.map((row) => row.label.length)) * LETTER * 0.92 + 6;
  const farther = edge / LABEL_ROOM / Math.max(0.4, 1 - words / spec.width);
  if (farther <= edge) return;
  for (const { encoding } of spec.layer) {
    if (encoding.x.datum === edge) encoding.x.datum = farther;
    if (encoding.x.scale) encoding.x.scale.domain[1] = farther;
  }
}

async function draw(figure) {
  const target = figure.querySelector(".chart"), room = figure.clientWidth;
  if (!room || Math.abs(room - (target.drawn ?? 0)) < 24) return;
  target.drawn = room;
  const spec = fit(JSON.parse(figure.querySelector("script").textContent), room);
  await vegaEmbed(target, spec, { mode: "vega-lite", renderer: "svg", actions: false, ast: true, config: CONFIG });
}

async function drawOpen() {
  for (const figure of all("details[open] figure")) await draw(figure);
}

function sortBy(head, index) {
  const table = head.closest("table"), body = table.tBodies[0];
  const down = head.getAttribute("aria-sort") === "ascending" || (!head.hasAttribute("aria-sort") && head.classList.contains("number"));
  const up = head.getAttribute("aria-sort") === "descending" ? true : !down;
  all("th", table.tHead).forEach((other) => other.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", up ? "ascending" : "descending");
  const key = (row) => {
    const cell = row.cells[index];
    return "number" in cell.dataset ? (cell.dataset.number === "" ? null : Number(cell.dataset.number)) : cell.textContent.trim() || null;
  };
  const rows = [...body.rows].map((row) => [key(row), row]);
  rows.sort(([one], [other]) => {
    if (one === null || other === null) return (one === null) - (other === null); // what has none is last either way
    const order = typeof one === "number" ? one - other : one.localeCompare(other, undefined, { numeric: true });
    return up ? order : -order;
  });
  body.append(...rows.map(([, row]) => row));
}

function search(words) {
  const wanted = words.trim().toLowerCase();
  let found = 0;
  for (const row of all("main tbody tr, footer tbody tr")) {
    row.hidden = wanted !== "" && !row.textContent.toLowerCase().includes(wanted);
    if (!row.hidden && !row.closest(".overview")) found += 1;
  }
  for (const block of all("section.block")) {
    block.hidden = wanted !== "" && !block.querySelector("tbody tr:not([hidden])");
  }
  let portfolios = 0;
  for (const one of all("details.portfolio")) {
    const named = one.querySelector("summary h2").textContent.toLowerCase().includes(wanted);
    one.hidden = wanted !== "" && !named && !one.querySelector("tbody tr:not([hidden])");
    if (!one.hidden) portfolios += 1;
  }
  const told = found + portfolios ? `${found} rows, ${portfolios} portfolios` : "nothing has it; ballast explain knows every asset";
  document.getElementById("found").textContent = wanted && told;
}

function openNamed() {
  const named = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
  if (named && named.tagName === "DETAILS") {
    named.open = true;
    named.scrollIntoView();
  }
}

let resized;
all("thead th").forEach((head) => head.querySelector("button").addEventListener("click", () => sortBy(head, head.cellIndex)));
all("details.portfolio").forEach((one) => one.addEventListener("toggle", drawOpen));
document.getElementById("search").addEventListener("input", (event) => search(event.target.value));
for (const [id, open] of [["open-all", true], ["close-all", false]]) {
  document.getElementById(id)?.addEventListener("click", () => all("details.portfolio").forEach((one) => { one.open = open; }));
}
window.addEventListener("hashchange", openNamed);
window.addEventListener("resize", () => { clearTimeout(resized); resized = setTimeout(drawOpen, 150); });
openNamed();
drawOpen();
