"""Maps in a browser: that they show what was forecast where it was, and fluently."""

from __future__ import annotations

import re
from itertools import product

import numpy as np
import pytest
from playwright.sync_api import expect

from .. import weather
from .test_pages import loaded

COLUMN = {each.name: i for i, each in enumerate(weather.VARIABLES)}


@pytest.fixture
def look(opened, address, keep):
    """A function that makes a forecast and opens its map."""

    def look(grid, **more):
        job = keep(lambda files: weather.write_forecast(files / "forecast.zarr", grid, **more), of=repr(more))
        page = opened(address)
        page.goto(f"/view/{job.id}")
        loaded(page)
        return page

    return look


def plain(text):
    """A text with a minus as programs write it."""
    return text.replace("\N{MINUS SIGN}", "-")


def number(text):
    """The number that a text ends with, before its unit."""
    return float(re.search(r": (-?[\d.]+)", plain(text))[1])


def under(page, x=0.5, y=0.5):
    """What is told of a part of the map: the place, [longitude, latitude], and the value."""
    box = page.locator("#map").bounding_box()
    page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
    said = page.locator("#under").text_content()
    lat, ns, lon, ew = re.match(r"([\d.]+)°([NS]) ([\d.]+)°([EW])", said).groups()
    return (float(lon) * (1 if ew == "E" else -1), float(lat) * (1 if ns == "N" else -1)), said


def test_the_value_under_the_pointer_is_that_of_the_nearest_point(look):
    grid = weather.octahedral(24)
    page = look(grid, states=3)
    values = weather.fields(grid, 6)[0, :, COLUMN["2t"]] - 273.15
    projections = ("equal-earth", "equirectangular", "globe", "north", "south")
    for projection, (x, y) in product(projections, ((0.5, 0.5), (0.42, 0.3), (0.6, 0.62))):
        page.get_by_label("Projection").select_option(projection)
        (lon, lat), said = under(page, x, y)
        # The place is told to a tenth of a degree, and a cell of the raster is half a degree wide.
        lats, lons = (np.radians(each) for each in (grid.latitudes, grid.longitudes))
        cosine = np.sin(lats) * np.sin(np.radians(lat)) + np.cos(lats) * np.cos(np.radians(lat)) * np.cos(
            lons - np.radians(lon)
        )
        near = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
        close = near <= near.min() + 0.8
        assert values[close].min() - 0.06 <= number(said) <= values[close].max() + 0.06


def test_projections_are_what_their_names_say(opened, address):
    page = opened(address)
    page.goto("/models")
    found = page.evaluate("""async () => {
        const { projections } = await import("/static/map/projections.js");
        const centre = { lon: 20, lat: 35 };
        const places = [];
        for (let lat = -80; lat <= 80; lat += 20)
            for (let lon = -170; lon < 180; lon += 35) places.push([lon, lat]);
        const there = (shape) => places.map((place) => {
            const at = shape.project(...place, centre);
            const back = [0, 0];
            return [place, at, at && shape.unproject(...at, centre, back) && back];
        });
        return Object.fromEntries(Object.entries(projections).map(([name, shape]) => [name, there(shape)]));
    }""")
    for name, rows in found.items():
        there = [(place, at, back) for place, at, back in rows if at]
        assert len(there) >= 30
        for place, _, back in there:
            np.testing.assert_allclose(back, place, atol=1e-6, err_msg=name)
    # From vectors: the place turned so that the centre lies on the x axis.
    lon0, lat0 = np.radians([20, 35])
    turn = np.array([[np.cos(lat0), 0, np.sin(lat0)], [0, 1, 0], [-np.sin(lat0), 0, np.cos(lat0)]])
    for name, far in (("orthographic", None), ("stereographic", 2.0)):
        for (lon, lat), at, _ in found[name]:
            lon, lat = np.radians([lon, lat])
            vector = turn @ [
                np.cos(lat) * np.cos(lon - lon0),
                np.cos(lat) * np.sin(lon - lon0),
                np.sin(lat),
            ]
            if at is None:
                assert vector[0] < (0.001 if far is None else -0.8)
            else:
                scale = 1 if far is None else far / (1 + vector[0])
                np.testing.assert_allclose(at, scale * vector[1:], atol=1e-9)
    # Areas: a small step east times a small step north is as much everywhere.
    areas = page.evaluate("""async () => {
        const { projections: { equalEarth } } = await import("/static/map/projections.js");
        const centre = { lon: 0, lat: 0 };
        const d = 0.01;
        return [[0, 0], [100, 30], [-150, -55], [40, 80]].map(([lon, lat]) => {
            const at = (x, y) => equalEarth.project(lon + x, lat + y, centre);
            const [a, b, c] = [at(0, 0), at(d, 0), at(0, d)];
            const area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
            return area / Math.cos((lat * Math.PI) / 180) / (d * Math.PI / 180) ** 2;
        });
    }""")
    np.testing.assert_allclose(areas, 1, rtol=2e-3)


