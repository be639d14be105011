// Moves maps with a pointer, a wheel and keys; maps beside each other move together.

const STEP = 0.08; // of the width of a map, for one press of a key
const REST = 150; // how many milliseconds after the last move all pixels are drawn

/**
 * @param {import("./map.js").MapView[]} maps
 * @param {object} on - `over(place, map)` with what is under the pointer, null off the globe; `chosen(place)`
 */
export function move(maps, on) {
  let settling = 0;
  const look = (change) => {
    maps.forEach((map) => map.look(change, true));
    clearTimeout(settling);
    settling = setTimeout(() => maps.forEach((map) => map.look()), REST);
  };
  for (const map of maps) {
    const { element } = map;
    const position = (event) => {
      const box = element.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    const pan = (dx, dy) => {
      const degrees = 180 / Math.PI / map.scale;
      const { lat, lon } = map.view;
      look({ lon: lon - (dx * degrees) / Math.max(0.2, Math.cos((lat * Math.PI) / 180)), lat: lat + dy * degrees });
    };
    const held = new Map();
    let moved = 0;
    let wanted = null;

    element.addEventListener("pointerdown", (event) => {
      element.setPointerCapture(event.pointerId);
      held.set(event.pointerId, position(event));
      moved = 0;
    });
    element.addEventListener("pointermove", (event) => {
      const now = position(event);
      const before = held.get(event.pointerId);
      if (!before) {
        on.over(map.placeAt(...now), map);
        return;
      }
      const [dx, dy] = [now[0] - before[0], now[1] - before[1]];
      moved += Math.hypot(dx, dy);
      if (moved < 5) return;
      const pinched = held.size === 2 ? spread(held) : 0;
      held.set(event.pointerId, now);
      const closer = pinched ? spread(held) / pinched : 1;
      // Several moves between two pictures are one.
      if (wanted) Object.assign(wanted, { dx: wanted.dx + dx, dy: wanted.dy + dy, closer: wanted.closer * closer });
      else {
        wanted = { dx, dy, closer };
        requestAnimationFrame(() => {
          map.view.zoom *= wanted.closer;
          pan(wanted.dx / held.size || 0, wanted.dy / held.size || 0);
          wanted = null;
        });
      }
    });
    element.addEventListener("pointerup", (event) => {
      const place = map.placeAt(...position(event));
      if (moved < 5 && held.size === 1 && place) on.chosen(place);
      held.delete(event.pointerId);
    });
    element.addEventListener("pointercancel", (event) => held.delete(event.pointerId));
    element.addEventListener("pointerleave", () => on.over(null, map));
    element.addEventListener(
      "wheel",
      (event) => {
        if (document.activeElement !== element && !event.ctrlKey) return; // the page scrolls
        event.preventDefault();
        look({ zoom: map.view.zoom * Math.exp(-event.deltaY / 500) });
      },
      { passive: false },
    );
    const centre = () => [map.view.lon, map.view.lat];
    element.addEventListener("focus", () => on.over(centre(), map));
    element.addEventListener("keydown", (event) => {
      const far = STEP * map.canvas.width;
      const keys = {
        ArrowLeft: () => pan(far, 0),
        ArrowRight: () => pan(-far, 0),
        ArrowUp: () => pan(0, far),
        ArrowDown: () => pan(0, -far),
        "+": () => look({ zoom: map.view.zoom * 1.3 }),
        "=": () => look({ zoom: map.view.zoom * 1.3 }),
        "-": () => look({ zoom: map.view.zoom / 1.3 }),
        Enter: () => on.chosen(centre()),
      };
      if (!keys[event.key]) return;
      event.preventDefault();
      keys[event.key]();
      on.over(centre(), map);
    });
  }
}

function spread(held) {
  const [one, other] = [...held.values()];
  return Math.hypot(one[0] - other[0], one[1] - other[1]);
}
