"""Tokens that somebody else made, or changed: none is read, whatever its header promises."""

from __future__ import annotations

import builtins
import json
import socket
import string
from collections.abc import Callable
from typing import Any, NoReturn

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from service.auth.tokens import InvalidToken
from service.testing import SECRET
from tests.support.forged_tokens import GONE, SECRETS, Forge, hmac_signed, raw


@pytest.fixture(params=["HS256", "EdDSA"])
def forge(request: pytest.FixtureRequest) -> Forge:
    return Forge(request.param)


def status_and_message(forge: Forge, token: str) -> bool:
    with pytest.raises(InvalidToken):
        pytest.fail(f"{token[:200]} was read as {forge.tokens.read(token)}")
    return True


def trap(*args: Any, **options: Any) -> NoReturn:
    raise AssertionError(args)


ALPHABET = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"

UNSIGNED: list[Any] = [
    "none",
    "None",
    "NONE",
    "nOnE",
    " none",
    "none ",
    "none\0",
    "",
    None,
    False,
    0,
    [],
    {},
    ["none"],
    GONE,
]


@pytest.mark.parametrize("alg", UNSIGNED, ids=repr)
def test_a_token_without_a_signature_is_none(forge: Forge, alg: Any) -> None:
    signed = forge.token(header={"alg": alg})
    unsigned = signed.rpartition(".")[0]
    assert status_and_message(forge, unsigned)
    assert status_and_message(forge, f"{unsigned}.")
    assert status_and_message(forge, signed)


STRANGERS: dict[str, Callable[[], Any]] = {
    "HS256": lambda: "a secret of somebody else, and long enough",
    "RS256": lambda: rsa.generate_private_key(65537, 2048),
    "PS256": lambda: rsa.generate_private_key(65537, 2048),
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": Ed25519PrivateKey.generate,
}


@pytest.mark.parametrize("alg", STRANGERS)
def test_a_strangers_key_signs_nothing_in_any_algorithm(forge: Forge, alg: str) -> None:
    key = STRANGERS[alg]()
    assert status_and_message(forge, jwt.encode(forge.claims, key, alg, headers={"kid": forge.header["kid"]}))
    assert status_and_message(forge, jwt.encode(forge.claims, key, alg))


@pytest.mark.parametrize(("alg", "digest"), [("HS384", "sha384"), ("HS512", "sha512")])
def test_our_own_secret_signs_in_one_algorithm_only(forge: Forge, alg: str, digest: str) -> None:
    secret = SECRETS[forge.header["alg"]].encode()
    assert status_and_message(
        forge, hmac_signed(secret, raw(forge.header, {"alg": alg}), raw(forge.claims, {}), digest)
    )


@pytest.mark.parametrize("alg", [["HS256"], ["EdDSA"], {"HS256": 1}, "hs256", "HS256 ", "eddsa", 256, True], ids=repr)
def test_the_algorithm_is_one_word_in_one_spelling(forge: Forge, alg: Any) -> None:
    assert status_and_message(forge, forge.token(header={"alg": alg}))


@pytest.mark.parametrize("form", ["pem", "der", "raw", "jwk"])
def test_our_public_key_is_no_hmac_key(form: str) -> None:
    forge = Forge("EdDSA")
    public = forge.tokens._signer.verify
    key = {
        "pem": public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "der": public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        "raw": public.public_bytes(Encoding.Raw, PublicFormat.Raw),
        "jwk": jwt.algorithms.OKPAlgorithm.to_jwk(public).encode(),
    }[form]
    for header in ({"alg": "HS256"}, {}):
        assert status_and_message(forge, hmac_signed(key, raw(forge.header, header), raw(forge.claims, {})))


ADDRESS = "http://127.0.0.1:1/keys"
POINTERS: list[dict[str, Any]] = [
    {"jwk": {"kty": "oct", "k": "eA"}},
    {"jku": ADDRESS},
    {"x5u": ADDRESS},
    {"x5c": ["MIIB"]},
    {"x5t": "eA"},
    {"crit": ["x"], "x": 1},
    {"crit": []},
    {"crit": "exp"},
    {"b64": False, "crit": ["b64"]},
    {"b64": False},
    {"cty": "JWT"},
    {"zip": "DEF"},
    {"enc": "A256GCM"},
]


