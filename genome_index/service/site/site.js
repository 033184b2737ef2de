"use strict";
// The page's own script. Every page works without it; with it files are dropped, progress is seen, tables sort
// and the map is drawn.
const number = new Intl.NumberFormat("en");
const SVG = "http://www.w3.org/2000/svg";
const find = (name, within = document) => within.querySelector(`[data-${name}]`);
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const shown = (element, whether = true) => { if (element) element.hidden = !whether; };

function make(tag, values = {}, ...children) {
  const element = Object.assign(document.createElement(tag), values);
  element.append(...children);
  return element;
}

function sized(bytes) {
  const [by, unit] = [[1e9, "GB"], [1e6, "MB"], [1e3, "kB"]].find(([least]) => bytes >= least) ?? [1, "bytes"];
  return `${Number((bytes / by).toPrecision(3))} ${unit}`;
}

// -- following a job: soon at first, then more and more seldom

const OVER = ["done", "failed", "cancelled", "gone"];
let leaving = false;  // a form is being sent; what is followed on this page matters no more
addEventListener("submit", () => { leaving = true; });
addEventListener("pageshow", () => { leaving = false; });

async function follow(address, seen) {
  for (let wait = 300; !leaving; wait = Math.min(wait * 1.4, 8000)) {
    const job = await fetch(address).then((answer) => (answer.ok ? answer.json() : null)).catch(() => null);
    if (leaving || seen(job)) return;  // null: the service, or the network, is away; it is asked again
    await pause(wait);
  }
}

function followPage(section) {
  const said = find("state", section), bar = find("progress", section);
  follow(section.dataset.follow, (job) => {
    if (OVER.includes(job?.state)) {
      location.reload();
      return true;
    }
    const says = job ? job.says : "The service does not answer. It is asked again in a few seconds.";
    if (said.textContent !== says) said.textContent = says;  // said aloud when it changes, not each time
    if (job) bar.value = job.progress.answered;
    return false;
  });
}

function followPictures(place) {
  follow(place.dataset.followPictures, (job) => {
    if (!job || job.pictures === "pending") return false;
    renewed(place);
    return true;
  });
}

// The same part of this page as the service would send it now.
async function renewed(part) {
  const text = await (await fetch(location.href)).text();
  const there = new DOMParser().parseFromString(text, "text/html").getElementById(part.id);
  if (!there) return part;
  part.replaceWith(document.adoptNode(there));
  return there;
}

// -- asking: one file leads to its page, several are listed

function send(asked, form, seen) {
  const wanted = new URLSearchParams({name: asked.name, pictures: true, k: form.elements.k.value || 5});
  for (const name of ["genome_per", "exclude_identical", "keep"]) {
    if (form.elements[name].checked) wanted.set(name, form.elements[name].value);
  }
  return new Promise((done, failed) => {
    const request = new XMLHttpRequest();
    request.open("POST", `/v1/queries?${wanted}`);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.responseType = "json";
    request.upload.onprogress = (event) => event.lengthComputable && seen(event.loaded / event.total);
    request.onload = () => (request.status < 300 ? done(request.response)
      : failed(new Error(request.response?.detail ?? `The service answered ${request.status}; send it again.`)));
    request.onerror = () => failed(new Error("The service cannot be reached; see that you are online, and send it again."));
    request.send(asked.body);
  });
}

function pasted(text) {  // bases alone get a name, for FASTA asks for one
  const bare = /^[\sA-Za-z*-]+$/.test(text) && !/^\s*(LOCUS|ID)\b/.test(text);
  return {name: "pasted.fasta", body: new Blob([bare ? `>pasted\n${text.trim()}\n` : text])};
}

