"""The data providers of react-admin and refine: each method, from a page of another origin."""

from __future__ import annotations

import os
import subprocess

import pytest

from tests.clients.conftest import CLIENTS, ORIGIN, SECONDS


@pytest.mark.parametrize("client", ["page", "example", "react_admin", "refine"])
def test_a_client_gets_what_it_asks_for(client: str, node: str, service_url: str) -> None:
    command = [node, "--test", "--test-reporter=spec", f"{client}.test.mjs"]
    environ = os.environ | {"SERVICE": service_url, "ORIGIN": ORIGIN}
    done = subprocess.run(
        command, cwd=CLIENTS, env=environ, timeout=SECONDS, check=False, capture_output=True, text=True
    )
    if done.returncode:
        pytest.fail(done.stdout + done.stderr, pytrace=False)


def test_the_lock_names_no_host() -> None:
    assert "://" not in (CLIENTS / "package-lock.json").read_text(), "make it by `npm run lock`"
