// Coastlines and the graticule.

import { bytes } from "./frames.js";

/** Natural Earth, public domain: see tools/make_coastlines.py for the format. */
export async function fetchCoastlines() {
  const buffer = await bytes(new URL("coastlines.bin", import.meta.url));
  const count = new Uint32Array(buffer, 0, 1)[0];
  const lengths = new Uint16Array(buffer, 4, count);
  const points = new Int16Array(buffer, 4 + 2 * count);
  const lines = [];
  let at = 0;
  for (const length of lengths) {
    lines.push(points.subarray(2 * at, 2 * (at + length)));
    at += length;
  }
  return lines;
}

/** Meridians and parallels every `step` degrees, in hundredths as the coastlines. */
function graticule(step = 30) {
  const lines = [];
  for (let lon = -180; lon < 180; lon += step) {
    lines.push(Int16Array.from({ length: 122 }, (_, i) => (i % 2 ? 100 * (-90 + 3 * (i >> 1)) : 100 * lon)));
  }
  for (let lat = -60; lat <= 60; lat += step) {
    lines.push(Int16Array.from({ length: 242 }, (_, i) => (i % 2 ? 100 * lat : 100 * (-180 + 3 * (i >> 1)))));
  }
  return lines;
}

const GRATICULE = graticule();

/** Draw all lines on a canvas, where `toPixels(lon, lat)` gives [x, y] or null, and `width` is that of the map. */
export function drawLines(context, coastlines, toPixels, width) {
  stroke(context, GRATICULE, toPixels, width, "rgba(60, 70, 80, 0.35)", 0.7);
  stroke(context, coastlines, toPixels, width, "rgba(15, 20, 30, 0.85)", 1);
}

function stroke(context, lines, toPixels, width, colour, thickness) {
  context.beginPath();
  for (const line of lines) {
    let before = null;
    for (let i = 0; i < line.length; i += 2) {
      const pixel = toPixels(line[i] / 100, line[i + 1] / 100);
      if (pixel) {
        // A line that leaves the map on one side comes back on the other.
        if (before && Math.abs(pixel[0] - before[0]) < width / 2) context.lineTo(pixel[0], pixel[1]);
        else context.moveTo(pixel[0], pixel[1]);
      }
      before = pixel;
    }
  }
  context.strokeStyle = colour;
  context.lineWidth = thickness;
  context.stroke();
}
