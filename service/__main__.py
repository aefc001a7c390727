"""The command line: run the service, list routes and plugins, dump and load a store."""

from __future__ import annotations

import argparse
import inspect
import logging
import sys
from collections.abc import Callable, Iterable, Sequence

import uvloop
from aiohttp import web

from service import workers
from service.app import built_in_routes, create_app, find_plugins
from service.auth.permissions import rule_of
from service.data import dump_load
from service.data.files import STANDARD, describe_input, open_input, open_output
from service.discovery.app_keys import PLUGINS
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
    """Print all routes with their access rules."""
    rows = [
        (route.method, plain(route.path), _access(route), plugin.name, f"{plugin.name}.{route.handler.__name__}")
        for plugin in (*find_plugins(settings).plugins, *built_in_routes(settings))
        for route in plugin.routes
    ]
    _print_table(("Method", "Path", "Access", "Plugin", "Name"), sorted(rows, key=lambda row: (row[1], row[0])))


def plugins(settings: Settings) -> None:
    """Print the plugins that are loaded, and where they come from."""
    rows = [
        (plugin.name, plugin.module, plugin.source, ", ".join(plugin.requires) or "-", str(len(plugin.routes)))
        for plugin in find_plugins(settings).plugins
    ]
    _print_table(("Plugin", "Module", "From", "Requires", "Routes"), rows)


def dump(settings: Settings, file: str = STANDARD) -> None:
    """Write every record of the store, in the format of data.json (passwords as hashes)."""
    app = create_app(settings)
    with open_output(file) as out:
        total = uvloop.run(dump_load.dump(app, out))
    log.info("%d records from %s", total, app[STORE].name)


def load(settings: Settings, file: str = STANDARD) -> None:
    """Load a file in the format of data.json into an empty store."""
    app = create_app(settings)
    with open_input(file) as source:
        total = uvloop.run(dump_load.load(app, source, describe_input(file)))
    log.info("%d records into %s", total, app[STORE].name)


COMMANDS: dict[str, Callable[..., None]] = {
    "run": run,
    "routes": routes,
    "plugins": plugins,
    "dump": dump,
    "load": load,
}
FILE_HELP = "a path, relative to the current directory; default: - (standard output for dump, standard input for load)"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that the arguments name; return the exit status."""
    options = vars(_parser().parse_args(arguments))
    command = COMMANDS[options.pop("command") or "run"]
    log_setup.start()
    try:
        command(load_settings(), **options)
    except (StartupError, OSError) as error:
        print(f"shipyard: error: {error}", file=sys.stderr)  # noqa: T201  # the output of a command
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="shipyard", description="Users, JWT login and REST resources on aiohttp.")
    commands = parser.add_subparsers(dest="command", metavar="command")
    for name, command in COMMANDS.items():
        subparser = commands.add_parser(name, help=command.__doc__, description=command.__doc__)
        if "file" in inspect.signature(command).parameters:
            subparser.add_argument("file", nargs="?", default=STANDARD, help=FILE_HELP)
    return parser


def _access(route: web.RouteDef) -> str:
    rule = rule_of(route.handler)
    return "" if rule is None else rule.name


def _print_table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    table = [head, *rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(head))]
    for row in [head, tuple("-" * width for width in widths), *table[1:]]:
        print("  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