function startAsking(form) {
  const file = form.elements.file, text = form.elements.text, most = Number(form.dataset.most);
  const chosen = find("chosen", form), sending = find("sending", form), bar = find("progress", form);
  const problem = find("problem", form), button = form.querySelector("button.main");
  const complain = (sentence) => { problem.textContent = sentence; shown(problem, sentence !== ""); };
  file.multiple = true;
  shown(find("hint", form));

  function choose() {
    const files = [...file.files], large = files.find((one) => one.size > most);
    const all = files.length === 1 ? files[0].name : `${number.format(files.length)} files`;
    chosen.textContent = files.length ? `${all}, ${sized(files.reduce((sum, one) => sum + one.size, 0))}. Search sends it.` : "";
    complain(large ? `${large.name} has ${sized(large.size)}, and ${sized(most)} are taken; compress it, or send fewer genomes at once.` : "");
  }
  file.addEventListener("change", choose);
  startDropping((files) => { file.files = files; choose(); button.focus(); });

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    event.stopPropagation();  // it is sent from here; the page stays
    const asked = [...file.files].map((one) => ({name: one.name, body: one}));
    if (text.value.trim()) asked.push(pasted(text.value));
    complain(asked.length ? "" : "There is nothing to search for yet; choose a file, or paste a sequence.");
    if (!asked.length) return text.focus();
    button.disabled = true;
    shown(bar);
    const complaints = [];
    for (const [at, one] of asked.entries()) {
      sending.textContent = asked.length > 1 ? `Sending ${at + 1} of ${asked.length}: ${one.name}` : `Sending ${one.name}`;
      try {
        const job = await send(one, form, (share) => { bar.value = (at + share) / asked.length; });
        remember({id: job.id, name: one.name});
        if (asked.length === 1) return location.assign(`/queries/${job.id}`);
      } catch (error) {
        complaints.push(asked.length > 1 ? `${one.name}: ${error.message}` : error.message);
      }
    }
    sending.textContent = complaints.length ? "" : `${asked.length} files are sent; their answers are listed below.`;
    complain(complaints.join(" "));
    button.disabled = false;
    shown(bar, false);
    if (!complaints.length) { form.reset(); choose(); }
    return undefined;
  });
  addEventListener("pageshow", () => { button.disabled = false; shown(bar, false); sending.textContent = ""; choose(); });
}

function startDropping(take) {
  const veil = make("div", {className: "veil", hidden: true}, make("p", {textContent: "Drop to choose"}));
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

// -- what was asked from this tab; it is forgotten with the tab

const remembered = () => JSON.parse(sessionStorage.getItem("asked") ?? "[]");

function remember(one) {
  sessionStorage.setItem("asked", JSON.stringify([one, ...remembered()].slice(0, 200)));
  listAsked([one]);
}

async function listAsked(several) {
  const section = document.getElementById("asked");
  if (!section || !several.length) return;
  shown(section);
  const rows = several.map((one) => {
    const state = make("span", {className: "soft", textContent: "…"});
    const row = make("li", {}, make("a", {href: `/queries/${one.id}`, textContent: one.name}), state);
    return {id: one.id, row, state};
  });
  section.querySelector("ul").prepend(...rows.map((one) => one.row));
  for (const one of rows) {  // one after the other: a service of many readers is not asked for all at once
    await follow(`/queries/${one.id}/state`, (job) => {
      one.state.textContent = job ? job.says : "no answer; it is asked again";
      return OVER.includes(job?.state);
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
        if (missing(a) || missing(b)) return missing(a) - missing(b);  // nothing to say comes last, either way
        return sign * (numeric ? a - b : a.localeCompare(b, "en", {numeric: true}));
      });
      body.append(...order.map(([, row]) => row));
      for (const one of heads) one.ariaSort = one !== head ? "none" : down ? "descending" : "ascending";
    });
  });
}

function copyable(button) {
  const said = button.parentElement.querySelector("[data-copied]");
  shown(button);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(location.href);
      said.textContent = "Copied.";
    } catch {  // not allowed, or not over https: the reader copies it
      said.textContent = location.href;
      getSelection().selectAllChildren(said);
    }
  });
}

function pictured(image) {
  const missing = () => image.closest("figure").replaceWith(make("p", {className: "note",
    textContent: "The picture could not be drawn just now; load this page again to see it."}));
  if (image.complete && image.naturalWidth === 0 && image.currentSrc) missing();
  image.addEventListener("error", missing);
}

// -- all of it

for (const form of document.querySelectorAll("#ask")) startAsking(form);
for (const section of document.querySelectorAll("[data-follow]")) followPage(section);
for (const place of document.querySelectorAll("[data-follow-pictures]")) followPictures(place);
for (const table of document.querySelectorAll("table[data-sort]")) sortable(table);
for (const button of document.querySelectorAll("[data-copy]")) copyable(button);
for (const image of document.querySelectorAll("img[data-picture]")) pictured(image);
for (const place of document.querySelectorAll("[data-map]")) startMap(place);
listAsked(remembered());
