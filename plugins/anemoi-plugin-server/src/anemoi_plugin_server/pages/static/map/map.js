// A map on two canvases: the field, drawn again for each moment, and the lines, drawn again when the view changes.

import { drawLines } from "./lines.js";
import { colours } from "./palettes.js";
import { projections, wrapped } from "./projections.js";

const NOTHING = 0xffffffff;
const COARSE = 3; // how many pixels are one while a map moves

export class MapView {
  /**
   * @param {HTMLElement} element - holds two canvases, `.field` and `.lines`
   * @param {object} grid - rows, columns and edges of the raster
   * @param {Uint32Array} raster - which point each cell shows
   * @param {Int16Array[]} coastlines
   */
  constructor(element, grid, raster, coastlines) {
    Object.assign(this, { element, grid, raster, coastlines });
    this.canvas = element.querySelector(".field");
    this.overlay = element.querySelector(".lines");
    this.view = { projection: "equalEarth", lon: 0, lat: 0, zoom: 1 };
    this.pointColours = new Uint32Array(grid.shown + 1); // the last one is that of no point
    this.marker = null;
    this.drawn = 0;
    new ResizeObserver(() => this.resize()).observe(element);
    this.resize();
  }

  /** The points of the projection's plane that a pixel has. */
  get scale() {
    const shape = projections[this.view.projection];
    return this.view.zoom * Math.min(this.canvas.width / shape.width, this.canvas.height / shape.height) * 0.98;
  }

  resize() {
    const { width, height } = this.element.getBoundingClientRect();
    if (!width || !height) return;
    this.canvas.width = Math.round(width);
    this.canvas.height = Math.round(height);
    const fine = Math.min(2, window.devicePixelRatio || 1);
    this.overlay.width = Math.round(width * fine);
    this.overlay.height = Math.round(height * fine);
    this.fine = fine;
    this.image = this.canvas.getContext("2d").createImageData(this.canvas.width, this.canvas.height);
    this.pixels = new Uint32Array(this.image.data.buffer);
    this.pointOf = new Uint32Array(this.pixels.length);
    this.look();
  }

  /** Look at another place, in another projection, or nearer; in passing, with larger pixels and so faster. */
  look(change = {}, passing = false) {
    Object.assign(this.view, change);
    this.view.lat = Math.max(-90, Math.min(90, this.view.lat));
    this.view.lon = wrapped(this.view.lon);
    this.view.zoom = Math.max(0.8, Math.min(60, this.view.zoom));
    this.#findPoints(passing ? COARSE : 1);
    this.#drawLines();
    if (this.shown) this.paint(...this.shown);
  }

  /** Draw a field, or what lies between two, in these colours from `low` to `high`. */
  paint(one, other, part, palette, low, high) {
    this.shown = [one, other, part, palette, low, high];
    const table = (this.tables ??= {})[palette] ?? (this.tables[palette] = colours(palette));
    const [points, last] = [this.pointColours, table.length - 1];
    const factor = high > low ? last / (high - low) : 0;
    for (let p = 0; p < one.length; p++) {
      let value = one[p];
      if (other) value += (other[p] - value) * part;
      if (value !== value) {
        points[p] = 0; // missing
        continue;
      }
      const at = (value - low) * factor;
      points[p] = table[at <= 0 ? 0 : at >= last ? last : (at + 0.5) | 0];
    }
    const { pixels, pointOf } = this;
    for (let i = 0; i < pixels.length; i++) pixels[i] = points[pointOf[i]];
    this.canvas.getContext("2d").putImageData(this.image, 0, 0);
    this.canvas.dataset.drawn = ++this.drawn;
  }

  /** The place under a point of the element, [lon, lat]; null off the globe. */
  placeAt(x, y) {
    const place = [0, 0];
    const { width, height } = this.canvas;
    const found = projections[this.view.projection].unproject(
      (x - width / 2) / this.scale,
      (height / 2 - y) / this.scale,
      this.view,
      place,
    );
    return found ? place : null;
  }

  /** The number of the point that is shown at a place; -1 for none. */
  pointAt([lon, lat]) {
    const { grid } = this;
    const row = Math.floor(((grid.north - lat) / (grid.north - grid.south)) * grid.rows);
    const east = (((lon - grid.west) % 360) + 360) % 360;
    const column = Math.floor((east / (grid.east - grid.west)) * grid.columns);
    if (column >= grid.columns || row < 0 || row > grid.rows) return -1;
    const point = this.raster[Math.min(row, grid.rows - 1) * grid.columns + column];
    return point === NOTHING ? -1 : point;
  }

  /** Find what each pixel shows, in blocks of `size` by `size` pixels. */
  #findPoints(size) {
    const { width, height } = this.canvas;
    const { grid, raster, pointOf, view } = this;
    const shape = projections[view.projection];
    const [scale, place, none] = [this.scale, [0, 0], grid.shown];
    const rowsPerDegree = grid.rows / (grid.north - grid.south);
    const columnsPerDegree = grid.columns / (grid.east - grid.west);
    for (let y = 0; y < height; y += size) {
      const up = (height / 2 - y - size / 2) / scale;
      const line = y * width;
      for (let x = 0; x < width; x += size) {
        let point = none;
        if (shape.unproject((x + size / 2 - width / 2) / scale, up, view, place)) {
          const column = ((((place[0] - grid.west) % 360) + 360) % 360) * columnsPerDegree;
          const row = (grid.north - place[1]) * rowsPerDegree;
          if (column < grid.columns && row >= 0 && row <= grid.rows) {
            const found = raster[Math.min(row | 0, grid.rows - 1) * grid.columns + (column | 0)];
            if (found !== NOTHING) point = found;
          }
        }
        if (size === 1) pointOf[line + x] = point;
        else pointOf.fill(point, line + x, line + Math.min(x + size, width));
      }
      const last = Math.min(y + size, height);
      for (let below = y + 1; below < last; below++) pointOf.copyWithin(below * width, line, line + width);
    }
  }

  #drawLines() {
    const context = this.overlay.getContext("2d");
    const { width, height } = this.canvas;
    const { view, scale } = this;
    const shape = projections[view.projection];
    context.setTransform(this.fine, 0, 0, this.fine, 0, 0);
    context.clearRect(0, 0, width, height);
    const toPixels = (lon, lat) => {
      const found = shape.project(lon, lat, view);
      return found && [width / 2 + found[0] * scale, height / 2 - found[1] * scale];
    };
    drawLines(context, this.coastlines, toPixels, shape.width * scale);
    const at = this.marker && toPixels(...this.marker);
    if (!at) return;
    context.beginPath();
    context.arc(at[0], at[1], 6, 0, 2 * Math.PI);
    context.lineWidth = 5;
    context.strokeStyle = "white";
    context.stroke();
    context.lineWidth = 2.5;
    context.strokeStyle = "black";
    context.stroke();
  }
}
