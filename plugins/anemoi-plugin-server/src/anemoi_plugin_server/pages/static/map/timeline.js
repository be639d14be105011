// The slider of times, and the button that plays them.

export class Timeline {
  /**
   * @param {HTMLElement} element - holds `.play`, `.time`, `.speed` and `.when`
   * @param {string[]} times
   * @param {?string} start - of the forecast
   * @param {function(number): void} show - draws a moment: 2.5 lies between the times 2 and 3
   */
  constructor(element, times, start, show) {
    Object.assign(this, { times, start, show });
    [this.play, this.slider, this.speed, this.when] = [".play", ".time", ".speed", ".when"].map((each) =>
      element.querySelector(each),
    );
    this.slider.max = times.length - 1;
    this.at = 0;
    this.play.addEventListener("click", () => (this.playing ? this.pause() : this.run()));
    this.slider.addEventListener("input", () => {
      this.pause();
      this.go(Number(this.slider.value));
    });
  }

  /** Show a moment. */
  go(at) {
    this.at = at;
    const nearest = Math.round(at) % this.times.length;
    this.slider.value = nearest;
    const said = label(this.times[nearest], this.start);
    if (this.when.textContent !== said) this.when.textContent = said;
    this.slider.setAttribute("aria-valuetext", said);
    this.show(at);
  }

  run() {
    this.playing = true;
    this.#tell();
    let before = performance.now();
    const next = (now) => {
      if (!this.playing) return;
      const passed = Math.min(0.25, (now - before) / 1000);
      before = now;
      const last = this.times.length - 1;
      const at = this.at + passed * Number(this.speed.value);
      this.go(at >= last ? (this.at < last ? last : 0) : at);
      requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
  }

  /** Stop at a time that there is: what lies between is drawn only on the way. */
  pause() {
    if (!this.playing) return;
    this.playing = false;
    this.#tell();
    this.go(Math.round(this.at));
  }

  #tell() {
    this.play.textContent = this.playing ? "Pause" : "Play";
  }
}

/** A time in words, with the lead time: `Tue 23 Dec 2025, 06:00 UTC (+30 h)`. */
export function label(time, start) {
  const words = new Intl.DateTimeFormat("en-GB", {
    weekday: "short",
    day: "numeric",
    month: "short",
    year: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    timeZone: "UTC",
  }).format(new Date(time));
  const lead = start ? ` (+${(new Date(time) - new Date(start)) / 3.6e6} h)` : "";
  return `${words} UTC${lead}`;
}
