// -- start: tables and tooltips at once, the map and the sunburst when they come into view

function drawFigure(element) {
  const data = DATA[element.dataset.draw];
  element.dataset.drawn = "yes";
  if (element.dataset.kind === "Sunburst") return drawSunburst(element, data);
  const places = new Map(data.ids.map((id, at) => [id, at]));
  return drawMap(element, data, places, data.marked, {search: true});
}

const seen = new IntersectionObserver((entries) => {
  for (const {target} of entries.filter((entry) => entry.isIntersecting)) {
    seen.unobserve(target);
    redraws.set(target, drawFigure(target));
  }
}, {rootMargin: "400px"});

document.documentElement.dataset.theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", (event) => setTheme(event.matches ? "dark" : "light"));
document.getElementById("theme").addEventListener("click", () =>
  setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark"));
for (const element of document.querySelectorAll("[data-draw]")) {
  if (element.dataset.kind) seen.observe(element);
  else drawTable(element, DATA[element.dataset.draw]);
}
for (const title of document.querySelectorAll("svg title")) {  // the page's own tooltips show at once, and to a finger
  const element = title.parentElement;
  if (element.tagName === "svg") element.setAttribute("aria-label", title.textContent);
  else element.dataset.tip = title.textContent;
  title.remove();
}
document.body.append(tip);
for (const kind of ["pointermove", "pointerdown"]) document.addEventListener(kind, showTip);
document.addEventListener("scroll", () => shown(tip, false), {passive: true});
document.getElementById("json")?.addEventListener("click", (event) =>
  download(event.target.dataset.name, "application/json", JSON.stringify(DATA.json, null, 1) + "\n"));
function follow() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target?.tagName === "DETAILS") target.open = true;
}
addEventListener("hashchange", follow);
addEventListener("beforeprint", () => {
  for (const element of document.querySelectorAll("[data-kind]")) element.scrollIntoView();
});
follow();
