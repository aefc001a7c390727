"""The command line: serve (what `make run` does), show what there is, move whole stores."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import uvloop
from aiohttp import web

from service import workers
from service.app import built_in_routes, create_app
from service.auth.permissions import rule_of
from service.data import dump_load
from service.discovery.app_keys import PLUGINS
from service.discovery.entry_points import discover
from service.errors import StartupError
from service.http.app_keys import STORE
from service.http.path_template import plain
from service.http.server import serve
from service.ops import log_setup
from service.settings.loader import load_settings
from service.settings.schema import Settings

log = logging.getLogger("shipyard")


def run(settings: Settings) -> None:
    """Serve until Ctrl-C or SIGTERM."""
    app = create_app(settings)
    store = app[STORE]
    log.info("plugins: %s", ", ".join(plugin.name for plugin in app[PLUGINS]))
    log.info("store: %s%s", store.name, "" if store.durable else " - all changes are lost at shutdown")
    if settings.workers > 1:
        workers.start(settings, app)
    uvloop.run(serve(app))


def routes(settings: Settings) -> None:
    """Print who answers what, and who may use it."""
    found = discover(settings.plugins).plugins
    lines = [
        (route.method, plain(route.path), _rule(route), plugin.name, f"{plugin.name}.{route.handler.__name__}")
        for plugin in (*found, *built_in_routes(settings, found))
        for route in plugin.routes
    ]
    _print_table(("Method", "Path", "Access", "Plugin", "Name"), sorted(lines, key=lambda line: (line[1], line[0])))


def plugins(settings: Settings) -> None:
    """Print what is loaded, and from where."""
    lines = [
        (plugin.name, plugin.module, plugin.source, ", ".join(plugin.requires) or "-", str(len(plugin.routes)))
        for plugin in discover(settings.plugins).plugins
    ]
    _print_table(("Plugin", "Module", "From", "Requires", "Routes"), lines)


def dump(settings: Settings, file: str) -> None:
    """Write every record of the store, in the format of data.json (passwords as hashes), to a file or to -."""
    app = create_app(settings)
    with sys.stdout.buffer if file == "-" else Path(file).open("xb") as out:
        total = uvloop.run(dump_load.dump(app, out))
    log.info("%d records from %s", total, app[STORE].name)


def load(settings: Settings, file: str) -> None:
    """Fill an empty store from a file in the format of data.json."""
    app = create_app(settings)
    total = uvloop.run(dump_load.load(app, Path(file)))
    log.info("%d records into %s", total, app[STORE].name)


COMMANDS: dict[str, Callable[..., None]] = {
    "run": run,
    "routes": routes,
    "plugins": plugins,
    "dump": dump,
    "load": load,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments say; the exit status."""
    given = vars(_parser().parse_args(arguments))
    command = COMMANDS[given.pop("command") or "run"]
    log_setup.start()
    try:
        command(load_settings(), **given)
    except (StartupError, OSError) as error:
        print(f"Shipyard stops here. {error}", file=sys.stderr)  # noqa: T201  # a command line speaks so
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="shipyard", description="Users, JWT login and REST resources on aiohttp.")
    commands = parser.add_subparsers(dest="command", metavar="command")
    for name, command in COMMANDS.items():
        own = commands.add_parser(name, help=command.__doc__, description=command.__doc__)
        if "file" in command.__annotations__:
            own.add_argument("file")
    return parser


def _rule(route: web.RouteDef) -> str:
    rule = rule_of(route.handler)
    return "" if rule is None else rule.name


def _print_table(head: tuple[str, ...], lines: Iterable[tuple[str, ...]]) -> None:
    table = [head, *lines]
    widths = [max(len(line[column]) for line in table) for column in range(len(head))]
    for line in [head, tuple("-" * width for width in widths), *table[1:]]:
        print("  ".join(f"{cell:{width}}" for cell, width in zip(line, widths, strict=True)).rstrip())  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
