"""The command ``anemoi serve``."""

from __future__ import annotations

import click


@click.command()
@click.argument("overrides", nargs=-1)
@click.option("--data", metavar="DIR", help="The directory of everything that the server keeps.")
@click.option("--host", help="The address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), help="The port to listen on.")
@click.option("--fd", type=click.IntRange(3), help="A socket that listens already, from who starts this.")
def command(
    overrides: tuple[str, ...], data: str | None, host: str | None, port: int | None, fd: int | None
) -> None:
    """Serve forecasts to browsers and over HTTP.

    OVERRIDES change values of the configuration `serve`: running.workers=4.

    \b
    anemoi serve
    anemoi serve --port 8090 --data /data/server running.workers=4
    """  # noqa: D301 (click needs the \b, which a raw string has not)
    import dataclasses
    import json
    from contextlib import ExitStack

    from anemoi.core import config

    from ..access import listening
    from ..http.application import application
    from ..offers import check_references
    from ..operations import logs, serving
    from ..periodic import Periodic
    from ..plugin_process import PLUGINS
    from ..results.cleaning import EVERY, Cleaner
    from ..running.dispatcher import Dispatcher
    from ..schedules.scheduler import LOOK, Scheduler
    from ..services import Services
    from ..settings import Settings

    given = {"directory": data, "host": host, "port": port}
    words = [f"{key}={json.dumps(value)}" for key, value in given.items() if value is not None]
    composition = config.compose("serve", [*overrides, *words])
    check_references(composition)
    settings = config.validate(composition, Settings)
    socket = None if fd is None else serving.inherited(fd)
    if socket is not None:
        settings = dataclasses.replace(settings, host=serving.host_of(socket))
    listening.check(settings)
    socket = socket or serving.bind(settings.host, settings.port)
    logs.configure(settings.operations.log)
    services = Services.of(settings)
    dispatcher = Dispatcher(services)
    click.echo(listening.introduction(settings, serving.url_of(socket)))
    services.readiness.workers = lambda: dispatcher.capacity
    services.telemetry.workers.set_function(lambda: dispatcher.capacity)
    scheduler = Periodic(services.database, "scheduler", Scheduler(services).look, every=LOOK)
    cleaner = Periodic(services.database, "cleaner", Cleaner(services).clean, every=EVERY)
    with ExitStack() as ending:
        ending.callback(services.database.close)
        ending.callback(PLUGINS.close)

        def begin() -> None:
            for each in (dispatcher, scheduler, cleaner):
                each.start()
                ending.callback(each.stop)

        server = serving.Server(application(services), settings, begun=begin, ending=services.readiness.end)
        server.run(sockets=[socket])
