"""Chunks as they lie in stores, and what may be wrong with them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numcodecs
import numpy as np
import pytest
import zarr
from anemoi.core.errors import DataError

from anemoi_plugin_zarr import ZarrSource
from anemoi_plugin_zarr import chunks as chunks_
from anemoi_plugin_zarr.dataset import Dataset

from .conftest import ARRAYS, ATTRIBUTES, DATA, TIMES, Make

STATES = DATA.transpose(0, 2, 3, 1)


@pytest.fixture(autouse=True, params=[0, 1 << 20], ids=["threads", "none"])
def large(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hand every chunk to a thread, or none of these small ones."""
    monkeypatch.setattr(chunks_, "_LARGE", request.param)


ZARR_3 = not zarr.__version__.startswith("2.")


def write(path: Path, *, chunks: tuple[int, ...], codec: Any, version: int = 2, dtype: str = "f4") -> Path:
    options = {"zarr_format": version} if ZARR_3 else {}
    group = zarr.open_group(str(path), mode="w", **options)
    for name, values in {**ARRAYS, "data": DATA.astype(dtype)}.items():
        about = {"shape": values.shape, "dtype": values.dtype}
        about["chunks"] = chunks if name == "data" else values.shape
        if ZARR_3:
            array = group.create_array(name, compressors=codec, **about)
        else:
            array = group.create_dataset(name, compressor=codec, **about)
        array[...] = values
    group.attrs.update(ATTRIBUTES)
    return path


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("dtype", ["f4", "f8", "f2", ">f4"])
@pytest.mark.parametrize("chunks", [(1, 2, 3, 4), (4, 2, 2, 4), (1, 2, 1, 4), (2, 1, 3, 4), (1, 2, 3, 3)])
def test_chunks_of_any_shape_and_type(
    tmp_path: Path, chunks: tuple[int, ...], dtype: str, zipped: bool
) -> None:
    path = str(write(tmp_path / "a.zarr", chunks=chunks, codec=numcodecs.Blosc(), dtype=dtype))
    source = ZarrSource(path=shutil.make_archive(path, "zip", path) if zipped else path)
    np.testing.assert_array_equal(source.read(TIMES), STATES)
    np.testing.assert_array_equal(source.read(TIMES[[5, 0, 3]]), STATES[[5, 0, 3]])
    part = ZarrSource(path=path, select=["q", "t"], area=[50, 0, 40, 10], start="2020-02-01")
    np.testing.assert_array_equal(part.read(TIMES[[5, 4]]), STATES[[5, 4]][:, :, :1, ::-1])


@pytest.mark.parametrize("times", [1, 2])
def test_a_chunk_is_read_once_and_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    path = write(tmp_path / "a.zarr", chunks=(times, 2, 3, 4), codec=numcodecs.Blosc())
    source = ZarrSource(path=str(path))
    fetched: list[str] = []
    read_file = chunks_._read_file
    monkeypatch.setattr(chunks_, "_read_file", lambda name: fetched.append(name) or read_file(name))
    np.testing.assert_array_equal(source.read(TIMES[[2, 3, 4, 3, 4, 5, 2]]), STATES[[2, 3, 4, 3, 4, 5, 2]])
    assert len(fetched) == len(set(fetched)) == 4 // times


def test_so_it_is_where_zarr_reads(tmp_path: Path) -> None:
    path = write(tmp_path / "a.zarr", chunks=(1, 2, 3, 3), codec=numcodecs.Blosc())
    source = ZarrSource(path=str(path))
    dataset = source
    while not isinstance(dataset, Dataset):
        dataset = dataset._source
    asked: list[slice] = []

    class Watched:
        def __getitem__(self, times: slice, data: Any = dataset._data) -> Any:
            asked.append(times)
            return data[times]

    dataset._data = Watched()
    np.testing.assert_array_equal(source.read(TIMES[[2, 3, 3, 4, 0, 2]]), STATES[[2, 3, 3, 4, 0, 2]])
    assert asked == [slice(0, 1), slice(2, 5)]


@pytest.mark.parametrize("codec", [None, numcodecs.Zstd(), numcodecs.GZip(), numcodecs.LZ4()])
def test_chunks_of_any_codec(tmp_path: Path, codec: Any) -> None:
    path = write(tmp_path / "a.zarr", chunks=(1, 2, 3, 4), codec=codec)
    np.testing.assert_array_equal(ZarrSource(path=str(path)).read(TIMES), STATES)


@pytest.mark.skipif(not ZARR_3, reason="zarr 2 does not write format 3")
@pytest.mark.parametrize("codec", [None, "blosc", "zstd", "gzip"])
def test_format_3(tmp_path: Path, codec: str | None) -> None:
    codecs = {"blosc": zarr.codecs.BloscCodec, "zstd": zarr.codecs.ZstdCodec, "gzip": zarr.codecs.GzipCodec}
    path = write(tmp_path / "a.zarr", chunks=(1, 2, 3, 4), codec=codec and codecs[codec](), version=3)
    np.testing.assert_array_equal(ZarrSource(path=str(path)).read(TIMES[[1, 0]]), STATES[[1, 0]])


@pytest.fixture
def compressed(tmp_path: Path) -> Path:
    codec = numcodecs.Blosc(cname="zstd", shuffle=numcodecs.Blosc.BITSHUFFLE)
    return write(tmp_path / "a.zarr", chunks=(1, 2, 3, 4), codec=codec)


def test_a_truncated_chunk_is_an_error(compressed: Path) -> None:
    chunk = compressed / "data" / "1.0.0.0"
    whole = chunk.read_bytes()
    source = ZarrSource(path=str(compressed))
    for length in range(len(whole)):
        chunk.write_bytes(whole[:length])
        with pytest.raises(DataError, match="to 2020-01-31T06:00:00 cannot be read"):
            source.read(TIMES[:2])


def test_a_corrupt_chunk_is_an_error(tmp_path: Path) -> None:
    path = write(tmp_path / "a.zarr", chunks=(1, 2, 3, 4), codec=numcodecs.Zstd(checksum=True))
    chunk = path / "data" / "1.0.0.0"
    whole = bytearray(chunk.read_bytes())
    whole[len(whole) // 2] ^= 0x10
    chunk.write_bytes(whole)
    with pytest.raises(DataError, match="cannot be read"):
        ZarrSource(path=str(path)).read(TIMES[:2])


def test_a_chunk_of_another_size_is_an_error(compressed: Path) -> None:
    (compressed / "data" / "1.0.0.0").write_bytes(numcodecs.Blosc().encode(np.zeros(23, "f4")))
    with pytest.raises(DataError, match="cannot be read"):
        ZarrSource(path=str(compressed)).read(TIMES[:2])


def test_a_store_that_vanishes_is_an_error(make: Make) -> None:
    path = make()
    source = ZarrSource(path=str(path))
    source.read(TIMES[:2])
    shutil.rmtree(path)
    with pytest.raises(DataError, match="not there any more"):
        source.read(TIMES[2:])
