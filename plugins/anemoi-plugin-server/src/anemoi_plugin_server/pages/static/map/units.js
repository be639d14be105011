// Numbers as people read them.

/** A value in the unit that is shown; of a difference or a spread the zero of the unit does not count. */
export function shown(variable, value, relative) {
  return value * variable.factor + (relative ? 0 : variable.offset);
}

/** The other way. */
export function stored(variable, value, relative) {
  return (value - (relative ? 0 : variable.offset)) / variable.factor;
}

/** With as many decimals as a range of values asks for. */
export function written(value, range) {
  if (!Number.isFinite(value)) return "missing";
  const decimals = range > 0 ? Math.max(0, Math.min(8, 2 - Math.floor(Math.log10(range)))) : 1;
  return value.toFixed(decimals).replace("-", "\u2212");
}

export function placeName([lon, lat]) {
  const ns = `${Math.abs(lat).toFixed(1)}°${lat < 0 ? "S" : "N"}`;
  return `${ns} ${Math.abs(lon).toFixed(1)}°${lon < 0 ? "W" : "E"}`;
}

/** Round numbers from `low` to `high`, about `count` of them, each with its text. */
export function ticks(low, high, count = 5) {
  if (!(high > low)) return [[low, written(low, 0)]];
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((each) => each * power).find((each) => each >= rough);
  const decimals = Math.max(0, Math.ceil(-Math.log10(step) - 1e-9) + (step === 2.5 * power ? 1 : 0));
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) {
    found.push([i * step, (i * step).toFixed(decimals).replace("-", "\u2212")]);
  }
  return found;
}
