"""Forged and manipulated tokens: all of them are rejected."""

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


def is_rejected(forge: Forge, token: str) -> bool:
    """Fail the test if the token is accepted."""
    with pytest.raises(InvalidToken):
        pytest.fail(f"{token[:200]} was accepted as {forge.tokens.read(token)}")
    return True


def fail_if_called(*args: Any, **options: Any) -> NoReturn:
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
def test_a_token_without_a_signature_is_invalid(forge: Forge, alg: Any) -> None:
    signed = forge.token(header={"alg": alg})
    unsigned = signed.rpartition(".")[0]
    assert is_rejected(forge, unsigned)
    assert is_rejected(forge, f"{unsigned}.")
    assert is_rejected(forge, signed)


UNKNOWN_KEYS: dict[str, Callable[[], Any]] = {
    "HS256": lambda: "an unknown secret that is long enough",
    "RS256": lambda: rsa.generate_private_key(65537, 2048),
    "PS256": lambda: rsa.generate_private_key(65537, 2048),
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": Ed25519PrivateKey.generate,
}


@pytest.mark.parametrize("alg", UNKNOWN_KEYS)
def test_a_token_signed_with_an_unknown_key_is_invalid_in_every_algorithm(forge: Forge, alg: str) -> None:
    key = UNKNOWN_KEYS[alg]()
    assert is_rejected(forge, jwt.encode(forge.claims, key, alg, headers={"kid": forge.header["kid"]}))
    assert is_rejected(forge, jwt.encode(forge.claims, key, alg))


@pytest.mark.parametrize(("alg", "digest"), [("HS384", "sha384"), ("HS512", "sha512")])
def test_a_token_signed_with_the_secret_but_another_algorithm_is_invalid(forge: Forge, alg: str, digest: str) -> None:
    secret = SECRETS[forge.header["alg"]].encode()
    assert is_rejected(forge, hmac_signed(secret, raw(forge.header, {"alg": alg}), raw(forge.claims, {}), digest))


@pytest.mark.parametrize("alg", [["HS256"], ["EdDSA"], {"HS256": 1}, "hs256", "HS256 ", "eddsa", 256, True], ids=repr)
def test_the_algorithm_must_match_exactly(forge: Forge, alg: Any) -> None:
    assert is_rejected(forge, forge.token(header={"alg": alg}))


@pytest.mark.parametrize("form", ["pem", "der", "raw", "jwk"])
def test_the_public_key_is_not_accepted_as_an_hmac_key(form: str) -> None:
    forge = Forge("EdDSA")
    public = forge.tokens._signer.verify
    key = {
        "pem": public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "der": public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        "raw": public.public_bytes(Encoding.Raw, PublicFormat.Raw),
        "jwk": jwt.algorithms.OKPAlgorithm.to_jwk(public).encode(),
    }[form]
    for header in ({"alg": "HS256"}, {}):
        assert is_rejected(forge, hmac_signed(key, raw(forge.header, header), raw(forge.claims, {})))