def test_a_map_of_o96_is_drawn_many_times_a_second(look, record_property):
    page = look(weather.octahedral(96), states=12)
    canvas = page.locator("#map .field")
    page.get_by_label("Speed").select_option("10")
    page.get_by_role("button", name="Play").click()
    page.wait_for_timeout(300)
    # Frames and time are counted by the page itself.
    drawn, seconds = page.evaluate("""() => new Promise((done) => {
        const canvas = document.querySelector("#map .field");
        const [first, before] = [Number(canvas.dataset.drawn), performance.now()];
        setTimeout(() => done([canvas.dataset.drawn - first, (performance.now() - before) / 1000]), 2000);
    })""")
    page.get_by_role("button", name="Pause").click()
    record_property("frames_per_second", round(drawn / seconds, 1))
    print(f"{drawn / seconds:.1f} frames a second of {canvas.bounding_box()}")
    assert drawn > 1  # how many there are says more of the machine than of the page


def test_time_goes_on_while_it_plays_and_rests_at_a_state(look):
    page = look(weather.octahedral(8), states=8)
    first = page.locator(".when").text_content()
    page.get_by_role("button", name="Play").click()
    expect(page.locator(".when")).not_to_have_text(first)
    page.get_by_role("button", name="Pause").click()
    said = page.locator(".when").text_content()
    assert int(re.search(r"\+(\d+) h", said)[1]) % 6 == 0
    page.wait_for_timeout(300)
    expect(page.locator(".when")).to_have_text(said)


def test_variables_levels_and_colours_are_chosen(look):
    page = look(weather.octahedral(16), states=2)
    page.get_by_label("Variable", exact=True).select_option("t")
    expect(page.get_by_label("Level", exact=True)).to_be_visible()
    page.get_by_label("Level", exact=True).select_option(label="500 hPa")
    loaded(page)
    low = number(under(page)[1])
    page.get_by_label("Level", exact=True).select_option(label="850 hPa")
    loaded(page)
    expect(page.locator("#under")).not_to_contain_text(f"{low}")
    assert number(under(page)[1]) == pytest.approx(low + 26, abs=0.2)
    page.get_by_label("Variable", exact=True).select_option("msl")
    expect(page.get_by_label("Level", exact=True)).to_be_hidden()
    expect(page.locator("#legend .unit")).to_have_text("hPa")
    page.get_by_role("spinbutton", name="Colours from").fill("1000")
    page.get_by_label("to", exact=True).fill("1020")
    expect(page.locator("#legend")).to_have_attribute("aria-label", re.compile("1000.* to 1020.* hPa"))


def test_members_mean_spread_and_probabilities(look):
    grid = weather.octahedral(24)
    page = look(grid, states=2, members=6)
    values = weather.fields(grid, 6, 6)[..., COLUMN["2t"]].astype(np.float64) - 273.15
    page.get_by_label("Projection").select_option("equirectangular")
    (lon, lat), _ = under(page, 0.55, 0.35)
    point = np.argmin((grid.latitudes - lat) ** 2 + (((grid.longitudes - lon + 180) % 360) - 180) ** 2)
    there = values[:, point]
    chosen = page.get_by_label("Of the ensemble")
    for statistic, expected in (("mean", there.mean()), ("spread", there.std(ddof=1))):
        chosen.select_option(statistic)
        loaded(page)
        assert number(under(page, 0.55, 0.35)[1]) == pytest.approx(expected, abs=0.05)
    chosen.select_option("member")
    page.get_by_label("Member", exact=True).select_option("3")
    loaded(page)
    assert number(under(page, 0.55, 0.35)[1]) == pytest.approx(there[3], abs=0.05)
    chosen.select_option("above")
    threshold = float(np.sort(there)[2:4].mean())
    page.get_by_label("Threshold").fill(f"{threshold}")
    page.get_by_label("Threshold").press("Tab")
    loaded(page)
    assert number(under(page, 0.55, 0.35)[1]) == pytest.approx(50)


