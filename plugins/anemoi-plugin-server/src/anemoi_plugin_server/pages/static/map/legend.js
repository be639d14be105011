// The bar of colours below a map.

import { gradient } from "./palettes.js";
import { ticks, written } from "./units.js";

/** @param {HTMLElement} element - holds `.bar` and `.ticks` */
export function drawLegend(element, { palette, low, high, unit }) {
  const [bar, scale] = [element.querySelector(".bar"), element.querySelector(".ticks")];
  bar.style.background = gradient(palette);
  const range = high - low;
  scale.replaceChildren(
    ...ticks(low, high, element.clientWidth < 400 ? 4 : 8).map(([value, text]) => {
      const tick = document.createElement("span");
      tick.textContent = text;
      tick.style.left = `${range > 0 ? (100 * (value - low)) / range : 0}%`;
      return tick;
    }),
  );
  element.querySelector(".unit").textContent = unit;
  element.setAttribute("aria-label", `Colours from ${written(low, range)} to ${written(high, range)} ${unit}`);
}
