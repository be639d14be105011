// The page of one result: a map that moves in time, the value under the pointer, and the meteogram of a place.

import { Choosing, fill } from "./choosing.js";
import { Frames, fetchRaster, json } from "./frames.js";
import { drawLegend } from "./legend.js";
import { fetchCoastlines } from "./lines.js";
import { MapView } from "./map.js";
import { drawMeteogram } from "./meteogram.js";
import { move } from "./moving.js";
import { presets } from "./projections.js";
import { Timeline } from "./timeline.js";
import { placeName, shown, written } from "./units.js";

const viewer = document.getElementById("viewer");
const form = document.getElementById("controls");
const told = document.getElementById("told");
const base = `/api/v1/results/${viewer.dataset.job}/fields`;
const file = viewer.dataset.file;

/** The view that shows a region. */
function region(grid) {
  const [lon, lat] = [(grid.west + grid.east) / 2, (grid.north + grid.south) / 2];
  const across = Math.max(grid.north - grid.south, (grid.east - grid.west) * Math.cos((lat * Math.PI) / 180));
  return { label: "Region", projection: "stereographic", lon, lat, zoom: (4 * 180) / Math.PI / across / 2 };
}

async function begin() {
  const description = await json(`${base}?${new URLSearchParams({ file })}`);
  const [raster, coastlines] = await Promise.all([fetchRaster(base, file), fetchCoastlines()]);
  const map = new MapView(document.getElementById("map"), description.grid, raster, coastlines);
  const views = description.grid.global ? presets : { region: region(description.grid), ...presets };
  fill(form.elements.projection, Object.entries(views).map(([name, { label }]) => [name, label]));
  let frames = null;
  let place = null;
  let under = null;

  const choosing = new Choosing(form, description, () => {
    load();
    if (place) meteogram();
  });
  const timeline = new Timeline(viewer, description.times, description.start, draw);

  function load() {
    viewer.dataset.loaded = 0;
    frames?.stop();
    if (choosing.isChance && form.elements.threshold.value === "") {
      told.textContent = "Give a threshold.";
      return;
    }
    const query = { file, ...choosing.query };
    frames = new Frames(base, query, description.times, () => {
      const loaded = frames.fields.filter(Boolean).length;
      const problem = frames.problems.find(Boolean);
      told.textContent = problem ?? (loaded < frames.times.length ? `${loaded} of ${frames.times.length} loaded` : "");
      viewer.dataset.loaded = loaded;
      draw(timeline.at);
    });
    frames.load(Math.round(timeline.at));
  }

  function draw(at) {
    if (!frames) return;
    const before = Math.floor(at);
    const one = frames.fields[before];
    if (!one) return;
    const other = at > before ? frames.fields[before + 1] : null;
    const [low, high] = choosing.range(frames.low, frames.high);
    const { palette, unit } = choosing;
    map.paint(one, other, at - before, palette, low, high);
    drawOnce({ palette, unit, low: choosing.shown(low), high: choosing.shown(high) });
    tellUnder();
  }

  let legend = "";
  function drawOnce(about) {
    const key = JSON.stringify(about);
    if (key === legend) return;
    legend = key;
    drawLegend(document.getElementById("legend"), about);
    const { label, level } = choosing.variable;
    map.canvas.setAttribute("aria-label", `Map of ${label}${level === null ? "" : ` at level ${level}`}`);
  }

  function tellUnder() {
    const output = document.getElementById("under");
    const point = under ? map.pointAt(under) : -1;
    const field = frames?.fields[Math.round(timeline.at)];
    if (!under || !field) output.textContent = "";
    else if (point < 0) output.textContent = `${placeName(under)}: nothing here`;
    else {
      const range = choosing.shown(frames.high) - choosing.shown(frames.low);
      const value = field[point];
      const said = Number.isNaN(value) ? "missing" : `${written(choosing.shown(value), range)} ${choosing.unit}`;
      output.textContent = `${placeName(under)}: ${said}`;
    }
  }

  async function meteogram() {
    const { variable } = choosing;
    const asked = { file, variable: variable.name, latitude: place[1], longitude: place[0] };
    const section = document.getElementById("meteogram");
    try {
      const found = await json(`${base}/point?${new URLSearchParams(asked)}`);
      const values = found.values.map((row) => row.map((each) => (each === null ? null : shown(variable, each, false))));
      const title = `${variable.label} at ${placeName([found.longitude, found.latitude])}`;
      drawMeteogram(section, found.times, values, { title, unit: variable.shown, start: description.start });
    } catch (error) {
      section.textContent = error.message;
    }
  }

  move([map], {
    over(where) {
      under = where;
      tellUnder();
    },
    chosen(where) {
      place = where;
      map.marker = where;
      map.look();
      meteogram();
    },
  });
  form.elements.projection.addEventListener("change", () => map.look(views[form.elements.projection.value]));
  for (const name of ["low", "high"]) form.elements[name].addEventListener("input", () => draw(timeline.at));
  map.look(views[form.elements.projection.value]);
  timeline.go(0);
  load();
}

begin().catch((error) => {
  told.textContent = error.message;
  told.classList.add("problem");
});