@pytest.mark.parametrize("member", POINTERS, ids=lambda member: "+".join(member))
def test_a_header_that_wants_more_is_refused_and_nothing_it_points_to_is_fetched(
    forge: Forge, member: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    token = forge.token(header=member)
    with monkeypatch.context() as patch:
        patch.setattr(socket, "socket", trap)
        patch.setattr(builtins, "open", trap)
        assert status_and_message(forge, token)


KIDS = ["", "x", "../../../../dev/null", "x' UNION SELECT '1';--", "|sleep 10", "x" * 1500, 0, 1, None, [], {}, True]


@pytest.mark.parametrize("kid", KIDS, ids=lambda kid: repr(kid)[:20])
def test_a_key_that_is_not_in_the_ring_opens_nothing(forge: Forge, kid: Any) -> None:
    assert status_and_message(forge, forge.token(header={"kid": kid}))


def test_a_token_that_names_no_key_is_tried_with_the_first(forge: Forge) -> None:
    assert forge.tokens.read(forge.token(header={"kid": GONE}))


@pytest.mark.parametrize("typ", ["at+jwt", "jwt", "Jwt", "JOSE", "", None, 1, ["JWT"], GONE], ids=repr)
def test_a_token_is_a_jwt_and_says_so(forge: Forge, typ: Any) -> None:
    assert status_and_message(forge, forge.token(header={"typ": typ}))


@pytest.mark.parametrize(
    "key",
    ["", "secret", "password", "changeme", "your-256-bit-secret", SECRET[:-1], f"{SECRET}\n"],
    ids=["empty", "secret", "password", "changeme", "example", "shortened", "lengthened"],
)
def test_a_guessed_key_signs_nothing(key: str) -> None:
    forge = Forge("HS256")
    for kid in (forge.header["kid"], GONE):
        assert status_and_message(
            forge, hmac_signed(key.encode(), raw(forge.header, {"kid": kid}), raw(forge.claims, {}))
        )


def test_not_one_character_can_be_changed(forge: Forge) -> None:
    token = forge.token()
    assert forge.tokens.read(token)
    for place, letter in enumerate(token):
        # The next letters differ in the lowest bits, which the last character of a part does not need.
        near = ALPHABET[ALPHABET.find(letter) + 1 :][:3] if letter != "." else ""
        for other in {*near, chr(ord(letter) ^ 1), "A", "."} - {letter}:
            assert status_and_message(forge, token[:place] + other + token[place + 1 :])


def test_not_one_character_can_be_added_or_left_out(forge: Forge) -> None:
    token = forge.token()
    for place in range(len(token)):
        assert status_and_message(forge, token[:place] + token[place + 1 :])
    for more in "=", "==", ".", "A", " ", "\n", "\0", "\xff", "é", "\ud800":
        assert status_and_message(forge, token + more)
        assert status_and_message(forge, more + token)


def test_a_signature_belongs_to_one_token(forge: Forge) -> None:
    one, other = (forge.token(claims={"sub": sub}).rpartition(".") for sub in "12")
    assert status_and_message(forge, f"{one[0]}.{other[2]}")
    assert status_and_message(forge, f"{one[0]}.")
    assert status_and_message(forge, one[0])


@pytest.mark.parametrize("parts", [1, 2, 4, 5])
def test_a_token_has_three_parts(forge: Forge, parts: int) -> None:
    token = forge.token().split(".")
    assert status_and_message(forge, ".".join((token * 2)[:parts]))


def test_a_token_has_4096_characters_at_most(forge: Forge, monkeypatch: pytest.MonkeyPatch) -> None:
    def padded(length: int) -> str:
        size = (length - len(forge.token())) * 3 // 4
        tokens = (forge.token(claims={"pad": "x" * count}) for count in range(size - 20, size + 4))
        return next(token for token in tokens if len(token) >= length)

    longest = padded(4094)
    assert len(longest) in (4094, 4095, 4096)
    assert forge.tokens.read(longest)
    for name in ("decode", "get_unverified_header"):
        monkeypatch.setattr(jwt, name, trap)
    assert status_and_message(forge, padded(4097))


@pytest.mark.parametrize("text", [b"[" * 1400, b'{"a":' * 280, b"[" * 50_000, b'{"a":' * 50_000], ids=len)
def test_a_deep_part_makes_no_token(forge: Forge, text: bytes) -> None:
    header = json.dumps(forge.header).encode()
    assert status_and_message(forge, forge.signed(header, text))
    assert status_and_message(forge, forge.signed(text, raw(forge.claims, {})))


@pytest.mark.parametrize("text", ["", ".", "..", "a.b.c", "e30.e30.e30", "{}.{}.{}", "null", "\0", "é" * 3])
def test_what_looks_nothing_like_a_token_is_none(forge: Forge, text: str) -> None:
    assert status_and_message(forge, text)
