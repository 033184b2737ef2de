"use strict";
// The map of a collection on a canvas: genomes in the colours of the names at a rank or label, queries as stars.
// It is the map of the report and of the service: their own scripts define make, find, shown, number, SVG and
// genomeAddress(id), the address of a genome's page or nothing.
const SHAPES = ["circle", "square", "diamond", "triangle"];
const REACH = 16;  // pixels between the pointer and the nearest point that it selects
const NEAR_NAMES = 4;  // names of hits that have a colour, however few genomes have them
const MOST_NAMED = 8;  // queries with a label; of more queries none has one
const FARTHEST = 400;  // largest enlargement
const MOST_RINGS = 2000;  // rings around search results

const tone = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

function outline(pen, shape, x, y, r) {
  if (shape === "circle") return pen.arc(x, y, r, 0, 2 * Math.PI);
  if (shape === "square") return pen.rect(x - 0.9 * r, y - 0.9 * r, 1.8 * r, 1.8 * r);
  const corners = {
    diamond: [[0, -1.25], [1.25, 0], [0, 1.25], [-1.25, 0]],
    triangle: [[0, -1.2], [1.15, 0.85], [-1.15, 0.85]],
    star: [...Array(8).keys()].map((at) => [Math.sin(at * Math.PI / 4), -Math.cos(at * Math.PI / 4)]
      .map((one) => one * (at % 2 ? 0.36 : 1.3))),
  }[shape];
  corners.forEach(([dx, dy], at) => pen[at ? "lineTo" : "moveTo"](x + r * dx, y + r * dy));
  return pen.closePath();
}

function swatch(shape, colour, opacity = 1) {
  const points = [];
  outline({moveTo: (x, y) => points.push(`M${x} ${y}`), lineTo: (x, y) => points.push(`L${x} ${y}`), closePath: () => points.push("Z"),
    arc: (x, y, r) => points.push(`M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0`),
    rect: (x, y, w, h) => points.push(`M${x} ${y}h${w}v${h}h${-w}Z`)}, shape, 8, 8, 5.5);
  const picture = document.createElementNS(SVG, "svg"), path = document.createElementNS(SVG, "path");
  picture.setAttribute("viewBox", "0 0 16 16");
  picture.setAttribute("aria-hidden", "true");
  path.setAttribute("d", points.join(""));
  path.setAttribute("fill", colour);
  path.setAttribute("fill-opacity", opacity);
  picture.append(path);
  return picture;
}

// The names with most genomes at a level have colours, and those of the nearest hits.
function groupsOf(data, level, near) {
  const {names, codes} = data.levels[level], counts = new Array(names.length).fill(0);
  for (const code of codes) if (code >= 0) counts[code] += 1;
  const largest = [...names.keys()].sort((a, b) => counts[b] - counts[a]);
  const wanted = [...new Set(near.map((at) => codes[at]))].filter((code) => code >= 0).slice(0, NEAR_NAMES);
  const some = new Set([...wanted, ...largest].slice(0, data.palette.length));
  const order = largest.filter((code) => some.has(code));
  const place = new Map(order.map((code, at) => [code, at]));
  const groups = order.map((code, at) => ({name: names[code], at: [], colour: data.palette[at], shape: SHAPES[at % SHAPES.length]}));
  const others = {name: `${number.format(names.length - order.length)} others`, at: [], tone: "others", opacity: 0.4};
  const unnamed = {name: "no name", at: [], tone: "faint", opacity: 0.4};
  codes.forEach((code, at) => (code < 0 ? unnamed : place.has(code) ? groups[place.get(code)] : others).at.push(at));
  return [unnamed, others, ...groups].filter((group) => group.at.length);
}

