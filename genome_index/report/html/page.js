"use strict";
// The script of the report: tables, tooltips, and light or dark. map.js and sunburst.js draw those figures, draw.js
// starts all of it.
const DATA = JSON.parse(document.getElementById("data").textContent);
const PAGE_ROWS = 15;
const SVG = "http://www.w3.org/2000/svg";
const number = new Intl.NumberFormat("en");
const redraws = new Map();  // figure -> function that draws it again in the colours of the theme
const find = (name, within = document) => within.querySelector(`[data-${name}]`);
const shown = (element, whether = true) => { if (element) element.hidden = !whether; };
const genomeAddress = () => null;  // genomes have no page of their own here

function make(tag, values = {}, ...children) {
  const element = Object.assign(document.createElement(tag), values);
  element.append(...children);
  return element;
}

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  for (const redraw of redraws.values()) redraw();
}

// -- tooltips: texts in data-tip, and the numbers of a heatmap's cells

const tip = make("div", {className: "tip", hidden: true, role: "tooltip"});

function tipOf(event) {
  const element = event.target.closest?.("[data-tip]");
  return element?.dataset.tip === "cells" ? cellText(element, event) : element?.dataset.tip;
}

function cellText(element, event) {
  const {labels, similarity, ani} = DATA[element.closest("[data-cells]").dataset.cells].cells;
  const box = element.getBoundingClientRect(), count = labels.length;
  const cell = (at, start, length) => Math.min(count - 1, Math.max(0, Math.floor((at - start) / length * count)));
  const row = cell(event.clientY, box.top, box.height), column = cell(event.clientX, box.left, box.width);
  const [low, high] = [Math.min(row, column), Math.max(row, column)], value = ani[high][low];
  const known = value === null ? "none" : value < 0 ? "unknown" : value;
  return `${labels[row]}\n${labels[column]}\nsimilarity: ${similarity[high][low]}\nANI (%): ${known}`;
}

function showTip(event) {
  const text = tipOf(event);
  shown(tip, Boolean(text));
  if (!text) return;
  tip.textContent = text;
  const {clientWidth: width, clientHeight: height} = document.documentElement, space = 14;
  const left = Math.max(4, Math.min(event.clientX + space, width - tip.offsetWidth - 4));
  const below = event.clientY + space, fits = below + tip.offsetHeight < height;
  tip.style.left = `${left}px`;
  tip.style.top = `${fits ? below : Math.max(4, event.clientY - tip.offsetHeight - space)}px`;
}

// -- tables

function compared(a, b) {
  if (a === b) return 0;
  if (a === "" || a === null) return 1;  // empty cells come last in either direction
  if (b === "" || b === null) return -1;
  return typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en", {numeric: true});
}

function download(name, kind, text) {
  const link = make("a", {href: URL.createObjectURL(new Blob([text], {type: kind})), download: name});
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

// By the rule of genome_index/io/tsv.py.
function asTsv(columns, rows) {
  const cell = (value) => {
    const text = String(value ?? "").replace(/[\0-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]/gu, " ");
    return text.startsWith('"') ? `"${text.replaceAll('"', '""')}"` : text;
  };
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
