"""The command ``anemoi serve``."""

from __future__ import annotations

import click


@click.command()
@click.argument("overrides", nargs=-1)
@click.option("--data", metavar="DIR", help="The directory of everything that the server keeps.")
@click.option("--host", help="The address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), help="The port to listen on.")
def command(overrides: tuple[str, ...], data: str | None, host: str | None, port: int | None) -> None:
    """Serve forecasts to browsers and over HTTP.

    OVERRIDES change values of the configuration `serve`: running.workers=4.

    \b
    anemoi serve
    anemoi serve --port 8090 --data /data/server running.workers=4
    """  # noqa: D301 (click needs the \b, which a raw string has not)
    import json

    import uvicorn
    from anemoi.core import config

    from ..access import listening
    from ..http.application import application
    from ..running.dispatcher import Dispatcher
    from ..services import Services
    from ..settings import Settings

    given = {"directory": data, "host": host, "port": port}
    words = [f"{key}={json.dumps(value)}" for key, value in given.items() if value is not None]
    settings = config.validate(config.compose("serve", [*overrides, *words]), Settings)
    listening.check(settings)
    services = Services.of(settings)
    click.echo(listening.introduction(settings, f"http://{settings.host}:{settings.port}"))
    app, dispatcher = application(services), Dispatcher(services)
    dispatcher.start()
    try:
        uvicorn.run(
            app,
            host=settings.host,
            port=settings.port,
            log_level="warning",
            server_header=False,
            forwarded_allow_ips=",".join(settings.access.proxies),
        )
    finally:
        dispatcher.stop()
