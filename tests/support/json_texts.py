"""Random JSON texts: events as a recorder meets them, and texts as odd as JSON allows, or just does not allow."""

import json
import struct
from random import Random

KEYS = {
    "number": ["n", "m", "é"],
    "string": ["s", "t", "a b"],
    "boolean": ["b"],
    "numbers": ["ns"],
    "strings": ["ss"],
    "objects": ["os", "ps"],
    "object": ["o", "p", ""],
    "any": ["a", "c"],
}
"""The keys of random objects, by the kind of value that they mostly have."""

KEPT_KINDS = (0, 0.6, 0.8, 0.95)
"""How probable it is that an object has a key of a given kind, by the levels left."""

ODD_KEYS = ("\U0001f600", "\ud83d", "é\u2028", "\x00", '"', "@")

ODD_NUMBERS = (
    *("-0", "0.0", "-0.0", "0e5", "-0E-0", "1E5", "1e-5", "1.0", "2.50", "10E-1", "1e0", "0.1", "1e15", "1e16"),
    *("9.5e22", "1e400", "-1e400", "1e-400", "5e-324", "2.2250738585072014e-308", "1.7976931348623157e308", "NaN"),
    *("Infinity", "-Infinity", "1e99999999999999999999", "1e-99999999999999999999", "0.1" + "0" * 800 + "1"),
    *(str(sign * 2**bits + more) for bits in (53, 63, 64, 127, 128) for sign in (1, -1) for more in (-1, 0, 1)),
    *("9" * 18, "9" * 19, "-" + "1" * 39, "1" + "0" * 38, "7" * 300, "-" + "7" * 640, "7" * 641, "3" * 4300),
    *("3" * 4301, "123456789" * 90 + ".5"),
)
ODD_STRINGS = (
    *("12", "-1.5", "+3", " 7 ", "1_000", "1__0", "_1", "nan", "inf", "-Infinity", "0x10", "1e5", "1E+2", ".5", "5."),
    *(".", "+", "e5", "1e", "--1", "007", "-0", "1 2", "12 kg", "\u0661\u0662", "1\u0660.5", "\uff11", "\u00a07", "x"),
    *(
        "9" * 30,
        "9" * 700,
        "9" * 5000,
        "9" * 400 + ".5",
        "1e400",
        "-" + "9" * 39,
        "\x1f1",
        "1\x00",
        "infinit",
        "\u0130nf",
    ),
)
PIECES_OF_STRINGS = (
    *("a", "b", "ab", "B", "z", "0", " ", "/", "'", "`", "€", "é", "ß", "\x7f", "\u2028", "\U0001f600", "\uffff"),
    *(r"\n", r"\t", r"\b", r"\f", r"\r", r"\"", r"\\", r"\/", r"\u0061", r"\u00e9", r"\u00E9", r"\u0000", r"\u001f"),
    *(r"\ud83d\ude00", r"\uD83D\uDE00", r"\ud83d", r"\ude00", r"\ud83d\ud83d\ude00", r"\ud83da", r"\ud83d\u0061"),
    *("\ud83d", "\ude00", "\ud83d\ude00", r"\udbff\udfff", "\U0010ffff", r"\ud83d\n", "\ue000", r"\ufeff", "\ufeff"),
)
PLAIN_STRINGS = ("a", "ab", "abc", "B", "a b", "12", "1.5", "", "2020-01-01T00:00:00Z", "x,y", "]}", "null", "\x7f")
ORDINARY_STRINGS = (*PLAIN_STRINGS, "zé", "€ 5", "x\ny", 'a "b"')
BLANKS = ("", "", "", "", " ", "  ", "\n", "\r\n\t", "\t ")
PLAIN_BLANKS = ("", "", " ")
BREAKS = (
    *(b",", b"]", b"}", b"[", b"{", b'"', b"\\", b":", b"0", b"-", b".", b"e", b"+", b"u", b"\\u", b"\\u12", b"\\x41"),
    *(b"\x00", b"\x01", b"\n", b"\x1f", b"\x7f", b"\x80", b"\xff", b"\xc3", b"\xc0\xaf", b"\xed\xa0\x80", b"\xe2\x82"),
    *(b"\xf4\x90\x80\x80", b"\xef\xbb\xbf", b"\x0b", b"\xc2\xa0", b"//", b"'", b"null", b"NaN", b"Infinity", b"tru"),
    *(b"01", b"1.", b"-NaN"),
)
ENCODINGS = ("utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be")


