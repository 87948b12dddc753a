"""Random JMESPath expressions: the grammar as patterns, by the kind of value that an expression mostly gives."""

import re
from random import Random

from support.json_texts import KEYS, ODD_STRINGS, ORDINARY_STRINGS, JsonTexts

GRAMMAR: dict[str, list[str]] = {
    "number": [
        *("abs(<number>)", "ceil(<number>)", "floor(<number>)", "to_number(<number>)", "to_number(<string>)"),
        *(
            "avg(<numbers>)",
            "sum(<numbers>)",
            "max(<numbers>)",
            "min(<numbers>)",
            "<numbers>[<index>]",
            "to_number(<any>)",
        ),
        *(
            "length(<array>)",
            "length(<string>)",
            "length(<object>)",
            "not_null(<any>, <number>)",
            "(<number> || <number>)",
        ),
        *("max_by(<objects>, &<number>).<number key>", "<object>.<number key>", "(<boolean> && <number>)"),
    ],
    "string": [
        *("join(<string>, <strings>)", "to_string(<any>)", "type(<any>)", "reverse(<string>)", "<strings>[<index>]"),
        *(
            "max(<strings>)",
            "min(<strings>)",
            "not_null(<string>, <any>)",
            "<object>.<string key>",
            "(<string> || <string>)",
        ),
        *("keys(<object>)[<index>]", "sort_by(<objects>, &<string>)[0].<string key>", "join('', [<string>, <string>])"),
    ],
    "boolean": [
        *(
            "<any> == <any>",
            "<any> != <any>",
            "<number> == <number>",
            "<string> == <string>",
            "<string key> == <string literal>",
            "<string literal> == <object key>.<string key>",
            "contains(<strings key>, <string literal>)",
            "<objects key>[?<string key> == <string literal>]",
            "<array> == <array>",
        ),
        *("<number> <order> <number>", "<string> <order> <string>", "<any> <order> <any>", "!(<any>)", "!<boolean>"),
        *("contains(<string>, <string>)", "contains(<array>, <any>)", "contains(<numbers>, <number>)"),
        *("contains(<strings>, <string>)", "starts_with(<string>, <string>)", "ends_with(<string>, <string>)"),
        *("(<boolean> && <boolean>)", "(<boolean> || <boolean>)", "<boolean> && <any> || <boolean>", "<object>.b"),
        *("contains(<array>, <array>[<index>])", "starts_with(<string>, 'a')", "type(<any>) == 'number'"),
    ],
    "numbers": [
        *("<objects>[].<number key>", "<objects>[*].<number key>", "map(&<number>, <array>)", "sort(<numbers>)"),
        *(
            "reverse(<numbers>)",
            "<numbers>[<slice>]",
            "to_array(<number>)",
            "[<number>, <number>]",
            "<numbers>[?@ <order> <number>]",
        ),
        *(
            "<object>.<numbers key>",
            "[<numbers>, <numbers>][]",
            "<objects>[].<numbers key>[]",
            "values(<object>)[?type(@) == 'number']",
        ),
        *("<objects>[?<boolean>].<number key>", "(<numbers> || <numbers>)", "[<number>, <number>, <number>, <number>]"),
    ],
    "strings": [
        *(
            "<objects>[].<string key>",
            "<objects>[*].<string key>",
            "map(&<string>, <array>)",
            "sort(<strings>)",
            "keys(<object>)",
        ),
        *(
            "reverse(<strings>)",
            "<strings>[<slice>]",
            "to_array(<string>)",
            "[<string>, <string>]",
            "<strings>[?contains(@, <string>)]",
        ),
        *(
            "<object>.<strings key>",
            "<object>.*.<string key>",
            "<objects>[?<boolean>].<string key>",
            "sort(keys(<object>))",
        ),
    ],
    "objects": [
        *(
            "<objects>[?<boolean>]",
            "sort_by(<objects>, &<number>)",
            "sort_by(<objects>, &<string>)",
            "values(<object>)",
        ),
        *(
            "<objects>[<slice>]",
            "<objects>[].<objects key>[]",
            "<object>.<objects key>",
            "reverse(<objects>)",
            "to_array(<object>)",
        ),
        *(
            "[<object>, <object>]",
            "map(&<object>, <objects>)",
            "<objects>[*].{<key>: <any>, <key>: <any>}",
            "<object>.*",
        ),
        *("<objects>[?<any>]", "<objects>[?<any> <order> <any>].<any key>"),
    ],
    "object": [
        *(
            "<objects>[<index>]",
            "max_by(<objects>, &<number>)",
            "min_by(<objects>, &<string>)",
            "merge(<object>, <object>)",
        ),
        *("<object>.<object key>", "{<key>: <any>, <key>: <any>}", "<object>.{<key>: <any>}", "merge(<object>)"),
        *(
            "merge(<object>, {<key>: <any>}, <object>)",
            "min_by(<objects>, &<number>)",
            "max_by(<strings>, &length(@))",
            "merge(<object>, <any>)",
        ),
    ],
    "array": [
        *(
            "<numbers>",
            "<strings>",
            "<objects>",
            "[<any>, <any>]",
            "map(&<any>, <array>)",
            "to_array(<any>)",
            "values(<object>)",
        ),
        *(
            "<any>[]",
            "<any>[*]",
            "<any>[<slice>]",
            "<objects>[*].[<any>, <any>]",
            "reverse(<array>)",
            "<object>.*",
            "<array>[][]",
        ),
        *(
            "<array>[?<boolean>].[<any>]",
            "<objects>[*].<objects key>[*].<any key>",
            "<array>[*][<index>]",
            "<array>[<slice>][]",
        ),
        *(
            "<array>[?@ == <any>]",
            "<array>[?<boolean>] | [?<boolean>]",
            "sort_by(<numbers>, &abs(@))",
            "sort_by(<objects>, &<any>)",
            "<array>[?<boolean>][<slice>]",
        ),
    ],
    "any": [
        "<number>",
        "<number>",
        "<string>",
        "<string>",
        "<boolean>",
        "<array>",
        "<array>",
        "<object>",
        "<object>",
        "<object>.<any key>",
        "<array>[<index>]",
        "(<any>)",
        "<any> | <any>",
        "<object> | <any>",
        "<object> | <number>",
        "<array> | [<index>]",
        "<array> | length(@)",
        "<any> || <any>",
        "<any> && <any>",
        "!<any>",
        "not_null(<any>, <any>, <any>)",
        "<array>[?<boolean>] | [0]",
    ],
}
"""`<kind>` stands for any pattern of the kind, `<kind key>` for a field that mostly is of the kind."""

