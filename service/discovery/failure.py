"""Describe an exception that a plugin's code has raised, with the file and line in that code."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from traceback import walk_tb
from types import FrameType
from typing import Any

NOT_OF_PLUGINS = sys.stdlib_module_names | {"service"}


def describe_failure(error: BaseException, module: str, function: Callable[..., Any] | None = None) -> str:
    """Return the type, the message and the place of an exception that the plugin in `module` has raised.

    function: what was called; where it is defined is the place if the plugin's code is not in the traceback.
    """
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    if isinstance(error, SyntaxError) and error.filename is not None:
        return text  # the message of a SyntaxError contains its place
    place = _raised_at(error, module.partition(".")[0]) or (function and _defined_at(function))
    return f"{text} ({place})" if place else text


def _raised_at(error: BaseException, package: str) -> str | None:
    """Return the last place in the package, or else in any code that is neither Shipyard's nor the standard library's.

    The innermost frame is often in a library that the plugin has called with a wrong argument.
    """
    in_package = in_libraries = None
    for frame, line in walk_tb(error.__traceback__):
        top_level = _module_of(frame).partition(".")[0]
        if top_level == package:
            in_package = _place(frame.f_code.co_filename, _module_of(frame), line)
        elif top_level not in NOT_OF_PLUGINS:
            in_libraries = _place(frame.f_code.co_filename, _module_of(frame), line)
    return in_package or in_libraries


def _defined_at(function: Callable[..., Any]) -> str | None:
    function = inspect.unwrap(function)
    code = getattr(function, "__code__", None)
    return code and _place(code.co_filename, function.__module__, code.co_firstlineno)


def _module_of(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))


def _place(filename: str, module: str, line: int) -> str:
    """Return a file and a line, such as `shipyard_planets/routes.py, line 3`: the path from the top-level package."""
    parts = Path(filename).parts
    depth = module.count(".") + (2 if parts[-1] == "__init__.py" else 1)
    return f"{'/'.join(parts[-depth:])}, line {line}"
