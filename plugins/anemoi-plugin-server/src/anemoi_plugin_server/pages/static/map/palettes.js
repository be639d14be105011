// Colours for values: each palette goes through these, evenly spaced.

const STOPS = {
  temperature: ["#3b1e6d", "#2f4fb5", "#4b96d1", "#9fd3e6", "#f4f2df", "#f6c66f", "#e8853b", "#c93a2b", "#7c1230"],
  signed: ["#1f4e9c", "#4e8bc7", "#a7cbe4", "#f2f2f0", "#f0bf9a", "#d8754b", "#a3261f"],
  rain: ["#f7f7f2", "#c5e3ee", "#7fbfdc", "#3f8fc6", "#3a57a8", "#5b2a86", "#9b2d7c"],
  amount: ["#f5f6f0", "#d5e8bf", "#94cf9b", "#4fae93", "#2b8194", "#2f5687", "#3a2b66"],
  plain: ["#4a4f9e", "#3f7fb3", "#4aa7a3", "#86c883", "#d6e078", "#f6d06a", "#eb9a5a"],
  chance: ["#f7f7f2", "#dfe6b8", "#f3d36b", "#ee9a4a", "#d75542", "#9a2257", "#4d1459"],
};

const COLOURS = 256;

/** The colours of a palette, as pixels: 0xAABBGGRR. */
export function colours(name) {
  const stops = STOPS[name].map((text) => [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16)));
  return Uint32Array.from({ length: COLOURS }, (_, i) => {
    const at = (i / (COLOURS - 1)) * (stops.length - 1);
    const below = Math.min(Math.floor(at), stops.length - 2);
    const [r, g, b] = stops[below].map((low, k) => Math.round(low + (stops[below + 1][k] - low) * (at - below)));
    return ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
  });
}

/** The same from left to right, for a legend. */
export function gradient(name) {
  return `linear-gradient(to right, ${STOPS[name].join(", ")})`;
}
