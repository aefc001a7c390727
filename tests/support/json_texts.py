"""JSON texts: valid ones generated from the grammar (RFC 8259), and invalid ones that violate each of its rules."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from service.http.strict_json import MAX_DEPTH

WHITESPACE = (b" ", b"\t", b"\n", b"\r")
NUMBERS = b"0 -0 7 -7 10 1.5 -0.25 1e5 1E+2 2.5e-3 9007199254740991 1e-400".split()
TEXTS = [
    *(b'""', b'"a"', b'" "', b'"\x7f"', b'"\\u00e9"', b'"\\ud83d\\ude80"'),
    *(b'"\\"\\\\\\/\\b\\f\\n\\r\\t"', '"é🚀\u2028"'.encode()),
]
ATOMS = [*NUMBERS, *TEXTS, b"true", b"false", b"null", b"[]", b"{}"]

WRONG_NUMBERS = (
    b"01 -01 00 +1 .5 -.5 1. 1.e1 1e 1e+ 1e1.5 --1 - 0x1 1_0 1a 1.2.3 NaN -NaN nan Infinity -Infinity inf".split()
)
WRONG_ESCAPES = b"\\u \\u1 \\u12 \\u123 \\u123g \\u+123 \\x41 \\".split()
LONE_SURROGATES = b"\\ud800 \\udfff \\ud800\\ud800 \\ude80\\ud83d \\ud800x".split()
INVALID_UTF_8 = {
    "a lone byte": b"\x80",
    "an invalid byte": b"\xff",
    "overlong": b"\xc0\xaf",
    "overlong, three bytes": b"\xe0\x80\x80",
    "a surrogate": b"\xed\xa0\x80",
    "beyond U+10FFFF": b"\xf4\x90\x80\x80",
    "truncated": b"\xc3",
}
WRONG_STRUCTURES = b"[,] [1,] [,1] [1,,2] [1:2] (1) {,} {'a':1} {1:1} {null:1} {a:1} [1} {]".split()
WRONG_MEMBERS = b'{"a":1,} {"a"} {"a":} {"a",1} {"a":1,,"b":2} {"a":1"b":2} {"a"::1} {"a":1]'.split()
WRONG_WORDS = b"True TRUE nul nulll undefined None t".split()
GARBAGE = b"x 1 {} , ] } // /**/ # \0 \xc2\xa0 \xef\xbb\xbf \x1e".split(b" ")


def good() -> Iterator[bytes]:
    """Texts that every JSON parser accepts."""
    for atom in ATOMS:
        yield atom
        yield b"[%b]" % atom
        yield b'{"a":%b}' % atom
    for atom, white in product((b"7", b'"a"', b"null"), WHITESPACE):
        yield white + b"[" + white + atom + white + b"," + white + atom + white + b"]" + white
        yield white + b"{" + white + b'"a"' + white + b":" + white + atom + white + b"}" + white
    yield b"[" * MAX_DEPTH + b"]" * MAX_DEPTH
    yield b'{"a":' * MAX_DEPTH + b"1" + b"}" * MAX_DEPTH


def bad() -> Iterator[bytes]:
    """Texts that are not JSON, or are nested too deeply."""
    for atom in (*WRONG_NUMBERS, *WRONG_WORDS, "١".encode(), "１".encode(), "−1".encode(), b"- 1"):
        yield atom
        yield b"[%b]" % atom
        yield b'{"a":%b}' % atom
    yield from broken_texts()
    yield from broken_structures()
    yield from deep_values()


def broken_texts() -> Iterator[bytes]:
    yield from (b'"%c"' % control for control in range(0x20))
    letters = sorted({*range(0x20, 0x7F)} - {*b'"\\/bfnrtu'})
    yield from (b'"\\%c"' % letter for letter in letters[::4])
    for part in (*WRONG_ESCAPES, *LONE_SURROGATES, *INVALID_UTF_8.values()):
        yield b'"%b"' % part
        yield b'{"%b":1}' % part
    yield from (b"'a'", b'"a', b'a"', "“a”".encode())


def broken_structures() -> Iterator[bytes]:
    whole = b'{"a":[1,{"b":null}],"c":"d"}'
    yield from (whole[:end] for end in range(len(whole)))
    yield from (whole[start:] for start in range(1, len(whole)))
    for sign in b'{}[],:"':
        place = whole.index(sign)
        yield whole[:place] + bytes([sign]) + whole[place:]
        yield whole[:place] + whole[place + 1 :]
    for garbage in GARBAGE:
        yield whole + garbage
        yield garbage + whole
    for coding in ("utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"):
        yield whole.decode().encode(coding)
    yield from (*WRONG_STRUCTURES, *WRONG_MEMBERS, b" ", b"\n", b"[1 2]", b'{"a" 1}', b'{"a":1 "b":2}')


def unstorable() -> Iterator[bytes]:
    """Texts with values that a parser or a database would change."""
    yield from (b'"\\u0000"', b'{"\\u0000":1}', b'[["a\\u0000b"]]')
    for number in (b"1e999", b"-1e999", b"9007199254740992", b"-9007199254740992", b"%d" % 2**63, b"%d" % 2**64):
        yield number
        yield b'{"a":[%b]}' % number
    yield from (b"[%b]" % (b"9" * digits) for digits in (17, 20, 400, 5000, 60_000))


def deep_values() -> Iterator[bytes]:
    for depth in (MAX_DEPTH + 1, 1000, 2000):
        yield b"[" * depth + b"]" * depth
        yield b'{"a":' * depth + b"1" + b"}" * depth
    yield from (opening * count for opening in (b"[", b'{"a":', b'[{"a":') for count in (33, 5000))
