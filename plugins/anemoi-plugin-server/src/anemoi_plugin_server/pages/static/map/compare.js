// The page of two forecasts, or of a forecast and the truth: both, and their difference, on maps that move together.

import { Choosing, around, fill } from "./choosing.js";
import { Frames, fetchRaster, json } from "./frames.js";
import { drawLegend } from "./legend.js";
import { fetchCoastlines } from "./lines.js";
import { MapView } from "./map.js";
import { move } from "./moving.js";
import { presets } from "./projections.js";
import { Timeline } from "./timeline.js";
import { placeName, shown, written } from "./units.js";

const viewer = document.getElementById("viewer");
const form = document.getElementById("controls");
const told = document.getElementById("told");
const [job, ...path] = viewer.dataset.one.split("/");
const base = `/api/v1/results/${job}/fields`;
const file = path.join("/");

async function begin() {
  const description = await json(`${base}?${new URLSearchParams({ file })}`);
  const [raster, coastlines] = await Promise.all([fetchRaster(base, file), fetchCoastlines()]);
  const maps = ["one", "other", "difference"].map(
    (name) => new MapView(document.getElementById(`${name}-map`), description.grid, raster, coastlines),
  );
  fill(form.elements.projection, Object.entries(presets).map(([name, { label }]) => [name, label]));
  let [first, apart] = [null, null];
  let under = null;
  const choosing = new Choosing(form, description, load);
  const timeline = new Timeline(viewer, description.times, description.start, draw);

  function load() {
    viewer.dataset.loaded = 0;
    first?.stop();
    apart?.stop();
    const query = { file, ...choosing.query };
    const changed = () => {
      const i = Math.round(timeline.at);
      const [ours, theirs] = [first, apart].map((each) => each.fields.filter(Boolean).length);
      viewer.dataset.loaded = Math.min(ours, theirs);
      told.textContent = first.problems[i] || apart.problems[i];
      draw(timeline.at);
    };
    first = new Frames(base, query, description.times, changed);
    apart = new Frames(base, { ...query, minus: viewer.dataset.other }, description.times, changed);
    first.load(Math.round(timeline.at));
    apart.load(Math.round(timeline.at));
  }

  function draw(at) {
    const i = Math.round(at);
    const [one, less] = [first?.fields[i], apart?.fields[i]];
    if (apart) told.textContent = first.problems[i] || apart.problems[i];
    if (!one) return;
    const { palette, unit, variable } = choosing;
    const [low, high] = choosing.range(first.low, first.high);
    maps[0].paint(one, null, 0, palette, low, high);
    legend("legend", { palette, unit, low: choosing.shown(low), high: choosing.shown(high) });
    if (!less) return;
    maps[1].paint(one.map((value, p) => value - less[p]), null, 0, palette, low, high);
    const [from, to] = around(apart.low, apart.high);
    maps[2].paint(less, null, 0, "signed", from, to);
    const [least, most] = [from, to].map((value) => (choosing.isChance ? value : shown(variable, value, true)));
    legend("legend-difference", { palette: "signed", unit, low: least, high: most });
    tellUnder();
  }

  function legend(id, about) {
    const element = document.getElementById(id);
    const key = JSON.stringify(about);
    if (element.dataset.drawn === key) return;
    element.dataset.drawn = key;
    drawLegend(element, about);
  }

  function tellUnder() {
    const output = document.getElementById("under");
    const i = Math.round(timeline.at);
    const [one, less] = [first?.fields[i], apart?.fields[i]];
    const point = under ? maps[0].pointAt(under) : -1;
    if (!under || point < 0 || !one || !less) {
      output.textContent = "";
      return;
    }
    const range = choosing.shown(first.high) - choosing.shown(first.low);
    const say = (value) => written(value, range);
    const [here, there] = [one[point], one[point] - less[point]].map((value) => say(choosing.shown(value)));
    const difference = choosing.isChance ? less[point] : shown(choosing.variable, less[point], true);
    output.textContent = `${placeName(under)}: ${here} and ${there}, difference ${say(difference)} ${choosing.unit}`;
  }

  move(maps, {
    over(where) {
      under = where;
      tellUnder();
    },
    chosen() {},
  });
  const look = () => maps.forEach((map) => map.look(presets[form.elements.projection.value]));
  form.elements.projection.addEventListener("change", look);
  for (const name of ["low", "high"]) form.elements[name].addEventListener("input", () => draw(timeline.at));
  look();
  timeline.go(0);
  load();
}

begin().catch((error) => {
  told.textContent = error.message;
  told.classList.add("problem");
});
