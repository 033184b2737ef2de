"use strict";
// The report's own script: tables, the map's colours, and light or dark. Figures come as plotly's JSON.
const DATA = JSON.parse(document.getElementById("data").textContent);
const PAGE_ROWS = 15, MANY_POINTS = 3000;
const SYMBOLS = ["circle", "square", "diamond", "triangle-up"];
const CONFIG = {displaylogo: false, responsive: true, toImageButtonOptions: {format: "svg"}};
const number = new Intl.NumberFormat("en");
const drawn = new Map();  // element -> how it is drawn again

function make(tag, values = {}, ...children) {
  const element = Object.assign(document.createElement(tag), values);
  element.append(...children);
  return element;
}

// -- light and dark

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

function dressed(layout) {
  const dress = {paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: {...layout.font, color: colour("ink"), family: getComputedStyle(document.body).fontFamily}};
  for (const axis of Object.keys(layout).filter((key) => /^[xy]axis\d*$/.test(key))) {
    dress[axis] = {...layout[axis], gridcolor: colour("line"), zerolinecolor: colour("line"), linecolor: colour("soft")};
  }
  dress.hoverlabel = {...layout.hoverlabel, bgcolor: colour("wash"), bordercolor: colour("line"),
    font: {color: colour("ink")}};
  return {...layout, ...dress, autosize: true};
}

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  for (const again of drawn.values()) again();
}

// -- figures

function drawFigure(element, figure) {
  const draw = () => Plotly.react(element, figure.data, {...dressed(figure.layout), height: element.clientHeight}, CONFIG);
  drawn.set(element, draw);
  return draw();
}

// -- the map: data.levels[level] = {names: [...], codes: [...]}, code -1 is no name

function hasWebgl() {
  const context = document.createElement("canvas").getContext("webgl");
  context?.getExtension("WEBGL_lose_context")?.loseContext();
  return context !== null;
}

function groupsOf(data, level) {
  const {names, codes} = data.levels[level], counts = new Array(names.length).fill(0);
  for (const code of codes) if (code >= 0) counts[code] += 1;
  const order = [...names.keys()].sort((a, b) => counts[b] - counts[a]).slice(0, data.palette.length);
  const place = new Map(order.map((code, at) => [code, at]));
  const groups = order.map((code) => ({name: names[code], at: []}));
  const others = {name: `${number.format(Math.max(0, names.length - order.length))} others`, at: [], faint: 0.35};
  const unnamed = {name: "no name", at: [], faint: 0.2};
  codes.forEach((code, at) => (code < 0 ? unnamed : place.has(code) ? groups[place.get(code)] : others).at.push(at));
  return [unnamed, others, ...groups].filter((group) => group.at.length);
}

function mapTraces(data, level, type) {
  let coloured = -1;
  const size = Math.min(9, Math.max(4, 400 / Math.sqrt(data.ids.length)));
  const {names, codes} = data.levels[level];
  return groupsOf(data, level).map((group) => {
    const shown = group.faint === undefined ? ++coloured : -1;
    return {
      type, mode: "markers", name: `${group.name} (${number.format(group.at.length)})`,
      x: group.at.map((at) => data.x[at]), y: group.at.map((at) => data.y[at]),
      text: group.at.map((at) => `<b>${escaped(data.ids[at])}</b><br>${escaped(data.species[at] || "no species")}` +
        (level === "species" || codes[at] < 0 ? "" : `<br>${escaped(level)}: ${escaped(names[codes[at]])}`)),
      hovertemplate: "%{text}<extra></extra>",
      marker: {size, opacity: group.faint ?? 0.85, color: shown < 0 ? colour("soft") : data.palette[shown],
        symbol: shown < 0 ? "circle" : SYMBOLS[shown % SYMBOLS.length]},
    };
  });
}

