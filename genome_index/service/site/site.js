"use strict";
// Script of the page. Every page works without it; it adds dropping of files, progress, sorting of tables and
// the map.
const number = new Intl.NumberFormat("en");
const SVG = "http://www.w3.org/2000/svg";
const find = (name, within = document) => within.querySelector(`[data-${name}]`);
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const shown = (element, visible = true) => { if (element) element.hidden = !visible; };

function make(tag, values = {}, ...children) {
  const element = Object.assign(document.createElement(tag), values);
  element.append(...children);
  return element;
}

function sized(bytes) {
  const [by, unit] = [[1e9, "GB"], [1e6, "MB"], [1e3, "kB"]].find(([least]) => bytes >= least) ?? [1, "bytes"];
  return `${Number((bytes / by).toPrecision(3))} ${unit}`;
}

// -- the state of a job, requested at growing intervals

const FINISHED = ["done", "failed", "deleted"];
let leaving = false;  // a form is being sent, so the state no longer matters
addEventListener("submit", () => { leaving = true; });
addEventListener("pageshow", () => { leaving = false; });

async function follow(address, isFinished) {
  for (let wait = 300; !leaving; wait = Math.min(wait * 1.4, 8000)) {
    const job = await fetch(address).then((response) => (response.ok ? response.json() : null)).catch(() => null);
    if (leaving || isFinished(job)) return;  // null: the service or the network is down; the request is repeated
    await pause(wait);
  }
}

function followPage(section) {
  const status = find("state", section), bar = find("progress", section);
  follow(section.dataset.follow, (job) => {
    if (FINISHED.includes(job?.state)) {
      location.reload();
      return true;
    }
    const text = job ? job.text : "The service does not respond. The request is repeated in a few seconds.";
    if (status.textContent !== text) status.textContent = text;  // screen readers read every assignment aloud
    if (job) bar.value = job.progress.answered;
    return false;
  });
}

function followFigures(place) {
  follow(place.dataset.followFigures, (job) => {
    if (!job || job.pictures === "pending") return false;
    reloaded(place);
    return true;
  });
}

// Replace a part of this page by its current version from the service.
async function reloaded(part) {
  const text = await (await fetch(location.href)).text();
  const current = new DOMParser().parseFromString(text, "text/html").getElementById(part.id);
  if (!current) return part;
  part.replaceWith(document.adoptNode(current));
  return current;
}

// -- the search form: one file leads to its page, several files are listed

function send(file, form, onProgress) {
  const settings = new URLSearchParams({name: file.name, pictures: true, k: form.elements.k.value || 5});
  for (const name of ["genome_per", "exclude_identical", "keep"]) {
    if (form.elements[name].checked) settings.set(name, form.elements[name].value);
  }
  return new Promise((done, failed) => {
    const request = new XMLHttpRequest();
    request.open("POST", `/v1/queries?${settings}`);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.responseType = "json";
    request.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
    request.onload = () => (request.status < 300 ? done(request.response)
      : failed(new Error(request.response?.detail ?? `The service responded with ${request.status}; send the file again.`)));
    request.onerror = () => failed(new Error("The service cannot be reached; check the connection and send the file again."));
    request.send(file.body);
  });
}

function pasted(text) {  // bases without header get one, which FASTA requires
  const bare = /^[\sA-Za-z*-]+$/.test(text) && !/^\s*(LOCUS|ID)\b/.test(text);
  return {name: "pasted.fasta", body: new Blob([bare ? `>pasted\n${text.trim()}\n` : text])};
}

function startForm(form) {
  const file = form.elements.file, text = form.elements.text, most = Number(form.dataset.most);
  const chosen = find("chosen", form), sending = find("sending", form), bar = find("progress", form);
  const problem = find("problem", form), button = form.querySelector("button.main");
  const complain = (sentence) => { problem.textContent = sentence; shown(problem, sentence !== ""); };
  file.multiple = true;
  shown(find("hint", form));

  function showChoice() {
    const files = [...file.files], large = files.find((one) => one.size > most);
    const names = files.length === 1 ? files[0].name : `${number.format(files.length)} files`;
    chosen.textContent = files.length ? `${names}, ${sized(files.reduce((sum, one) => sum + one.size, 0))}. Press Search to send.` : "";
    complain(large ? `${large.name} has ${sized(large.size)}, ${sized(most)} are allowed; compress it, or send fewer genomes at once.` : "");
  }
  file.addEventListener("change", showChoice);
  startDropping((files) => { file.files = files; showChoice(); button.focus(); });

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    event.stopPropagation();  // the script sends the files, and the page stays
    const files = [...file.files].map((one) => ({name: one.name, body: one}));
    if (text.value.trim()) files.push(pasted(text.value));
    complain(files.length ? "" : "There is no sequence; choose a file, or paste a sequence.");
    if (!files.length) return text.focus();
    button.disabled = true;
    shown(bar);
    const complaints = [];
    for (const [at, one] of files.entries()) {
      sending.textContent = files.length > 1 ? `Sending ${at + 1} of ${files.length}: ${one.name}` : `Sending ${one.name}`;
      try {
        const job = await send(one, form, (share) => { bar.value = (at + share) / files.length; });
        addRecent({id: job.id, name: one.name});
        if (files.length === 1) return location.assign(`/queries/${job.id}`);
      } catch (error) {
        complaints.push(files.length > 1 ? `${one.name}: ${error.message}` : error.message);
      }
    }
    sending.textContent = complaints.length ? "" : `${files.length} files are sent; the answers are listed below.`;
    complain(complaints.join(" "));
    button.disabled = false;
    shown(bar, false);
    if (!complaints.length) { form.reset(); showChoice(); }
    return undefined;
  });
  addEventListener("pageshow", () => { button.disabled = false; shown(bar, false); sending.textContent = ""; showChoice(); });
}

