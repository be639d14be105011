// Fields over time from the server, one after the other until all are here.

const HEADER = 16;
const MISSING = 0xffff;

/** A field from its bytes: offset and step, then a 16-bit code for each point. Missing is NaN. */
export function unpack(buffer) {
  const head = new DataView(buffer, 0, HEADER);
  const [offset, step] = [head.getFloat64(0, true), head.getFloat64(8, true)];
  const codes = new Uint16Array(buffer, HEADER);
  return Float32Array.from(codes, (code) => (code === MISSING ? NaN : offset + step * code));
}

/** The raster of a grid: which point each cell shows. */
export async function fetchRaster(base, file) {
  return new Uint32Array(await bytes(`${base}/grid?${new URLSearchParams({ file })}`));
}

export class Frames {
  /**
   * @param {string} base - of the fields of a result
   * @param {object} query - what is wanted: file, variable, statistic, ...
   * @param {string[]} times
   * @param {function(): void} changed - called when another has come
   */
  constructor(base, query, times, changed) {
    Object.assign(this, { base, query, times, changed });
    this.fields = new Array(times.length).fill(null);
    this.problems = new Array(times.length).fill("");
    this.low = Infinity;
    this.high = -Infinity;
    this.stopped = new AbortController();
  }

  /** Load all, the one at `first` before the others. */
  async load(first = 0) {
    const order = this.times.map((_, i) => (first + i) % this.times.length);
    const loader = async () => {
      while (order.length && !this.stopped.signal.aborted) await this.#one(order.shift());
    };
    await Promise.all([loader(), loader(), loader()]);
  }

  stop() {
    this.stopped.abort();
  }

  async #one(i) {
    const asked = new URLSearchParams({ ...this.query, time: this.times[i] });
    try {
      const field = unpack(await bytes(`${this.base}/values?${asked}`, this.stopped.signal));
      for (const value of field) {
        if (value < this.low) this.low = value;
        if (value > this.high) this.high = value;
      }
      this.fields[i] = field;
    } catch (error) {
      if (this.stopped.signal.aborted) return;
      this.problems[i] = error.message;
    }
    this.changed();
  }
}

/** What an address holds; what the server says of an error is the error. */
export async function bytes(address, signal) {
  const answer = await fetch(address, { signal });
  if (answer.ok) return answer.arrayBuffer();
  throw new Error(await told(answer));
}

export async function json(address) {
  const answer = await fetch(address);
  if (answer.ok) return answer.json();
  throw new Error(await told(answer));
}

async function told(answer) {
  try {
    const problem = await answer.json();
    return [problem.detail, problem.fix].filter(Boolean).join(" ");
  } catch {
    return `The server answered ${answer.status}.`;
  }
}