function marked(points, name, symbol) {
  return {type: "scatter", mode: points.length > 12 ? "markers" : "markers+text", name,
    x: points.map((one) => one.x), y: points.map((one) => one.y), text: points.map((one) => escaped(one.label)),
    hovertext: points.map((one) => `<b>${escaped(one.label)}</b><br>${escaped(one.says)}`), hoverinfo: "text",
    textposition: "top center", textfont: {color: colour("ink")},
    marker: {size: 15, symbol, color: colour("ink"), line: {width: 2.5}}};
}

function escaped(text) {  // plotly reads labels as HTML
  return String(text).replace(/[&<>"]/g, (one) => ({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"})[one]);
}

function drawMap(element, data) {
  const id = element.dataset.draw, choice = document.querySelector(`[data-colours="${id}"]`);
  const find = document.querySelector(`[data-find="${id}"]`), said = document.querySelector(`[data-found="${id}"]`);
  const type = data.ids.length > MANY_POINTS && hasWebgl() ? "scattergl" : "scatter";
  const texts = data.ids.map((one, at) => `${one} ${data.species[at] ?? ""}`.toLowerCase());
  choice.replaceChildren(...Object.keys(data.levels).map((level) => make("option", {value: level, textContent: level})));
  choice.value = data.level;
  const axis = (title) => ({title: {text: title}, showticklabels: data.ticks, showgrid: data.ticks, zeroline: false,
    showline: data.ticks});
  const draw = () => {
    const wanted = find.value.trim().toLowerCase();
    const found = wanted ? texts.flatMap((text, at) => (text.includes(wanted) ? [at] : [])) : [];
    said.textContent = wanted ? `${number.format(found.length)} found` : "";
    const rings = found.slice(0, 2000).map((at) => ({x: data.x[at], y: data.y[at], label: data.ids[at],
      says: data.species[at] ?? ""}));
    const traces = mapTraces(data, choice.value, type);
    if (rings.length) traces.push(marked(rings, "found", "circle-open"));
    if (data.marked.length) traces.push(marked(data.marked, "queries", "star-diamond-open"));
    const layout = {height: element.clientHeight, margin: {l: 40, r: 10, t: 10, b: 40}, hovermode: "closest",
      uirevision: "same", dragmode: "pan", xaxis: axis(data.axes[0]), yaxis: {...axis(data.axes[1])},
      legend: {itemsizing: "constant", y: element.clientWidth < 700 ? -0.1 : 1,
        orientation: element.clientWidth < 700 ? "h" : "v"}};
    return Plotly.react(element, traces, dressed(layout), {...CONFIG, scrollZoom: true});
  };
  choice.addEventListener("change", draw);
  find.addEventListener("input", draw);
  drawn.set(element, draw);
  return draw();
}

// -- tables

function compared(a, b) {
  if (a === b) return 0;
  if (a === "" || a === null) return 1;  // nothing to say comes last, whichever way
  if (b === "" || b === null) return -1;
  return typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en", {numeric: true});
}

