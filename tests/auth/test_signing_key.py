"""The signing key: made once in development, demanded in production, and never shown."""

from __future__ import annotations

import dataclasses
import logging
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from service.app import create_app
from service.auth.signing_key import signing_secret, weakness
from service.errors import StartupError
from service.settings.loader import load_settings
from service.settings.schema import ROOT, Settings

GOOD = "9vQkq2Zr7dLx0WfTn4YbHs8UaEcJpMgR"
KEY = re.compile(r"[A-Za-z0-9_-]{64}")


def development(path: Path | str, **jwt: Any) -> Settings:
    return load_settings("development", {}, jwt={"secret_file": str(path), **jwt})


def production(**jwt: Any) -> Settings:
    return load_settings("production", {}, jwt=jwt)


def error_body(settings: Settings) -> str:
    with pytest.raises(StartupError) as caught:
        signing_secret(settings)
    return str(caught.value)


def test_development_makes_a_key_at_the_first_start_and_keeps_it(tmp_path: Path) -> None:
    path = tmp_path / "var" / "jwt-secret"
    made = signing_secret(development(path))
    assert KEY.fullmatch(made)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [it.name for it in path.parent.iterdir()] == [path.name]
    assert signing_secret(development(path)) == made
    assert signing_secret(development(tmp_path / "another")) != made


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "jwt-secret"
    secret = signing_secret(development(path))
    for mode in (0o640, 0o604, 0o660):
        path.chmod(mode)
        assert error_body(development(path)) == f"jwt.secret_file {path}: others may read it; run: chmod 600 {path}"
        assert secret not in error_body(development(path))
    path.chmod(0o400)
    assert signing_secret(development(path)) == secret


TOGETHER = """
import os
from service.settings.loader import load_settings
from service.auth.signing_key import signing_secret

settings = load_settings("development", {}, jwt={"secret_file": "<path>"})
begin, wait = os.pipe()[::-1]
children = []
for _ in range(8):
    child = os.fork()
    if child == 0:
        os.close(begin)
        os.read(wait, 1)
        os.write(1, signing_secret(settings).encode() + b"\\n")
        os._exit(0)
    children.append(child)
os.close(begin)
for child in children:
    os.waitpid(child, 0)
"""


def test_all_that_start_at_once_take_the_key_of_the_first(tmp_path: Path) -> None:
    path = tmp_path / "jwt-secret"
    code = TOGETHER.replace("<path>", str(path))
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout.splitlines() == [path.read_text().strip()] * 8


def test_a_key_beside_which_no_file_can_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file" / "jwt-secret", tmp_path):
        assert error_body(development(path, secret="")).startswith(f"jwt.secret_file {path}: ")


def test_a_key_that_is_given_is_the_key_and_none_is_made(tmp_path: Path) -> None:
    assert signing_secret(development(tmp_path / "jwt-secret", secret=GOOD)) == GOOD
    assert signing_secret(production(secret=GOOD)) == GOOD
    assert list(tmp_path.iterdir()) == []


def test_the_place_of_developments_key_is_one_that_git_ignores() -> None:
    path = load_settings("development", {}).jwt.secret_file
    assert f"/{Path(path).parts[0]}/" in (ROOT / ".gitignore").read_text().splitlines()


def test_production_makes_no_key(tmp_path: Path) -> None:
    assert error_body(production()).startswith("jwt.secret is missing: set SHIPYARD_JWT_SECRET, or ")
    path = tmp_path / "jwt-secret"
    assert error_body(production(secret_file=str(path))).startswith(f"jwt.secret_file {path}: cannot be used: ")
    assert not path.exists()
    path.touch(0o600)
    assert error_body(production(secret_file=str(path))).startswith("jwt.secret is missing: ")


def test_production_reads_a_key_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "jwt-secret"
    path.touch(0o600)
    path.write_text(f"{GOOD}\n")
    settings = load_settings("production", {"SHIPYARD_JWT_SECRET_FILE": str(path)})
    assert signing_secret(settings) == GOOD


WEAK = {
    "x" * 31: "has 31 bytes",
    "short": "has 5 bytes",
    "\u00e9" * 15: "has 30 bytes",
    "x" * 64: "is made of 1 different characters only",
    "abcdefg" * 9: "is made of 7 different characters only",
    "secret" * 6: "is made of 5 different characters only",
    "changeme" * 4: "is made of 7 different characters only",
    "password-" * 5: "is a published example",
    "0123456789" * 4: "is a published example",
    "your-256-bit-secret-your-256-bit-secret": "is a published example",
    "a-string-secret-at-least-256-bits-long": "is a published example",
}


@pytest.mark.parametrize(("secret", "fault"), WEAK.items())
def test_production_refuses_a_weak_key_and_shows_nothing_of_it(secret: str, fault: str) -> None:
    said = error_body(production(secret=secret))
    assert said == f"jwt.secret {fault}; production wants 32 random bytes or more."
    said = error_body(production(secret=GOOD, old_secrets=[GOOD, secret]))
    assert said == f"jwt.old_secrets: one {fault}; production wants 32 random bytes or more."


def test_development_warns_of_a_weak_key_and_shows_nothing_of_it(caplog: pytest.LogCaptureFixture) -> None:
    assert signing_secret(development("unused", secret="canary")) == "canary"
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == "jwt.secret has 6 bytes; anyone may guess it."


@pytest.mark.parametrize("secret", ["x" * 31 + "é", GOOD, "a " * 3 + GOOD, "\u2603\u2604\u2605\u2606" * 2 + "stuvwxyz"])
def test_32_bytes_are_enough(secret: str) -> None:
    assert weakness(GOOD) is None
    assert weakness(GOOD + secret) is None


def test_a_weak_key_stops_the_whole_service_in_production() -> None:
    for secret in ("", "short"):
        with pytest.raises(StartupError, match=r"^jwt\.secret "):
            create_app(production(secret=secret))


@pytest.mark.parametrize("secret", [GOOD, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_what_is_no_ed25519_key_is_refused_and_not_shown(secret: str) -> None:
    settings = dataclasses.replace(production(secret=secret, algorithm="EdDSA"))
    with pytest.raises(StartupError, match=r"^jwt\.secret is no ") as caught:
        create_app(settings)
    assert secret not in str(caught.value)