function startDropping(take) {
  const veil = make("div", {className: "veil", hidden: true}, make("p", {textContent: "Drop the files here"}));
  const carries = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  document.body.append(veil);
  for (const kind of ["dragenter", "dragover"]) {
    addEventListener(kind, (event) => { if (carries(event)) { event.preventDefault(); shown(veil); } });
  }
  addEventListener("dragleave", (event) => { if (event.relatedTarget === null) shown(veil, false); });
  addEventListener("drop", (event) => {
    shown(veil, false);
    if (!carries(event)) return;
    event.preventDefault();
    if (event.dataTransfer.files.length) take(event.dataTransfer.files);
  });
}

// -- the queries of this tab, stored until it is closed

const recentQueries = () => JSON.parse(sessionStorage.getItem("queries") ?? "[]");

function addRecent(query) {
  sessionStorage.setItem("queries", JSON.stringify([query, ...recentQueries()].slice(0, 200)));
  listRecent([query]);
}

async function listRecent(queries) {
  const section = document.getElementById("recent");
  if (!section || !queries.length) return;
  shown(section);
  const rows = queries.map((one) => {
    const state = make("span", {className: "soft", textContent: "…"});
    const row = make("li", {}, make("a", {href: `/queries/${one.id}`, textContent: one.name}), state);
    return {id: one.id, row, state};
  });
  section.querySelector("ul").prepend(...rows.map((one) => one.row));
  for (const one of rows) {  // one after the other, to spare the service
    await follow(`/queries/${one.id}/state`, (job) => {
      one.state.textContent = job ? job.text : "no response; the request is repeated";
      return FINISHED.includes(job?.state);
    });
  }
}

// -- tables

function sortable(table) {
  const heads = [...table.tHead.rows[0].cells], body = table.tBodies[0];
  const value = (row, at, numeric) => {
    const text = row.cells[at].textContent.trim();
    return numeric ? parseFloat(text.replaceAll(",", "")) : text === "–" ? "" : text;
  };
  if (body.rows.length < 2) return;
  heads.forEach((head, at) => {
    const button = make("button", {type: "button"}, ...head.childNodes), numeric = head.classList.contains("number");
    head.classList.add("sortable");
    head.append(button);
    head.ariaSort = "none";
    button.addEventListener("click", () => {
      const down = numeric ? head.ariaSort !== "descending" : head.ariaSort === "ascending", sign = down ? -1 : 1;
      const missing = (one) => one === "" || Number.isNaN(one);
      const order = [...body.rows].map((row) => [value(row, at, numeric), row]).sort(([a], [b]) => {
        if (missing(a) || missing(b)) return missing(a) - missing(b);  // empty cells come last in both directions
        return sign * (numeric ? a - b : a.localeCompare(b, "en", {numeric: true}));
      });
      body.append(...order.map(([, row]) => row));
      for (const one of heads) one.ariaSort = one !== head ? "none" : down ? "descending" : "ascending";
    });
  });
}

function copyable(button) {
  const status = button.parentElement.querySelector("[data-copied]");
  shown(button);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(location.href);
      status.textContent = "Copied.";
    } catch {  // forbidden, or not over https: the reader copies the link
      status.textContent = location.href;
      getSelection().selectAllChildren(status);
    }
  });
}

function replaceMissing(image) {
  const missing = () => image.closest("figure").replaceWith(make("p", {className: "note",
    textContent: "The figure could not be drawn; reload this page to see it."}));
  if (image.complete && image.naturalWidth === 0 && image.currentSrc) missing();
  image.addEventListener("error", missing);
}

// -- start

for (const form of document.querySelectorAll("#search-form")) startForm(form);
for (const section of document.querySelectorAll("[data-follow]")) followPage(section);
for (const place of document.querySelectorAll("[data-follow-figures]")) followFigures(place);
for (const table of document.querySelectorAll("table[data-sort]")) sortable(table);
for (const button of document.querySelectorAll("[data-copy]")) copyable(button);
for (const image of document.querySelectorAll("img[data-figure]")) replaceMissing(image);
for (const place of document.querySelectorAll("[data-map]")) startMap(place);
listRecent(recentQueries());