LEAVES = {
    "objects": ["@", "<objects key>", "<objects key>[]", "<objects literal>"],
    "object": ["@", "@", "<object key>", "<objects key>[0]", "<object literal>"],
    "array": ["@", "<objects key>", "<numbers key>", "<strings key>", "*", "[*]", "[]", "<strings literal>"],
    "any": [
        "@",
        "<any key>",
        "<number key>",
        "<string key>",
        "<objects key>",
        "*",
        "<any literal>",
        "<object literal>",
    ],
}
"""The patterns at the ends of an expression, for kinds that have other ones than their fields, `@` and literals."""

ODD_LITERALS = (
    "`null`",
    "`[]`",
    "`{}`",
    '`""`',
    "''",
    "`[NaN]`",
    "`-Infinity`",
    "`[null, [1, [true]]]`",
    '`"\\ud83d"`',
)
TOKENS = {
    "index": ("0", "0", "1", "-1", "2", "-2", "-3", "7", "9" * 20, "-" + "9" * 20),
    "order": ("<", "<=", ">", ">="),
}
BOUNDS = ("", "", "0", "1", "2", "-1", "-2", "5", "-9", "9" * 20, "-" + "9" * 20)
STEPS = ("", "", ":", ":1", ":2", ":-1", ":-2", ":3", ":-" + "9" * 20)
HOLE = re.compile(r"<(\w+)(?: (key|literal))?>")


class Expressions:
    """Writes random expressions, most of which parse; `ordinary` ones with keys and literals as people write them."""

    def __init__(self, random: Random, *, ordinary: bool = False) -> None:
        self._random = random
        self._ordinary = ordinary
        self._json = JsonTexts(random, ordinary=ordinary)

    def expression(self) -> str:
        """Give an expression in which a few functions, operators and fields stand inside one another."""
        return self._of_kind("any", self._random.randrange(1, 5))

    def _of_kind(self, kind: str, levels: int) -> str:
        if self._random.random() < 0.03:
            kind = "any"
        if levels > 0:
            pattern = self._random.choice(GRAMMAR[kind])
        else:
            ends = [f"<{kind} key>", f"<{kind} key>", "@", f"<{kind} literal>"]
            pattern = self._random.choice(LEAVES.get(kind, ends))
        return HOLE.sub(lambda hole: self._filled(hole[1], hole[2], levels - 1), pattern)

    def _filled(self, name: str, what: str | None, levels: int) -> str:
        if what == "literal":
            return self._literal(name)
        if what == "key" or name == "key":
            return self._field(name if what else self._random.choice(list(KEYS)))
        if name == "slice":
            return f"{self._random.choice(BOUNDS)}:{self._random.choice(BOUNDS)}{self._random.choice(STEPS)}"
        if name in TOKENS:
            return self._random.choice(TOKENS[name])
        return self._of_kind(name, levels)

    def _field(self, kind: str) -> str:
        key = self._json.key_of(kind)
        if key.isascii() and key.isidentifier() and self._random.random() < 0.9:
            return key
        return self._json.written_key(key)

    def _literal(self, kind: str) -> str:
        if kind == "string" and self._random.random() < 0.5:
            odd = not self._ordinary and self._random.random() < 0.5
            text = self._random.choice(ODD_STRINGS if odd else ORDINARY_STRINGS)
            return "'" + text.replace("'", "\\'") + "'"
        if not self._ordinary and self._random.random() < 0.2:
            return self._random.choice(ODD_LITERALS)
        return "`" + self._json.of_kind(kind, 2).replace("`", "\\`") + "`"