ADDRESS = "http://127.0.0.1:1/keys"
OTHER_PARAMETERS: list[dict[str, Any]] = [
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


@pytest.mark.parametrize("member", OTHER_PARAMETERS, ids=lambda member: "+".join(member))
def test_other_header_parameters_are_rejected_and_no_url_in_them_is_fetched(
    forge: Forge, member: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    token = forge.token(header=member)
    with monkeypatch.context() as patch:
        patch.setattr(socket, "socket", fail_if_called)
        patch.setattr(builtins, "open", fail_if_called)
        assert is_rejected(forge, token)


KIDS = ["", "x", "../../../../dev/null", "x' UNION SELECT '1';--", "|sleep 10", "x" * 1500, 0, 1, None, [], {}, True]


@pytest.mark.parametrize("kid", KIDS, ids=lambda kid: repr(kid)[:20])
def test_an_unknown_key_id_is_rejected(forge: Forge, kid: Any) -> None:
    assert is_rejected(forge, forge.token(header={"kid": kid}))


def test_a_token_without_a_key_id_is_verified_with_the_first_key(forge: Forge) -> None:
    assert forge.tokens.read(forge.token(header={"kid": GONE}))


@pytest.mark.parametrize("typ", ["at+jwt", "jwt", "Jwt", "JOSE", "", None, 1, ["JWT"], GONE], ids=repr)
def test_typ_must_be_jwt(forge: Forge, typ: Any) -> None:
    assert is_rejected(forge, forge.token(header={"typ": typ}))


@pytest.mark.parametrize(
    "key",
    ["", "secret", "password", "changeme", "your-256-bit-secret", SECRET[:-1], f"{SECRET}\n"],
    ids=["empty", "secret", "password", "changeme", "example", "shortened", "lengthened"],
)
def test_a_token_signed_with_a_guessed_key_is_invalid(key: str) -> None:
    forge = Forge("HS256")
    for kid in (forge.header["kid"], GONE):
        assert is_rejected(forge, hmac_signed(key.encode(), raw(forge.header, {"kid": kid}), raw(forge.claims, {})))


def test_a_token_with_any_character_changed_is_invalid(forge: Forge) -> None:
    token = forge.token()
    assert forge.tokens.read(token)
    for place, letter in enumerate(token):
        # The next letters differ in the lowest bits, which are unused in the last character of a part.
        near = ALPHABET[ALPHABET.find(letter) + 1 :][:3] if letter != "." else ""
        for other in {*near, chr(ord(letter) ^ 1), "A", "."} - {letter}:
            assert is_rejected(forge, token[:place] + other + token[place + 1 :])


def test_a_token_with_a_character_added_or_removed_is_invalid(forge: Forge) -> None:
    token = forge.token()
    for place in range(len(token)):
        assert is_rejected(forge, token[:place] + token[place + 1 :])
    for more in "=", "==", ".", "A", " ", "\n", "\0", "\xff", "é", "\ud800":
        assert is_rejected(forge, token + more)
        assert is_rejected(forge, more + token)


def test_the_signature_of_another_token_is_invalid(forge: Forge) -> None:
    one, other = (forge.token(claims={"sub": sub}).rpartition(".") for sub in "12")
    assert is_rejected(forge, f"{one[0]}.{other[2]}")
    assert is_rejected(forge, f"{one[0]}.")
    assert is_rejected(forge, one[0])


@pytest.mark.parametrize("parts", [1, 2, 4, 5])
def test_a_token_must_have_three_parts(forge: Forge, parts: int) -> None:
    token = forge.token().split(".")
    assert is_rejected(forge, ".".join((token * 2)[:parts]))


def test_a_token_longer_than_4096_characters_is_rejected_before_it_is_parsed(
    forge: Forge, monkeypatch: pytest.MonkeyPatch
) -> None:
    def padded(length: int) -> str:
        size = (length - len(forge.token())) * 3 // 4
        tokens = (forge.token(claims={"pad": "x" * count}) for count in range(size - 20, size + 4))
        return next(token for token in tokens if len(token) >= length)

    longest = padded(4094)
    assert len(longest) in (4094, 4095, 4096)
    assert forge.tokens.read(longest)
    for name in ("decode", "get_unverified_header"):
        monkeypatch.setattr(jwt, name, fail_if_called)
    assert is_rejected(forge, padded(4097))


@pytest.mark.parametrize("text", [b"[" * 1400, b'{"a":' * 280, b"[" * 50_000, b'{"a":' * 50_000], ids=len)
def test_a_deeply_nested_header_or_payload_is_invalid(forge: Forge, text: bytes) -> None:
    header = json.dumps(forge.header).encode()
    assert is_rejected(forge, forge.signed(header, text))
    assert is_rejected(forge, forge.signed(text, raw(forge.claims, {})))


@pytest.mark.parametrize("text", ["", ".", "..", "a.b.c", "e30.e30.e30", "{}.{}.{}", "null", "\0", "é" * 3])
def test_a_text_that_is_not_a_token_is_invalid(forge: Forge, text: str) -> None:
    assert is_rejected(forge, text)
