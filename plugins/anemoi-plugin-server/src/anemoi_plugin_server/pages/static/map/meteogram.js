// A variable at one place over time: a line, or for an ensemble a plume of its members.

import { label } from "./timeline.js";
import { ticks, written } from "./units.js";

const HEIGHT = 260;
const MARGIN = { left: 52, right: 26, top: 14, bottom: 32 };

/**
 * Draw into `element`, which is emptied first.
 *
 * @param {string[]} times
 * @param {(?number)[][]} values - for each time one for each member, as they are shown
 * @param {{title: string, unit: string, start: ?string}} about
 */
export function drawMeteogram(element, times, values, about) {
  const all = values.flat().filter((value) => value !== null);
  const width = Math.max(320, Math.min(760, element.clientWidth));
  element.replaceChildren();
  if (!all.length) {
    element.append(made("p", { class: "quiet" }, "There are no values at this place."));
    return;
  }
  let [low, high] = [Math.min(...all), Math.max(...all)];
  if (!(high > low)) [low, high] = [low - 1, high + 1];
  const moments = times.map((time) => Number(new Date(time)));
  const [first, last] = [moments[0], moments[moments.length - 1]];
  const x = (at) =>
    MARGIN.left + (last > first ? (at - first) / (last - first) : 0.5) * (width - MARGIN.left - MARGIN.right);
  const y = (value) => HEIGHT - MARGIN.bottom - ((value - low) / (high - low)) * (HEIGHT - MARGIN.top - MARGIN.bottom);

  const title = `${about.title}${about.unit ? ` (${about.unit})` : ""}`;
  const picture = svg("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", "aria-label": title, class: "meteogram" });
  for (const [value, text] of ticks(low, high)) {
    picture.append(svg("line", { class: "grid", x1: MARGIN.left, x2: width - MARGIN.right, y1: y(value), y2: y(value) }));
    picture.append(svg("text", { x: MARGIN.left - 6, y: y(value) + 4, class: "end" }, text));
  }
  for (const at of days(first, last, width / 75)) {
    picture.append(svg("line", { class: "grid", x1: x(at), x2: x(at), y1: MARGIN.top, y2: HEIGHT - MARGIN.bottom }));
    const day = new Date(at).toLocaleDateString("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
    // At the right edge it ends where the picture does, whatever the font.
    const [left, anchor] = x(at) > width - 2 * MARGIN.right ? [x(at) + MARGIN.right - 4, "end"] : [x(at), "middle"];
    picture.append(svg("text", { x: left, y: HEIGHT - MARGIN.bottom + 18, class: anchor }, day));
  }

  const members = values[0].length;
  const series = (value) => values.map((row, i) => [moments[i], value(row)]).filter(([, each]) => each !== null);
  if (members > 1) {
    for (const [from, to, name] of [
      [0, 1, "outer"],
      [0.25, 0.75, "inner"],
    ]) {
      const [below, above] = [series((row) => quantile(row, from)), series((row) => quantile(row, to))];
      const edge = [...above, ...below.reverse()].map(([at, value]) => `${x(at)},${y(value)}`);
      picture.append(svg("polygon", { points: edge.join(" "), class: name }));
    }
  }
  const line = series((row) => (members > 1 ? quantile(row, 0.5) : row[0]));
  picture.append(svg("polyline", { points: line.map(([at, value]) => `${x(at)},${y(value)}`).join(" "), class: "line" }));

  element.append(made("h3", {}, title), picture);
  if (members > 1) element.append(made("p", { class: "hint" }, `Median, half and all of ${members} members`));
  element.append(table(times, values, title, about.start, high - low));
}

/** The values in numbers, for those who do not see the picture, or want them. */
function table(times, values, title, start, range) {
  const heads = values[0].length > 1 ? ["Time", "Lowest", "Median", "Highest"] : ["Time", title];
  const rows = times.map((time, i) => {
    const wanted = heads.length > 2 ? [0, 0.5, 1] : [0];
    const cells = wanted.map((part) => {
      const value = quantile(values[i], part);
      return value === null ? "missing" : written(value, range);
    });
    const row = made("tr", {});
    row.append(made("th", { scope: "row" }, label(time, start)), ...cells.map((cell) => made("td", {}, cell)));
    return row;
  });
  const head = made("tr", {});
  head.append(...heads.map((each) => made("th", { scope: "col" }, each)));
  const whole = made("table", {});
  whole.append(made("caption", { class: "hidden" }, title), made("thead", {}), made("tbody", {}));
  whole.querySelector("thead").append(head);
  whole.querySelector("tbody").append(...rows);
  const scroll = made("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "The values in numbers" });
  scroll.append(whole);
  const details = made("details", { id: "numbers" });
  details.append(made("summary", {}, "In numbers"), scroll);
  return details;
}

/** With linear interpolation between members; null where all are missing. */
export function quantile(row, part) {
  const there = row.filter((value) => value !== null).sort((a, b) => a - b);
  if (!there.length) return null;
  const at = part * (there.length - 1);
  const below = Math.floor(at);
  return there[below] + (at - below) * ((there[below + 1] ?? there[below]) - there[below]);
}

/** The first moments of days, not more than `most`. */
function days(first, last, most) {
  const day = 864e5;
  const step = day * Math.max(1, Math.ceil((last - first) / day / most));
  const found = [];
  for (let at = Math.ceil(first / day) * day; at <= last; at += step) found.push(at);
  return found;
}

function svg(name, attributes, text) {
  return fitted(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, text);
}

function made(name, attributes, text) {
  return fitted(document.createElement(name), attributes, text);
}

function fitted(element, attributes, text) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  return element;
}
