"""Data sets in an object store: a real server of S3 on this machine, and one that fails and is slow."""

from __future__ import annotations

import pickle
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from anemoi.core.errors import AnemoiError, DataError, NotThereError

from anemoi_plugin_zarr import ZarrSource, remote
from anemoi_plugin_zarr.content import content

from .conftest import DATA, TIMES, Make

boto3 = pytest.importorskip("boto3")
pytest.importorskip("obstore")
moto = pytest.importorskip("moto.server")

STATES = DATA.transpose(0, 2, 3, 1)
Trouble = Callable[[str], "int | None"]


class Proxy:
    """Passes requests on to a server, or answers with the status that ``trouble`` gives for one."""

    def __init__(self, server: str) -> None:
        self.trouble: Trouble = lambda path: None
        self.requests = 0
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                proxy.requests += 1
                status = proxy.trouble(self.path)
                body, headers = b"", {}
                if status is None:
                    asked = urllib.request.Request(server + self.path, method=self.command)
                    for name, value in self.headers.items():
                        asked.add_header(name, value)
                    try:
                        with urllib.request.urlopen(asked) as answer:
                            status, body, headers = answer.status, answer.read(), dict(answer.headers)
                    except urllib.error.HTTPError as error:
                        status, body, headers = error.code, error.read(), dict(error.headers)
                self.send_response(status)
                for name, value in headers.items():
                    if name.lower() not in (
                        "content-length",
                        "transfer-encoding",
                        "connection",
                        "server",
                        "date",
                    ):
                        self.send_header(name, value)
                size = headers.get("Content-Length", len(body)) if self.command == "HEAD" else len(body)
                self.send_header("Content-Length", str(size))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            do_HEAD = do_GET  # noqa: N815

            def log_message(self, *arguments: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    running = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()


@pytest.fixture
def proxy(server: str, make: Make, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """A bucket with the data set in it, and a proxy before the server that has it."""
    environment = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3", endpoint_url=server, region_name="us-east-1")
    client.create_bucket(Bucket="weather")
    path = make({"allow_nans": False})
    for file in (file for file in path.rglob("*") if file.is_file()):
        client.put_object(Bucket="weather", Key=f"a.zarr/{file.relative_to(path)}", Body=file.read_bytes())
    made = Proxy(server)
    monkeypatch.setenv("AWS_ENDPOINT_URL", made.address)
    yield made
    made.server.shutdown()
    made.server.server_close()


ADDRESS = "s3://weather/a.zarr"


def test_reads_from_an_object_store(proxy: Proxy) -> None:
    source = ZarrSource(path=ADDRESS)
    np.testing.assert_array_equal(source.read(TIMES), STATES)
    part = ZarrSource(path=ADDRESS, select=["q"], start="2020-02-01")
    np.testing.assert_array_equal(
        pickle.loads(pickle.dumps(part)).read(TIMES[[5, 4]]), STATES[[5, 4]][..., 1:]
    )
    assert proxy.requests > 10


def test_what_an_object_store_holds_has_the_hash_of_the_directory_it_came_from(
    proxy: Proxy, tmp_path: Path, server: str
) -> None:
    whole = content(str(tmp_path / "made.zarr"))
    assert content(ADDRESS) == whole
    client = boto3.client("s3", endpoint_url=server, region_name="us-east-1")
    client.delete_object(Bucket="weather", Key="a.zarr/data/2.0.0.0")
    assert content(ADDRESS) != whole
    proxy.trouble = lambda path: 404 if path.endswith("/data/1.0.0.0") else None
    with pytest.raises(DataError, match="cannot be read"):
        content(ADDRESS)
    assert content("https://weather.example/a.zarr") is None


def test_goes_on_after_errors_and_slow_answers(proxy: Proxy) -> None:
    seen: dict[str, int] = {}

    def trouble(path: str) -> int | None:
        seen[path] = seen.get(path, 0) + 1
        if "/data/" in path and seen[path] == 1:
            time.sleep(0.2)
            return 503
        return 500 if "mean" in path and seen[path] < 3 else None

    proxy.trouble = trouble
    np.testing.assert_array_equal(ZarrSource(path=ADDRESS).read(TIMES), STATES)
    assert max(seen.values()) >= 3


def test_errors_that_do_not_end_are_one_error(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(remote._RETRY, "max_retries", 1)
    source = ZarrSource(path=ADDRESS)
    proxy.trouble = lambda path: 503 if "/data/2." in path else None
    np.testing.assert_array_equal(source.read(TIMES[:2]), STATES[:2])
    with pytest.raises(NotThereError, match=r"s3://weather/a\.zarr: the data from .* cannot be read"):
        source.read(TIMES)
    proxy.trouble = lambda path: 403
    with pytest.raises(AnemoiError, match=r"s3://weather/a\.zarr cannot be opened"):
        ZarrSource(path=ADDRESS)


def test_what_is_not_there_is_said(proxy: Proxy, make: Make) -> None:
    for address in ("s3://weather/b.zarr", "s3://elsewhere/a.zarr"):
        with pytest.raises(NotThereError, match=f"{address} cannot be opened as a Zarr group"):
            ZarrSource(path=address)
    with pytest.raises(AnemoiError, match="there is no object store 'ftp'"):
        ZarrSource(path="ftp://weather/a.zarr")


def test_a_store_that_vanishes_is_an_error(proxy: Proxy, server: str) -> None:
    source = ZarrSource(path=ADDRESS)
    client = boto3.client("s3", endpoint_url=server, region_name="us-east-1")
    for about in client.list_objects_v2(Bucket="weather", Prefix="a.zarr/data/")["Contents"]:
        client.delete_object(Bucket="weather", Key=about["Key"])
    with pytest.raises(AnemoiError, match=r"have NaNs|cannot be read"):
        source.read(TIMES)


def test_what_it_needs_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> object:
        raise ImportError(name)

    monkeypatch.setattr(remote, "import_module", absent)
    with pytest.raises(AnemoiError, match=r'pip install "anemoi-plugin-zarr\[remote\]"'):
        ZarrSource(path=ADDRESS)
