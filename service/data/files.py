"""Open the files of `dump` and `load`. "-" is standard output or standard input."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from service.errors import StartupError

STANDARD = "-"


@contextmanager
def open_output(file: str) -> Iterator[BinaryIO]:
    """Create a file, which must not exist, or open standard output. If an exception is raised, remove the file.

    Raises StartupError if it cannot be created or written.
    """
    if file == STANDARD:
        with _reported("standard output cannot be written"), os.fdopen(sys.stdout.fileno(), "wb", closefd=False) as out:
            yield out
        return
    path = Path(file)
    try:
        with _reported(f"{file} cannot be written"):
            out = path.open("xb")
    except FileExistsError:
        raise StartupError(f"{file} exists; it is not overwritten: remove it or choose another name.") from None
    try:
        with _reported(f"{file} cannot be written"), out:
            yield out
    except BaseException:
        path.unlink(missing_ok=True)
        raise


@contextmanager
def open_input(file: str) -> Iterator[BinaryIO]:
    """Open a file or standard input. The file object is seekable: a pipe is copied to a temporary file first.

    Raises StartupError if it cannot be read.
    """
    with _reported(f"{describe_input(file)} cannot be read"):
        source = _open(file)
    with source:
        if source.seekable():
            yield source
            return
        with tempfile.TemporaryFile() as copy:
            with _reported(f"{describe_input(file)} cannot be read"):
                shutil.copyfileobj(source, copy)
            yield copy


def _open(file: str) -> BinaryIO:
    return os.fdopen(sys.stdin.fileno(), "rb", closefd=False) if file == STANDARD else Path(file).open("rb")


def describe_input(file: str) -> str:
    """Return the name of an input file in messages."""
    return "standard input" if file == STANDARD else file


@contextmanager
def _reported(failure: str) -> Iterator[None]:
    """Turn an OSError into a StartupError; FileExistsError is left to the caller."""
    try:
        yield
    except FileExistsError:
        raise
    except OSError as error:
        raise StartupError(f"{failure}: {error.strerror}.") from error