// Draw the map into `place`; `search` adds the search field and zoom by the wheel. Returns a function that
// draws it again in the colours of the theme.
function drawMap(place, data, places, marks, {search = false} = {}) {
  const frame = find("canvas", place), canvas = make("canvas"), tip = make("div", {className: "tip", hidden: true});
  const pen = canvas.getContext("2d"), controls = find("controls", place), legend = find("legend", place);
  const hits = [...new Set(marks.flatMap((mark) => mark.hits.map((id) => places.get(id))))].filter((at) => at !== undefined);
  const levels = Object.keys(data.levels).filter((level) => level === data.level || data.levels[level].names.length > 1);
  const choice = make("select", {}, ...levels.map((level) => make("option", {value: level, textContent: level})));
  const button = (text, act, label) => {
    const made = make("button", {type: "button", textContent: text, onclick: act});
    if (label) made.ariaLabel = label;
    return made;
  };
  const whole = around(data.x.keys(), data, 0.04);
  const near = marks.length ? around(hits.values(), data, 0.6, marks) : whole;
  let view = whole, groups = [], pinned = false, found = [];
  const hidden = new Set();

  choice.value = data.level;
  controls.append(make("label", {}, "Colour by ", choice), button("Whole map", () => look(whole)),
    ...(marks.length ? [button(`Around ${place.dataset.what}`, () => look(near))] : []),
    button("+", () => look(zoomed(1 / 1.6)), "Enlarge the map"), button("−", () => look(zoomed(1.6)), "Shrink the map"));
  if (search) controls.append(...searchField());
  frame.append(canvas, tip);
  canvas.role = "img";
  canvas.ariaLabel = `Map of ${number.format(data.ids.length)} genomes. ${spoken(marks)}`;
  for (const element of [frame, controls]) shown(element);

  const enlarged = () => (whole[1] - whole[0]) / (view[1] - view[0]);
  const across = (x) => (x - view[0]) / (view[1] - view[0]) * frame.clientWidth;
  const down = (y) => (view[3] - y) / (view[3] - view[2]) * frame.clientHeight;

  function zoomed(by) {
    const [x, y] = [(view[0] + view[1]) / 2, (view[2] + view[3]) / 2];
    return [x - (x - view[0]) * by, x + (view[1] - x) * by, y - (y - view[2]) * by, y + (view[3] - y) * by];
  }

  function searchField() {
    const texts = data.ids.map((id, at) => `${id} ${data.species[at] ?? ""}`.toLowerCase());
    const field = make("input", {type: "search", placeholder: "id or name"}), status = make("span", {role: "status"});
    field.addEventListener("input", () => {
      const text = field.value.trim().toLowerCase();
      found = text ? [...texts.keys()].filter((at) => texts[at].includes(text)) : [];
      status.textContent = text ? `${number.format(found.length)} found` : "";
      draw();
    });
    return [make("label", {}, "Find ", field), status];
  }

  function look(wanted) {
    const times = (whole[1] - whole[0]) / (wanted[1] - wanted[0]);
    view = times <= 1 ? whole : times > FARTHEST ? view : wanted;
    canvas.classList.toggle("free", times > 1);
    hide();
    draw();
  }

  function colour() {
    groups = groupsOf(data, choice.value, marks.length > 1 ? [] : hits);
    hidden.clear();
    const named = groups.filter((group) => group.colour), rest = groups.filter((group) => !group.colour);
    legend.replaceChildren(...[...named, ...rest.reverse()].map(legendEntry));
    if (marks.length) legend.prepend(make("li", {}, swatch("star", tone("ink")), make("span", {textContent: place.dataset.what})));
    draw();
  }

  // A click on an entry hides its genomes, and another shows them again.
  function legendEntry(group) {
    const entry = make("button", {type: "button", ariaPressed: "true"},
      swatch(group.shape ?? "circle", group.colour ?? tone(group.tone), group.opacity),
      make("span", {textContent: `${group.name} (${number.format(group.at.length)})`}));
    entry.addEventListener("click", () => {
      if (!hidden.delete(group)) hidden.add(group);
      entry.ariaPressed = String(!hidden.has(group));
      draw();
    });
    return make("li", {}, entry);
  }

  function draw() {
    const scale = devicePixelRatio || 1, width = frame.clientWidth, height = frame.clientHeight;
    canvas.width = width * scale;
    canvas.height = height * scale;
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    const radius = Math.min(5.5, Math.max(1.8, 170 / Math.sqrt(data.ids.length)) * Math.min(2, enlarged() ** 0.25));
    for (const group of groups.filter((one) => !hidden.has(one))) {
      pen.globalAlpha = group.opacity ?? 0.85;
      pen.fillStyle = group.colour ?? tone(group.tone);
      pen.beginPath();
      for (const at of group.at) {
        const x = across(data.x[at]), y = down(data.y[at]);
        if (x < -9 || y < -9 || x > width + 9 || y > height + 9) continue;
        pen.moveTo(x + radius, y);
        outline(pen, group.shape ?? "circle", x, y, radius);
      }
      pen.fill();
    }
    pen.globalAlpha = 1;
    axes(width, height);
    found.slice(0, MOST_RINGS).forEach((at) => ring(across(data.x[at]), down(data.y[at]), radius + 4));
    marks.forEach((mark) => star(across(mark.x), down(mark.y)));
    const taken = [];  // where letters stand; others would not be read
    if (marks.length <= MOST_NAMED) marks.forEach((mark) => letter(mark, across(mark.x), down(mark.y), width, taken));
  }

  // The names of the axes, where they have a meaning: those of principal components.
  function axes(width, height) {
    pen.font = `12px ${getComputedStyle(document.body).fontFamily}`;
    pen.fillStyle = tone("soft");
    const [right, up] = data.axes.map((name, at) => (name ? `${name} ${at ? "↑" : "→"}` : ""));
    pen.fillText(right, width - pen.measureText(right).width - 8, height - 8);
    pen.fillText(up, 8, 18);
  }

  function ring(x, y, radius) {
    pen.beginPath();
    pen.arc(x, y, radius, 0, 2 * Math.PI);
    pen.strokeStyle = tone("ink");
    pen.lineWidth = 2;
    pen.stroke();
  }

  function star(x, y) {
    pen.beginPath();
    outline(pen, "star", x, y, 11);
    pen.lineJoin = "round";
    pen.strokeStyle = tone("paper");
    pen.lineWidth = 4;
    pen.stroke();
    pen.fillStyle = tone("ink");
    pen.fill();
  }

  function letter(mark, x, y, width, taken) {
    const text = mark.label.length > 28 ? `${mark.label.slice(0, 27)}…` : mark.label;
    pen.font = `600 13px ${getComputedStyle(document.body).fontFamily}`;
    const wide = pen.measureText(text).width, left = Math.max(4, Math.min(x - wide / 2, width - wide - 4));
    const base = y > 34 ? y - 17 : y + 27;
    if (taken.some((one) => Math.abs(one.base - base) < 16 && one.left < left + wide && left < one.left + one.wide)) return;
    taken.push({left, wide, base});
    pen.strokeStyle = tone("paper");
    pen.lineWidth = 4;
    pen.strokeText(text, left, base);
    pen.fillStyle = tone("ink");
    pen.fillText(text, left, base);
  }

  // The query or else the genome nearest to the pointer, within reach.
  function under(event) {
    const box = canvas.getBoundingClientRect(), x = event.clientX - box.left, y = event.clientY - box.top;
    const nearest = (several, of) => several.reduce((best, one) => {
      const [dx, dy] = [across(of(one).x) - x, down(of(one).y) - y], far = dx * dx + dy * dy;
      return far < best.far ? {far, one} : best;
    }, {far: REACH * REACH, one: null}).one;
    const mark = nearest(marks, (one) => one);
    if (mark) return {x: mark.x, y: mark.y, href: mark.href, title: mark.label, lines: [mark.text]};
    const seen = groups.filter((group) => !hidden.has(group)).flatMap((group) => group.at);
    const at = nearest(seen, (one) => ({x: data.x[one], y: data.y[one]}));
    if (at === null) return null;
    const level = data.levels[choice.value], name = level.names[level.codes[at]];
    const more = choice.value !== "species" && name ? [`${choice.value}: ${name}`] : [];
    return {x: data.x[at], y: data.y[at], href: genomeAddress(data.ids[at]), title: data.ids[at],
      lines: [data.species[at] ?? "no species", ...more]};
  }

  function tell(found, pin) {
    pinned = pin && Boolean(found);
    if (!found) return hide();
    const title = found.href ? make("a", {href: found.href, textContent: found.title}) : make("strong", {textContent: found.title});
    tip.replaceChildren(make("p", {}, title), ...found.lines.map((line) => make("p", {textContent: line})));
    tip.classList.toggle("pinned", pinned);
    shown(tip);
    const x = across(found.x), y = down(found.y), space = 12;
    tip.style.left = `${Math.max(4, Math.min(x + space, frame.clientWidth - tip.offsetWidth - 4))}px`;
    tip.style.top = `${y + space + tip.offsetHeight > frame.clientHeight ? Math.max(4, y - tip.offsetHeight - space) : y + space}px`;
    return undefined;
  }

  function hide() { pinned = false; shown(tip, false); }

  let grip = null;
  const fingers = new Map();  // of a pinch: pointer -> where it is

  function pinch(event) {
    const apart = () => { const [a, b] = [...fingers.values()]; return Math.hypot(a.x - b.x, a.y - b.y); };
    const before = apart();
    fingers.set(event.pointerId, {x: event.clientX, y: event.clientY});
    look(zoomed(before / Math.max(1, apart())));
  }

  if (search) canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const box = canvas.getBoundingClientRect(), by = Math.exp(Math.sign(event.deltaY) * 0.2);
    const x = view[0] + (event.clientX - box.left) / box.width * (view[1] - view[0]);
    const y = view[3] - (event.clientY - box.top) / box.height * (view[3] - view[2]);
    look([x - (x - view[0]) * by, x + (view[1] - x) * by, y - (y - view[2]) * by, y + (view[3] - y) * by]);
  }, {passive: false});
  canvas.addEventListener("pointerdown", (event) => {
    fingers.set(event.pointerId, {x: event.clientX, y: event.clientY});
    grip = fingers.size > 1 ? null : {x: event.clientX, y: event.clientY, view, moved: false};
  });
  canvas.addEventListener("pointermove", (event) => {
    if (fingers.size === 2) return pinch(event);
    if (!grip) return pinned || event.pointerType === "touch" || tell(under(event), false);
    const [dx, dy] = [event.clientX - grip.x, event.clientY - grip.y];
    if (Math.hypot(dx, dy) < 5 || view === whole) return undefined;
    grip.moved = true;
    const [x, y] = [dx / frame.clientWidth * (view[1] - view[0]), dy / frame.clientHeight * (view[3] - view[2])];
    return look([grip.view[0] - x, grip.view[1] - x, grip.view[2] + y, grip.view[3] + y]);
  });
  canvas.addEventListener("pointerup", (event) => {
    if (grip && !grip.moved) tell(under(event), true);
    release(event);
  });
  const release = (event) => { grip = null; fingers.delete(event.pointerId); };
  canvas.addEventListener("pointercancel", release);
  frame.addEventListener("pointerleave", (event) => { release(event); if (!pinned) hide(); });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
  choice.addEventListener("change", colour);
  new ResizeObserver(draw).observe(frame);
  for (const query of ["(prefers-color-scheme: dark)", "print"]) matchMedia(query).addEventListener("change", colour);
  colour();
  return colour;
}

// The queries in words, for screen readers.
function spoken(marks) {
  return marks.map((mark) => `${mark.label}, ${mark.text}, is near ${mark.hits.slice(0, 3).join(", ")}.`).slice(0, 5).join(" ");
}

// The part of the plane with some genomes (left, right, bottom, top), with a margin and a least size.
function around(which, data, margin, marks = []) {
  const least = 0.02, xs = marks.map((mark) => mark.x), ys = marks.map((mark) => mark.y);
  for (const at of which) { xs.push(data.x[at]); ys.push(data.y[at]); }
  const span = (all, axis) => {
    const low = all.reduce((a, b) => Math.min(a, b)), high = all.reduce((a, b) => Math.max(a, b));
    const whole = axis.reduce((a, b) => Math.max(a, b)) - axis.reduce((a, b) => Math.min(a, b)) || 1;
    const half = Math.max((high - low) * (0.5 + margin), whole * least), middle = (low + high) / 2;
    return [middle - half, middle + half];
  };
  return [...span(xs, data.x), ...span(ys, data.y)];
}
