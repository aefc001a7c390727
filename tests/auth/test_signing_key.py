"""The signing key: generated once in development, required in production, and never shown."""

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


def error_message(settings: Settings) -> str:
    with pytest.raises(StartupError) as caught:
        signing_secret(settings)
    return str(caught.value)


def test_development_generates_a_key_at_the_first_start_and_reuses_it(tmp_path: Path) -> None:
    path = tmp_path / "var" / "jwt-secret"
    generated = signing_secret(development(path))
    assert KEY.fullmatch(generated)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [it.name for it in path.parent.iterdir()] == [path.name]
    assert signing_secret(development(path)) == generated
    assert signing_secret(development(tmp_path / "another")) != generated


def test_a_key_file_that_other_users_can_read_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "jwt-secret"
    secret = signing_secret(development(path))
    for mode in (0o640, 0o604, 0o660):
        path.chmod(mode)
        assert (
            error_message(development(path))
            == f"jwt.secret_file {path}: other users can read it; run: chmod 600 {path}"
        )
        assert secret not in error_message(development(path))
    path.chmod(0o400)
    assert signing_secret(development(path)) == secret


EIGHT_PROCESSES = """
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


def test_processes_that_start_at_the_same_time_use_the_same_key(tmp_path: Path) -> None:
    path = tmp_path / "jwt-secret"
    code = EIGHT_PROCESSES.replace("<path>", str(path))
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout.splitlines() == [path.read_text().strip()] * 8


def test_a_key_file_that_cannot_be_created_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file" / "jwt-secret", tmp_path):
        assert error_message(development(path, secret="")).startswith(f"jwt.secret_file {path}: ")


def test_a_configured_key_is_used_and_none_is_generated(tmp_path: Path) -> None:
    assert signing_secret(development(tmp_path / "jwt-secret", secret=GOOD)) == GOOD
    assert signing_secret(production(secret=GOOD)) == GOOD
    assert list(tmp_path.iterdir()) == []


def test_git_ignores_the_key_file_of_development() -> None:
    path = load_settings("development", {}).jwt.secret_file
    assert f"/{Path(path).parts[0]}/" in (ROOT / ".gitignore").read_text().splitlines()


def test_production_generates_no_key(tmp_path: Path) -> None:
    assert error_message(production()).startswith("jwt.secret is missing: set SHIPYARD_JWT_SECRET, or ")
    path = tmp_path / "jwt-secret"
    assert error_message(production(secret_file=str(path))).startswith(f"jwt.secret_file {path}: cannot be used: ")
    assert not path.exists()
    path.touch(0o600)
    assert error_message(production(secret_file=str(path))).startswith("jwt.secret is missing: ")


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
    "x" * 64: "has only 1 different characters",
    "abcdefg" * 9: "has only 7 different characters",
    "secret" * 6: "has only 5 different characters",
    "changeme" * 4: "has only 7 different characters",
    "password-" * 5: "is a published example",
    "0123456789" * 4: "is a published example",
    "your-256-bit-secret-your-256-bit-secret": "is a published example",
    "a-string-secret-at-least-256-bits-long": "is a published example",
}


@pytest.mark.parametrize(("secret", "reason"), WEAK.items())
def test_production_rejects_a_weak_key_without_showing_it(secret: str, reason: str) -> None:
    message = error_message(production(secret=secret))
    assert message == f"jwt.secret {reason}; production requires 32 random bytes or more."
    message = error_message(production(secret=GOOD, old_secrets=[GOOD, secret]))
    assert message == f"jwt.old_secrets: one {reason}; production requires 32 random bytes or more."


def test_development_warns_of_a_weak_key_without_showing_it(caplog: pytest.LogCaptureFixture) -> None:
    assert signing_secret(development("unused", secret="canary")) == "canary"
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == "jwt.secret has 6 bytes; it can be guessed."


@pytest.mark.parametrize("secret", ["x" * 31 + "é", GOOD, "a " * 3 + GOOD, "\u2603\u2604\u2605\u2606" * 2 + "stuvwxyz"])
def test_a_key_of_32_random_bytes_is_strong_enough(secret: str) -> None:
    assert weakness(GOOD) is None
    assert weakness(GOOD + secret) is None


def test_the_app_does_not_start_with_a_weak_key_in_production() -> None:
    for secret in ("", "short"):
        with pytest.raises(StartupError, match=r"^jwt\.secret "):
            create_app(production(secret=secret))


@pytest.mark.parametrize("secret", [GOOD, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_a_key_that_is_not_ed25519_is_rejected_without_showing_it(secret: str) -> None:
    settings = dataclasses.replace(production(secret=secret, algorithm="EdDSA"))
    with pytest.raises(StartupError, match=r"^jwt\.secret is not an? ") as caught:
        create_app(settings)
    assert secret not in str(caught.value)
