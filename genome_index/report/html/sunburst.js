// The taxonomy as rings: a sector for each name, its parent inside it. A click on a sector puts it in the middle,
// a click on the middle goes back. data: {labels, parents, counts, ranks, colours, inks, start, rings}.
const LETTERS = 11, LETTER = 0.56 * LETTERS;  // pixels: size of the text, mean width of a character
const LEAST_LETTERS = 5;  // a shorter label says nothing
const GAP = 12;  // pixels around the rings
const MOST_PARTED = 400;  // sectors with lines between them; lines would hide more of them
const GREY = "#7A8087";  // the middle, in either theme

function drawSunburst(element, data) {
  const children = data.labels.map(() => []);
  data.parents.forEach((parent, at) => parent >= 0 && children[parent].push(at));
  let middle = data.start;

  // Every visible sector with its depth and angles in turns, the middle first.
  function sectors() {
    const found = [{at: middle, depth: 0, from: 0, to: 1}];
    for (const {at, depth, from, to} of found) {
      if (data.rings !== null && depth >= data.rings) continue;
      let angle = from;
      for (const child of children[at]) {
        const wide = (to - from) * data.counts[child] / data.counts[at];
        found.push({at: child, depth: depth + 1, from: angle, to: angle + wide});
        angle += wide;
      }
    }
    return found;
  }

  function open(at) {
    const next = at === middle ? data.parents[middle] : at;
    if (next < 0 || (at !== middle && !children[at].length)) return;
    middle = next;
    draw();
  }

  function tipOf(at) {
    return `${data.labels[at]}\n${data.ranks[at]}\n${number.format(data.counts[at])} of ${data.labels[0]}`;
  }

  function sector({at, depth, from, to}, ring) {
    const group = drawing("g", {"data-tip": tipOf(at)}), path = drawing("path", {
      d: ringPath(depth * ring, (depth + 1) * ring, from, to), fill: depth ? data.colours[at] : GREY,
    });
    group.append(path, ...labelOf(at, depth, from, to, ring));
    const opens = at === middle ? data.parents[at] >= 0 : children[at].length > 0;
    if (opens) {
      for (const [name, value] of [["tabindex", 0], ["role", "button"], ["aria-label", data.labels[at]]]) group.setAttribute(name, value);
      group.addEventListener("click", () => open(at));
      group.addEventListener("keydown", (event) => event.key === "Enter" && open(at));
    }
    return group;
  }

  // Along the ring where there is room for it, else from the middle outwards, else not at all.
  function labelOf(at, depth, from, to, ring) {
    const radius = (depth + 0.5) * ring, text = data.labels[at];
    const along = depth ? (to - from) * 2 * Math.PI * radius : 1.8 * ring;
    const fits = (long, wide) => (wide > LETTERS + 2 ? Math.floor((long - 6) / LETTER) : 0);
    const across = depth > 0 && fits(ring, along) > fits(along, ring);
    const most = across ? fits(ring, along) : fits(along, ring);
    if (most < Math.min(text.length, LEAST_LETTERS)) return [];
    const cut = text.length > most ? `${text.slice(0, most - 1)}…` : text;
    const look = {"font-size": LETTERS, "text-anchor": "middle", "dominant-baseline": "central", fill: depth ? data.inks[at] : "#fff"};
    if (depth && !across) return curved(cut, look, `${element.dataset.draw}-arc-${at}`, radius, from, to);
    const turn = (from + to) / 2, [x, y] = depth ? onRing(radius, turn) : [0, 0];
    const label = drawing("text", {...look, x, y, transform: `rotate(${depth ? 360 * turn + (turn > 0.5 ? 90 : -90) : 0} ${x} ${y})`});
    label.textContent = cut;
    return [label];
  }

  // Text on an arc, which runs against the clock in the lower half, so that it is upright.
  function curved(text, look, id, radius, from, to) {
    const turn = (from + to) / 2, lower = turn > 0.25 && turn < 0.75, half = Math.min(0.499, (to - from) / 2);
    const [start, end] = lower ? [turn + half, turn - half] : [turn - half, turn + half];
    const arc = drawing("path", {id, fill: "none", class: "arc",
      d: `M${onRing(radius, start)}A${radius} ${radius} 0 ${half > 0.25 ? 1 : 0} ${lower ? 0 : 1} ${onRing(radius, end)}`});
    const label = drawing("text", look), line = drawing("textPath", {href: `#${id}`, startOffset: "50%"});
    line.textContent = text;
    label.append(line);
    return [arc, label];
  }

  function draw() {
    const size = Math.min(element.clientWidth, 640), found = sectors();
    const ring = (size / 2 - GAP) / (1 + Math.max(1, ...found.map((one) => one.depth)));
    const svg = drawing("svg", {class: found.length > MOST_PARTED ? "dense" : "", width: size, height: size, viewBox: `${-size / 2} ${-size / 2} ${size} ${size}`});
    svg.append(...found.map((one) => sector(one, ring)));
    element.replaceChildren(svg);
  }

  new ResizeObserver(draw).observe(element);
  draw();
  return draw;
}

function drawing(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

// A point so many turns clockwise from the top.
function onRing(radius, turn) {
  return [radius * Math.sin(2 * Math.PI * turn), -radius * Math.cos(2 * Math.PI * turn)].map((one) => Math.round(one * 100) / 100);
}

function ringPath(inner, outer, from, to) {
  const circle = (radius, sweep) => [0.5, 0].map((turn) => `A${radius} ${radius} 0 0 ${sweep} ${onRing(radius, turn)}`).join("");
  if (to - from >= 1) return `M${onRing(outer, 0)}${circle(outer, 1)}Z` + (inner ? `M${onRing(inner, 0)}${circle(inner, 0)}Z` : "");
  const large = to - from > 0.5 ? 1 : 0;
  return `M${onRing(outer, from)}A${outer} ${outer} 0 ${large} 1 ${onRing(outer, to)}L${onRing(inner, to)}A${inner} ${inner} 0 ${large} 0 ${onRing(inner, from)}Z`;
}
