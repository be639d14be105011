"""A server on this machine that answers as ECMWF's open data and the Climate Data Store do."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np

from .making import message

FORECASTS = ("2026-11-27T12", "2026-11-28T00")
STEPS = (0, 6)


class Server:
    """What it has, and what it was asked.

    Parameters
    ----------
    address
        Where it listens.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.trouble: Callable[[str], int | None] = lambda path: None
        self.silent = 0.0
        self.cut: dict[str, int] = {}
        self.jobs: dict[str, dict[str, Any]] = {}
        self.answer: Callable[[str, dict[str, Any]], bytes | tuple[str, str]] = lambda dataset, request: b""


@contextmanager
def serving() -> Iterator[Server]:
    """Run a server."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

        def do_HEAD(self) -> None:
            self.do_GET(body=False)

        def do_GET(self, body: bool = True) -> None:
            path = self.path.partition("?")[0]
            if self.begin(path):
                return
            if match := re.fullmatch(r"/api/retrieve/v1/processes/([\w-]+)", path):
                self.json({"id": match[1], "links": []})
            elif match := re.fullmatch(r"/api/retrieve/v1/jobs/(\w+)(/results)?", path):
                self.job(match[1], results=bool(match[2]))
            elif path in server.files:
                self.file(path, server.files[path], body)
            else:
                self.send(404, b"", "text/plain")

        def do_DELETE(self) -> None:
            self.json({"status": "dismissed"})

        def do_POST(self) -> None:
            content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.begin(self.path):
                return
            dataset = self.path.split("/")[-2]
            number = str(len(server.jobs))
            server.jobs[number] = {"dataset": dataset, "request": content["inputs"], "asked": 0}
            self.json({"jobID": number, "status": "accepted", "links": [self.link("monitor", number)]}, 201)

        def job(self, number: str, results: bool) -> None:
            job = server.jobs[number]
            answer = server.answer(job["dataset"], job["request"])
            if results and isinstance(answer, tuple):
                self.json({"title": answer[0], "detail": answer[1], "status": 400}, 400)
            elif results:
                path = f"/results/{number}.grib"
                server.files[path] = answer
                href = {"href": server.address + path, "file:size": len(answer), "type": "application/x-grib"}
                self.json({"asset": {"value": href}})
            else:
                job["asked"] += 1
                end = "failed" if isinstance(answer, tuple) else "successful"
                links = [self.link("results", f"{number}/results"), self.link("self", number)]
                self.json({"jobID": number, "status": end, "links": links})

        def begin(self, path: str) -> bool:
            """Record the request, and fail as the test wants."""
            server.asked.append(path)
            time.sleep(server.silent)
            code = server.trouble(path)
            if code is not None:
                self.send(code, json.dumps({"title": "no", "detail": "It is closed."}).encode())
            return code is not None

        def link(self, rel: str, number: str) -> dict[str, str]:
            return {"rel": rel, "href": f"{server.address}/api/retrieve/v1/jobs/{number}"}

        def json(self, content: Any, code: int = 200) -> None:
            self.send(code, json.dumps(content).encode())

        def file(self, path: str, content: bytes, body: bool) -> None:
            ranges = re.findall(r"(\d+)-(\d+)", self.headers.get("Range", ""))
            if not ranges:
                self.send(
                    200, content[: len(content) - self.cut(path)], "application/octet-stream", body=body
                )
                return
            parts = [(int(first), min(int(last), len(content) - 1)) for first, last in ranges]
            if len(parts) == 1:
                ((first, last),) = parts
                about = {"Content-Range": f"bytes {first}-{last}/{len(content)}"}
                chosen = content[first : last + 1]
                self.send(
                    206, chosen[: len(chosen) - self.cut(path)], "application/octet-stream", about, body
                )
                return
            whole = b"".join(
                b"\r\n--apart\r\nContent-Type: application/octet-stream\r\n"
                + f"Content-Range: bytes {first}-{last}/{len(content)}\r\n\r\n".encode()
                + content[first : last + 1]
                for first, last in parts
            )
            self.send(206, whole + b"\r\n--apart--\r\n", "multipart/byteranges; boundary=apart", {}, body)

        def cut(self, path: str) -> int:
            """How many bytes of a file do not arrive."""
            return next((count for end, count in server.cut.items() if path.endswith(end)), 0)

        def send(
            self,
            code: int,
            content: bytes,
            kind: str = "application/json",
            headers: dict[str, str] | None = None,
            body: bool = True,
        ) -> None:
            self.send_response(code)
            about = {"Content-Type": kind, "Content-Length": str(len(content)), "Accept-Ranges": "bytes"}
            for name, value in {**about, **(headers or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            if body:
                with suppress(ConnectionError):  # who asked has had enough
                    self.wfile.write(content)

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server = Server(f"http://127.0.0.1:{listening.server_port}")
    thread = threading.Thread(target=listening.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        listening.shutdown()
        listening.server_close()


def fill_open_data(server: Server) -> None:
    """Give it forecasts, each step a file of messages and an index of them, a line of JSON each."""
    for base in FORECASTS:
        began = np.datetime64(base, "h").item()
        for step in STEPS:
            content, lines = b"", []
            for name, level in (("t", 850), ("t", 500), ("gh", 850), ("2t", None)):
                # The values say what they are of.
                value = 100.0 * step + began.hour + (level or 0) / 1000 + len(name)
                one = message(name, level, time=base, step=str(step), values=value, bits=24)
                about = {
                    "domain": "g", "date": f"{began:%Y%m%d}", "time": f"{began:%H}00", "expver": "0001",
                    "class": "od",
                    "type": "fc", "stream": "oper", "step": str(step), "param": name,
                    "levtype": "sfc" if level is None else "pl", "_offset": len(content), "_length": len(one),
                }  # fmt: skip
                if level is not None:
                    about["levelist"] = str(level)
                lines.append(json.dumps(about))
                content += one
            place = f"/{began:%Y%m%d}/{began:%H}z/ifs/0p25/oper/{began:%Y%m%d%H}0000-{step}h-oper-fc"
            server.files[f"{place}.grib2"] = content
            server.files[f"{place}.index"] = "\n".join(lines).encode()