class JsonTexts:
    """Writes random JSON texts; `ordinary` ones have what programs write, and none of JSON's oddities."""

    def __init__(self, random: Random, *, ordinary: bool = False) -> None:
        self._random = random
        self._ordinary = ordinary
        self._plain = False
        """Whether the present document has nothing but ASCII, and no escapes and new lines, as is the rule."""

    def document(self) -> str:
        """Give a document, mostly an object or an array of some; lone surrogates in it stand for their bytes."""
        self._plain = self._random.random() < 0.5
        kind = self._random.choice(["object"] * 12 + ["objects", "any"])
        return self.blank() + self.of_kind(kind, 3) + self.blank()

    def of_kind(self, kind: str, levels: int) -> str:
        """Give a value of a kind of `KEYS`, now and then of another; arrays and objects only on so many levels."""
        if self._random.random() < 0.04:
            kind = "any"
        if kind == "any":
            kind = self._random.choice([*KEYS, "null", "number", "string"])
        if kind in ("numbers", "strings", "objects"):
            return self._array(kind.removesuffix("s"), levels)
        if kind == "object" and levels > 0:
            return self._object(levels)
        if kind in ("number", "string"):
            return self.number() if kind == "number" else self.string()
        return self._random.choice(["true", "false"] if kind == "boolean" else ["null", "null", "[]", "{}", '""', "0"])

    def number(self) -> str:
        """Give a number."""
        way = self._random.randrange(6)
        if way < 3:
            return str(self._random.randrange(-3, 10))
        if way == 3:
            return json.dumps(self._random.randrange(-5000, 5000) / 100)
        if self._ordinary:
            return str(self._random.randrange(10**12))
        return self._random.choice(ODD_NUMBERS) if way == 4 else self._odd_number()

    def string(self) -> str:
        """Give a string, in quotes."""
        if self._plain or self._random.random() < (1 if self._ordinary else 0.2):
            words = PLAIN_STRINGS if self._plain else ORDINARY_STRINGS
            escape = not self._plain and self._random.random() < 0.5
            return json.dumps(self._random.choice(words), ensure_ascii=escape)
        if self._random.random() < 0.3:
            return json.dumps(self._random.choice(ODD_STRINGS), ensure_ascii=self._random.random() < 0.5)
        return '"' + "".join(self._random.choice(PIECES_OF_STRINGS) for _ in range(self._random.randrange(4))) + '"'

    def key_of(self, kind: str) -> str:
        """Give a key whose value mostly is of the kind."""
        if kind == "any" and not self._ordinary and not self._plain and self._random.random() < 0.3:
            return self._random.choice(ODD_KEYS)
        return KEYS[kind][0] if self._plain or self._random.random() < 0.85 else self._random.choice(KEYS[kind])

    def written_key(self, key: str) -> str:
        """Give a key as JSON; where texts may be odd, maybe some characters as escapes."""
        if self._ordinary or self._plain or self._random.random() < 0.7:
            return json.dumps(key, ensure_ascii=self._random.random() < 0.5)
        return '"' + "".join(f"\\u{ord(letter):04X}" if ord(letter) < 1 << 16 else letter for letter in key) + '"'

    def blank(self) -> str:
        """Give white space, often none."""
        return self._random.choice(PLAIN_BLANKS if self._plain else BLANKS)

    def _array(self, kind: str, levels: int) -> str:
        if levels <= 0:
            return "[]"
        elements = [self.of_kind(kind, levels - 1) for _ in range(self._random.choice((0, 1, 2, 2, 3, 3, 4)))]
        return "[" + ",".join(self.blank() + element + self.blank() for element in elements) + self.blank() + "]"

    def _object(self, levels: int) -> str:
        pairs = [(self.key_of(kind), kind) for kind in KEYS if self._random.random() < KEPT_KINDS[levels]]
        self._random.shuffle(pairs)
        if not self._ordinary and pairs and self._random.random() < 0.2:
            pairs += self._random.choices(pairs, k=self._random.randrange(4))
        members = [
            f"{self.written_key(key)}{self.blank()}:{self.blank()}{self.of_kind(kind, levels - 1)}"
            for key, kind in pairs
        ]
        return "{" + ",".join(self.blank() + member + self.blank() for member in members) + self.blank() + "}"

    def _odd_number(self) -> str:
        way = self._random.randrange(4)
        if way == 0:  # any float, as Python writes it
            return json.dumps(struct.unpack("<d", self._random.randbytes(8))[0])
        if way == 1:  # more digits than a float has
            return f"0.{self._random.randrange(10**25):025}e{self._random.randrange(-330, 330)}"
        if way == 2:  # an integer of any size up to some 200 bits
            return str(
                self._random.randrange(-(2 ** self._random.randrange(1, 200)), 2 ** self._random.randrange(1, 200))
            )
        exponent = self._random.choice(["e", "E", "e+", "E-"]) + f"{self._random.randrange(30):02}"
        return f"{self._random.randrange(100)}.{self._random.randrange(100)}{exponent}"


def broken(random: Random, data: bytes) -> bytes:
    """Give the data with a few bytes changed, so that often they are no JSON, but nearly."""
    for _ in range(random.randrange(1, 3)):
        start = random.randrange(len(data) + 1)
        end = start if random.random() < 0.6 else min(len(data), start + random.randrange(1, 4))
        put_in = random.choice(BREAKS) if random.random() < 0.7 else b""
        data = data[:start] + put_in + data[end:]
    return data if random.random() < 0.9 else data[: random.randrange(len(data) + 1)]


def nested(random: Random, text: str) -> str:
    """Wrap a document in arrays and objects, so that it nests about 500 levels deep."""
    levels = random.randrange(490, 510)
    openings = [random.choice(["[", '{"a":', '{"o":', '{"o":0,"o":']) for _ in range(levels)]
    return "".join(openings) + text + "".join("]" if opening == "[" else "}" for opening in reversed(openings))


def encoded(random: Random, text: str) -> bytes:
    """Encode a text, mostly in UTF-8, as it is written almost always."""
    encoding = "utf-8" if random.random() < 0.95 else random.choice(ENCODINGS)
    return text.encode(encoding, "surrogatepass")
