// From places to a map and back. Angles are degrees, a map is in units of the radius of the Earth, y points up.
// Snyder, "Map Projections: A Working Manual", USGS Professional Paper 1395, 1987; Equal Earth: Šavrič, Patterson and
// Jenny, "The Equal Earth map projection", Int. J. Geogr. Inf. Sci. 33, 2019.

const RAD = Math.PI / 180;

/** A longitude, or the difference of two, within [-180, 180). */
export const wrapped = (degrees) => ((((degrees + 180) % 360) + 360) % 360) - 180;

/**
 * A projection has the size of the whole map, `project(lon, lat, centre)` to [x, y] or null, and
 * `unproject(x, y, centre, place)`, which writes [lon, lat] into `place` and tells whether anything is there.
 */
const equirectangular = {
  width: 2 * Math.PI,
  height: Math.PI,
  project: (lon, lat, centre) => [wrapped(lon - centre.lon) * RAD, (lat - centre.lat) * RAD],
  unproject(x, y, centre, place) {
    place[0] = wrapped(centre.lon + x / RAD);
    place[1] = centre.lat + y / RAD;
    return Math.abs(x) <= Math.PI && Math.abs(place[1]) <= 90;
  },
};

const [A1, A2, A3, A4] = [1.340264, -0.081106, 0.000893, 0.003796];
const ROOT = Math.sqrt(3) / 2;

function equalEarthY(lat) {
  const t = Math.asin(ROOT * Math.sin(lat * RAD));
  const t2 = t * t;
  const t6 = t2 * t2 * t2;
  return [t * (A1 + A2 * t2 + t6 * (A3 + A4 * t2)), t];
}

/** How much the parallel at parameter t stretches. */
function equalEarthX(t) {
  const t2 = t * t;
  const t6 = t2 * t2 * t2;
  return Math.cos(t) / (ROOT * (A1 + 3 * A2 * t2 + t6 * (7 * A3 + 9 * A4 * t2)));
}

const equalEarth = {
  width: 2 * Math.PI * equalEarthX(0),
  height: 2 * equalEarthY(90)[0],
  project(lon, lat, centre) {
    const [y, t] = equalEarthY(lat);
    return [wrapped(lon - centre.lon) * RAD * equalEarthX(t), y - equalEarthY(centre.lat)[0]];
  },
  unproject(x, y, centre, place) {
    const wanted = y + equalEarthY(centre.lat)[0];
    if (Math.abs(wanted) > this.height / 2) return false;
    let t = wanted / A1;
    for (let i = 0; i < 6; i++) {
      const t2 = t * t;
      const t6 = t2 * t2 * t2;
      t -= (t * (A1 + A2 * t2 + t6 * (A3 + A4 * t2)) - wanted) / (A1 + 3 * A2 * t2 + t6 * (7 * A3 + 9 * A4 * t2));
    }
    const turn = x / equalEarthX(t) / RAD;
    place[0] = wrapped(centre.lon + turn);
    place[1] = Math.asin(Math.min(1, Math.max(-1, Math.sin(t) / ROOT))) / RAD;
    return Math.abs(turn) <= 180;
  },
};

/** A projection about its centre: `radius` is how far on the map a place at angle c from the centre lies. */
function azimuthal(width, farthest, radius, angle) {
  return {
    width,
    height: width,
    project(lon, lat, centre) {
      const [l, p, q] = [(lon - centre.lon) * RAD, lat * RAD, centre.lat * RAD];
      const cosine = Math.sin(q) * Math.sin(p) + Math.cos(q) * Math.cos(p) * Math.cos(l);
      const c = Math.acos(Math.min(1, Math.max(-1, cosine)));
      if (c > farthest) return null;
      const k = c < 1e-9 ? 1 : radius(c) / Math.sin(c);
      return [
        k * Math.cos(p) * Math.sin(l),
        k * (Math.cos(q) * Math.sin(p) - Math.sin(q) * Math.cos(p) * Math.cos(l)),
      ];
    },
    unproject(x, y, centre, place) {
      const r = Math.hypot(x, y);
      const c = angle(r);
      if (!(c <= farthest)) return false;
      const q = centre.lat * RAD;
      const [sine, cosine] = [Math.sin(c), Math.cos(c)];
      const up = r ? (y * sine * Math.cos(q)) / r : 0;
      place[1] = Math.asin(Math.min(1, Math.max(-1, cosine * Math.sin(q) + up))) / RAD;
      place[0] = wrapped(
        centre.lon + Math.atan2(x * sine, r * Math.cos(q) * cosine - y * Math.sin(q) * sine) / RAD,
      );
      return true;
    },
  };
}

const orthographic = azimuthal(2, Math.PI / 2, Math.sin, (r) => (r <= 1 ? Math.asin(r) : Infinity));
const stereographic = azimuthal(
  4,
  (150 * Math.PI) / 180,
  (c) => 2 * Math.tan(c / 2),
  (r) => 2 * Math.atan(r / 2),
);

export const projections = { equirectangular, equalEarth, orthographic, stereographic };

/** What can be chosen: a projection, and where it begins. */
export const presets = {
  "equal-earth": { label: "World, areas true", projection: "equalEarth", lon: 0, lat: 0, zoom: 1 },
  equirectangular: { label: "World, longitude by latitude", projection: "equirectangular", lon: 0, lat: 0, zoom: 1 },
  globe: { label: "Globe", projection: "orthographic", lon: 10, lat: 30, zoom: 1 },
  north: { label: "North Pole", projection: "stereographic", lon: 0, lat: 90, zoom: 1 },
  south: { label: "South Pole", projection: "stereographic", lon: 0, lat: -90, zoom: 1 },
};