function download(name, kind, text) {
  const link = make("a", {href: URL.createObjectURL(new Blob([text], {type: kind})), download: name});
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function asTsv(columns, rows) {
  const cell = (value) => String(value ?? "").replace(/[\t\r\n]+/g, " ");
  return [columns, ...rows].map((row) => row.map(cell).join("\t") + "\n").join("");
}

function shownCell(value) {
  if (value && typeof value === "object") return make("a", {href: value.href, textContent: value.text});
  return typeof value === "number" ? number.format(value) : value ?? "";
}

function drawTable(element, {columns, rows, empty}) {
  if (!rows.length) return element.replaceChildren(make("p", {className: "about", textContent: empty}));
  const plain = (cell) => (cell && typeof cell === "object" ? cell.text : cell);
  const texts = rows.map((row) => row.map(plain).join(" ").toLowerCase());
  const numeric = columns.map((_, at) => rows.some((row) => typeof row[at] === "number"));
  const state = {page: 0, sort: -1, down: false, shown: rows.map((_, at) => at)};
  const search = make("input", {type: "search", placeholder: "Search", ariaLabel: `Search ${element.dataset.name}`});
  const [before, after] = ["‹", "›"].map((sign, at) => make("button", {type: "button", textContent: sign,
    ariaLabel: at ? "Next rows" : "Rows before"}));
  const save = make("button", {type: "button", textContent: "TSV", ariaLabel: `Download ${element.dataset.name} as TSV`});
  save.addEventListener("click", () => download(`${element.dataset.name}.tsv`, "text/tab-separated-values",
    asTsv(columns, state.shown.map((row) => rows[row].map(plain)))));
  const place = make("span", {role: "status"}), body = make("tbody");
  const heads = columns.map((name, at) => {
    const button = make("button", {type: "button", textContent: name});
    const head = make("th", {scope: "col", className: numeric[at] ? "number" : ""}, button);
    button.addEventListener("click", () => { state.down = state.sort === at && !state.down; state.sort = at; update(); });
    return head;
  });
  function update() {
    const wanted = search.value.trim().toLowerCase(), sign = state.down ? -1 : 1, at = state.sort;
    state.shown = [...rows.keys()].filter((row) => texts[row].includes(wanted));
    if (at >= 0) state.shown.sort((a, b) => {
      const [one, other] = [plain(rows[a][at]), plain(rows[b][at])];
      return one === "" || other === "" || one === null || other === null ? compared(one, other) : sign * compared(one, other);
    });
    heads.forEach((head, column) => { head.ariaSort = column !== at ? "none" : state.down ? "descending" : "ascending"; });
    state.page = 0;
    show();
  }
  function show() {
    const first = state.page * PAGE_ROWS, last = Math.min(first + PAGE_ROWS, state.shown.length);
    body.replaceChildren(...state.shown.slice(first, last).map((row) => make("tr", {}, ...rows[row].map((cell, at) =>
      make("td", {className: numeric[at] ? "number" : ""}, shownCell(cell))))));
    place.textContent = `${last ? number.format(first + 1) : 0} to ${number.format(last)} of ${number.format(state.shown.length)}`;
    before.disabled = state.page === 0;
    after.disabled = last >= state.shown.length;
  }
  search.addEventListener("input", update);
  before.addEventListener("click", () => { state.page -= 1; show(); });
  after.addEventListener("click", () => { state.page += 1; show(); });
  const paging = rows.length > 8 ? [search, make("span", {className: "space"}), place, before, after]
    : [make("span", {className: "space"})];
  const bar = make("div", {className: "bar"}, ...paging, save);
  element.replaceChildren(bar, make("div", {className: "scroll"},
    make("table", {}, make("thead", {}, make("tr", {}, ...heads)), body)));
  update();
}

// -- all of it: tables at once, figures when they come into view

const seen = new IntersectionObserver((entries) => {
  for (const entry of entries.filter((one) => one.isIntersecting)) {
    seen.unobserve(entry.target);
    const {figure, map} = DATA[entry.target.dataset.draw];
    entry.target.dataset.drawn = "yes";
    figure === undefined ? drawMap(entry.target, map) : drawFigure(entry.target, figure);
  }
}, {rootMargin: "400px"});

document.documentElement.dataset.theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", (event) => setTheme(event.matches ? "dark" : "light"));
document.getElementById("theme").addEventListener("click", () =>
  setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark"));
for (const element of document.querySelectorAll("[data-draw]")) {
  element.classList.contains("figure") ? seen.observe(element) : drawTable(element, DATA[element.dataset.draw]);
}
document.getElementById("json")?.addEventListener("click", (event) =>
  download(event.target.dataset.name, "application/json", JSON.stringify(DATA.json, null, 1) + "\n"));
function follow() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target?.tagName === "DETAILS") target.open = true;
}
addEventListener("hashchange", follow);
addEventListener("beforeprint", () => {
  for (const element of document.querySelectorAll(".figure")) element.scrollIntoView();
});
follow();
