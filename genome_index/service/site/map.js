// The map of the index: loaded as soon as it exists, drawn by the map script of the report.
const RETRY_MS = 5000;
const genomeAddress = (id) => `/genomes/${encodeURIComponent(id)}`;

async function startMap(place) {
  const status = find("status", place);
  if (!place.dataset.map) {  // the map is being made; once it exists, the page knows the places of its marks
    status.textContent = "The map is being made and appears here when it is ready.";
    await pause(RETRY_MS);
    return startMap(await reloaded(place));
  }
  const response = await fetch(place.dataset.map).catch(() => null);
  if (!response?.ok) {
    status.textContent = `The map could not be loaded; reload this page to see it. ${status.textContent}`;
    return undefined;
  }
  const data = await response.json(), places = new Map(data.ids.map((id, at) => [id, at]));
  const marks = JSON.parse(place.dataset.marks).flatMap((mark) => {
    const row = places.get(mark.id);  // a genome of the index is at its own place
    const [x, y] = mark.at ?? [data.x[row], data.y[row]];
    return x === undefined ? [] : [{...mark, x, y}];
  });
  return drawMap(place, data, places, marks);
}
