"""Tokens: claims, times and keys, with both algorithms."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from service.auth.tokens import ExpiredToken, InvalidToken, Tokens
from service.errors import StartupError
from service.testing import SECRET, settings_for_tests
from tests.support.forged_tokens import GONE, NOW, SECRETS, Forge

LEEWAY = 5


@pytest.fixture(params=["HS256", "EdDSA"])
def forge(request: pytest.FixtureRequest) -> Forge:
    return Forge(request.param)


def test_a_token_contains_the_user_the_type_and_the_times(forge: Forge) -> None:
    claims = forge.tokens.read(forge.token())
    assert (claims.user, claims.type, claims.fresh) == (1, "access", True)
    assert (claims.iat, claims.nbf, claims.exp) == (NOW, NOW, NOW + 900)
    assert forge.claims.keys() == {"iss", "aud", "sub", "iat", "nbf", "exp", "jti", "sid", "type", "fresh"}
    assert forge.claims["sub"] == "1"


def test_a_header_contains_algorithm_type_and_key_id(forge: Forge) -> None:
    assert forge.header.keys() == {"alg", "typ", "kid"}
    assert forge.header["typ"] == "JWT"


def test_token_ids_are_unique(forge: Forge) -> None:
    read = [forge.tokens.read(token) for _ in range(50) for token in forge.tokens.pair(1)]
    assert len({claims.jti for claims in read}) == 100
    assert len({claims.sid for claims in read}) == 50
    assert all(len(bytes.fromhex(id)) == 16 for claims in read for id in (claims.jti, claims.sid))


@pytest.mark.parametrize("name", ["iss", "aud", "sub", "iat", "nbf", "exp", "jti", "sid", "type", "fresh"])
def test_every_claim_is_required(forge: Forge, name: str) -> None:
    with pytest.raises(InvalidToken):
        forge.tokens.read(forge.token(claims={name: GONE}))


TIMES = ["1800000900", "١٨٠٠٠٠٠٩٠٠", 1_800_000_900.0, True, None, [], {}, 10**400, [1_800_000_900]]
RAW_TIMES = [b"NaN", b"Infinity", b"-Infinity", b"1e400", b"9" * 5000, b"1_0", b"01", b"0x7fffffff"]
TEXTS: list[Any] = ["", None, True, 1, [], ["x"], {}, "x" * 65]
INVALID: dict[str, list[Any]] = {
    "exp": TIMES,
    "iat": TIMES,
    "nbf": TIMES,
    "jti": TEXTS,
    "sid": TEXTS,
    "type": ["", "x", "Access", "ACCESS", None, True, 1, ["access"], {"access": 1}],
    "fresh": [None, 0, 1, "true", []],
    "sub": [
        *(1, None, True, "", "abc", "1.0", " 1", "1 ", "1\n", "+1", "01", "١", "𝟏", "0", "-1", "1e0", "0x1"),
        *("9" * 20, "1" * 10_000, ["1"], {"1": 1}, 1.0, "1\u0000"),
    ],
    "iss": ["", "Shipyard", "another", None, 1, ["shipyard"], {"shipyard": 1}],
    "aud": ["", "Shipyard", "another", None, 1, ["shipyard"], ["shipyard", "another"], {"shipyard": 1}],
}


@pytest.mark.parametrize("name", INVALID)
def test_a_claim_with_an_invalid_value_is_rejected(forge: Forge, name: str) -> None:
    for value in INVALID[name]:
        with pytest.raises(InvalidToken):
            pytest.fail(f"{value!r:.60} was accepted: {forge.tokens.read(forge.token(claims={name: value}))}")


@pytest.mark.parametrize("name", ["exp", "iat", "nbf"])
@pytest.mark.parametrize("text", RAW_TIMES, ids=lambda text: text[:12].decode())
def test_a_time_that_is_not_a_json_number_is_rejected(forge: Forge, name: str, text: bytes) -> None:
    token = forge.token(claims=json.dumps({**forge.claims, name: "HERE"}).encode().replace(b'"HERE"', text))
    with pytest.raises(InvalidToken):
        forge.tokens.read(token)


@pytest.mark.parametrize("payload", [b"[]", b'"x"', b"1", b"null", b"{}", b"{", b"\xff", b"", b"\0"])
def test_a_payload_that_is_not_an_object_with_claims_is_rejected(forge: Forge, payload: bytes) -> None:
    with pytest.raises(InvalidToken):
        forge.tokens.read(forge.signed(json.dumps(forge.header).encode(), payload))


@pytest.mark.parametrize(
    ("seconds", "raised"),
    [(-1, None), (0, None), (LEEWAY - 1, None), (LEEWAY, ExpiredToken), (LEEWAY + 1, ExpiredToken)],
)
@pytest.mark.parametrize("cached", [False, True])
def test_a_token_expires_after_its_time_and_the_leeway(
    forge: Forge, seconds: int, raised: type[Exception] | None, cached: bool
) -> None:
    token = forge.token()
    if cached:
        forge.tokens.read(token)
    forge.now = NOW + 900 + seconds
    if raised is None:
        assert forge.tokens.read(token).exp == NOW + 900
    else:
        with pytest.raises(raised):
            forge.tokens.read(token)


@pytest.mark.parametrize("name", ["iat", "nbf"])
@pytest.mark.parametrize(("ahead", "valid"), [(4, True), (5, True), (6, False), (60, False)])
def test_the_clock_of_the_issuer_may_be_ahead_by_the_leeway(forge: Forge, name: str, ahead: int, valid: bool) -> None:
    token = forge.token(claims={name: NOW + ahead})
    if valid:
        assert forge.tokens.read(token)
    else:
        with pytest.raises(InvalidToken):
            forge.tokens.read(token)


@pytest.mark.parametrize(("type", "lifetime"), [("access", 900), ("refresh", 30 * 86_400)])
def test_a_token_with_a_longer_lifetime_than_configured_is_rejected(forge: Forge, type: str, lifetime: int) -> None:
    assert forge.tokens.read(forge.token(claims={"type": type, "exp": NOW + lifetime}))
    with pytest.raises(InvalidToken):
        forge.tokens.read(forge.token(claims={"type": type, "exp": NOW + lifetime + 1}))


def test_a_token_of_another_issuer_or_audience_with_the_same_secret_is_rejected(forge: Forge) -> None:
    for name in ("issuer", "audience"):
        other = Forge(forge.header["alg"], **{name: "another"})
        with pytest.raises(InvalidToken):
            forge.tokens.read(other.token())


def test_old_keys_verify_and_only_the_current_one_signs() -> None:
    def tokens_with(secret: str, *old: str) -> Tokens:
        return Tokens(settings_for_tests(jwt={"old_secrets": list(old)}).jwt, secret)

    before, during, after = tokens_with("a" * 32), tokens_with("b" * 32, "a" * 32), tokens_with("b" * 32)
    old, new = before.pair(1).access, during.pair(1).access
    assert during.read(old).user == during.read(new).user == after.read(new).user == 1
    for tokens, token in ((before, new), (after, old)):
        with pytest.raises(InvalidToken):
            tokens.read(token)


def test_the_cache_is_bounded_and_an_evicted_token_is_verified_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.auth.tokens.MAX_CACHED", 10)
    tokens = Tokens(settings_for_tests().jwt, SECRET)
    first = tokens.pair(1).access
    read = [tokens.read(token) for token in (first, *(tokens.pair(2).access for _ in range(10)), first)]
    assert (read[0], len(tokens._cache)) == (read[-1], 10)


@pytest.mark.parametrize("secret", ["not PEM", SECRETS["EdDSA"].replace("PRIVATE", "PUBLIC"), ""])
def test_eddsa_requires_an_ed25519_key(secret: str) -> None:
    with pytest.raises(StartupError, match=r"jwt\.secret"):
        Tokens(settings_for_tests(jwt={"algorithm": "EdDSA"}).jwt, secret)


def test_the_default_clock_is_the_system_clock() -> None:
    claims = (tokens := Tokens(settings_for_tests().jwt, SECRET)).read(tokens.pair(1).access)
    assert abs(claims.iat - time.time()) < 60