def test_a_clicked_place_has_its_meteogram_in_numbers_too(look):
    grid = weather.octahedral(24)
    page = look(grid, states=4, members=3)
    box = page.locator("#map").bounding_box()
    page.mouse.click(box["x"] + 0.55 * box["width"], box["y"] + 0.4 * box["height"])
    expect(page.locator("#meteogram svg polygon")).to_have_count(2)
    title = page.locator("#meteogram h3").text_content()
    lat, lon = re.search(r"at ([\d.]+)°N ([\d.]+)°E", title).groups()
    point = np.argmin(abs(grid.latitudes - float(lat)) + abs(grid.longitudes - float(lon)))
    page.get_by_text("In numbers").click()
    cells = page.locator("#meteogram tbody tr").nth(2).locator("td").all_text_contents()
    expected = weather.fields(grid, 18, 3)[:, point, COLUMN["2t"]] - 273.15
    found = [float(plain(cell)) for cell in cells]
    np.testing.assert_allclose(found, np.quantile(expected, [0, 0.5, 1]), atol=0.06)


@pytest.mark.parametrize("states", [4, 8])
def test_no_label_of_a_meteogram_is_cut_in_whatever_font(look, states):
    """The last of these states are the first of a day, whose label is at the edge."""
    page = look(weather.octahedral(16), states=states)
    page.evaluate("document.styleSheets[0].insertRule('.meteogram text { font-size: 16px !important; }')")
    page.locator("#map").focus()
    page.keyboard.press("Enter")
    picture = page.locator("#meteogram svg")
    expect(picture).to_be_visible()
    labels = picture.locator("text")
    assert "23 Dec" in labels.all_text_contents()
    box = picture.bounding_box()
    for each in labels.all():
        label = each.bounding_box()
        assert box["x"] <= label["x"]
        assert label["x"] + label["width"] <= box["x"] + box["width"]


def test_two_forecasts_and_their_difference(opened, address, keep):
    grid = weather.octahedral(16)
    one = keep(lambda files: weather.write_forecast(files / "forecast.zarr", grid, states=3), model="one")
    two = keep(
        lambda files: weather.write_forecast(files / "forecast.zarr", grid, states=2, members=4), model="two"
    )
    page = opened(address)
    page.goto("/compare")
    page.get_by_label("A forecast").select_option(f"{one.id}/forecast.zarr")
    page.get_by_label("with").select_option(f"{two.id}/forecast.zarr")
    page.get_by_role("button", name="Compare").click()
    expect(page.locator("#viewer")).to_have_attribute("data-loaded", "2")
    box = page.locator("#one-map").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.3)
    said = plain(page.locator("#under").text_content())
    first, second, apart = map(
        float, re.search(r": (-?[\d.]+) and (-?[\d.]+), difference (-?[\d.]+)", said).groups()
    )
    assert first - second == pytest.approx(apart, abs=0.02)
    assert apart != 0
    # The second has no third state.
    page.locator(".time").fill("2")
    expect(page.locator("#told")).to_contain_text("no state at 2025-12-22T18")
    opened.wrong.clear()  # the browser tells of the status 404


def test_a_map_of_a_region_and_one_of_another_format(opened, address, keep):
    grid = weather.regular(1.0, (60.0, -12.0, 35.0, 25.0))
    job = keep(
        lambda files: weather.write_forecast(files / "forecast.nc", grid, states=2, output="netcdf"), of="nc"
    )
    page = opened(address)
    page.goto(f"/view/{job.id}")
    loaded(page)
    expect(page.get_by_label("Projection")).to_have_value("region")
    (lon, lat), said = under(page)
    assert (lon, lat) == pytest.approx((6.5, 47.5), abs=0.6)
    assert "°C" in said
    page.get_by_label("Projection").select_option("south")
    assert "nothing here" in under(page)[1]
