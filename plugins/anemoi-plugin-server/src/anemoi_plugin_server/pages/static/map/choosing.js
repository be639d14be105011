// What is shown: the variable, its level, and what of the members.

import { shown, stored } from "./units.js";

export class Choosing {
  /**
   * @param {HTMLFormElement} form - with `parameter`, `level`, `statistic`, `member`, `threshold`, `low` and `high`
   * @param {object} description - of the fields
   * @param {function(): void} changed
   */
  constructor(form, description, changed) {
    Object.assign(this, { description, fields: form.elements });
    this.parameters = new Map();
    for (const variable of description.variables) {
      const same = this.parameters.get(variable.parameter) ?? [];
      this.parameters.set(variable.parameter, [...same, variable]);
    }
    const named = [...this.parameters].map(([name, [first]]) => [name, `${first.label} (${name})`]);
    fill(this.fields.parameter, named);
    fill(this.fields.member, Array.from({ length: description.members }, (_, i) => [i, i ? `Member ${i}` : "Control"]));
    if (description.members < 2) {
      for (const name of ["statistic", "member", "threshold"]) hide(this.fields[name], true);
    }
    this.#levels();
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("change", (event) => {
      if (!Object.values(["parameter", "level", "statistic", "member", "threshold"]).includes(event.target.name)) return;
      if (event.target.name === "parameter") this.#levels();
      if (event.target.name !== "threshold") this.#threshold();
      this.fields.low.value = this.fields.high.value = "";
      changed();
    });
    this.#threshold();
  }

  get variable() {
    const same = this.parameters.get(this.fields.parameter.value);
    return same[Number(this.fields.level.value) || 0];
  }

  get statistic() {
    return this.description.members < 2 ? "mean" : this.fields.statistic.value;
  }

  /** Whether values are those of a difference, so that the zero of the unit does not count. */
  get relative() {
    return this.statistic === "spread";
  }

  get isChance() {
    return ["above", "below"].includes(this.statistic);
  }

  /** What the server is asked for. */
  get query() {
    const asked = { variable: this.variable.name, statistic: this.statistic };
    if (this.statistic === "member") asked.member = this.fields.member.value;
    if (this.isChance) asked.threshold = stored(this.variable, Number(this.fields.threshold.value), false);
    return asked;
  }

  get palette() {
    if (this.isChance) return "chance";
    return this.relative ? "amount" : this.variable.palette;
  }

  get unit() {
    return this.isChance ? "%" : this.variable.shown;
  }

  /** A value as people read it. */
  shown(value) {
    return this.isChance ? value : shown(this.variable, value, this.relative);
  }

  /** The range of colours, in the units of the data: what is written, or else what there is. */
  range(low, high) {
    const back = (value) => (this.isChance ? value : stored(this.variable, value, this.relative));
    if (this.isChance) [low, high] = [0, 100];
    else if (this.relative) low = 0;
    else if (this.variable.palette === "signed") [low, high] = around(low, high);
    const { low: from, high: to } = this.fields;
    return [from.value === "" ? low : back(Number(from.value)), to.value === "" ? high : back(Number(to.value))];
  }

  #levels() {
    const same = this.parameters.get(this.fields.parameter.value);
    fill(
      this.fields.level,
      same.map((each, i) => [i, each.level === null ? (each.level_type ?? "") : levelName(each)]),
    );
    hide(this.fields.level, same.length < 2);
    this.fields.threshold.value = "";
  }

  #threshold() {
    if (this.description.members < 2) return;
    hide(this.fields.member, this.statistic !== "member");
    hide(this.fields.threshold, !this.isChance);
    const unit = this.fields.threshold.labels[0].querySelector(".unit");
    if (unit) unit.textContent = this.variable.shown ? `(${this.variable.shown})` : "";
  }
}

/** A range about zero. */
export function around(low, high) {
  const most = Math.max(Math.abs(low), Math.abs(high));
  return [-most, most];
}

const UNITS = { pressure: "hPa", height: "m", depth: "m", theta: "K" };

function levelName({ level, level_type: type }) {
  if (UNITS[type]) return `${level} ${UNITS[type]}`;
  return type ? `${type} ${level}` : `${level}`;
}

export function fill(select, options) {
  select.replaceChildren(...options.map(([value, text]) => new Option(text, value)));
}

function hide(field, hidden) {
  field.closest(".control").hidden = hidden;
}
