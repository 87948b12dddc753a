"""The core evaluates JMESPath as Python's `jmespath` does, whatever the data and the expression, or leaves it alone."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import product
from pathlib import Path
from random import Random
from threading import Barrier

import jmespath
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.jmespath_grammar import Expressions
from support.jmespath_says import Answers, core_expression, core_says, python_says
from support.json_texts import BREAKS, ENCODINGS, ODD_NUMBERS, ODD_STRINGS, JsonTexts, broken, encoded, nested

from flashflood import Expression, _core
from flashflood.replay.expressions import Compiled

# What Python takes for no JSON, as an integer of 4,301 digits, is a text as a literal, with this warning of jmespath's.
pytestmark = pytest.mark.filterwarnings("ignore:deprecated string literal syntax:PendingDeprecationWarning")

ORDERS = ("<", "<=", "==", "!=", ">=", ">")
OF_TWO_NUMBERS = (
    *(f"[0] {order} [1]" for order in ORDERS),
    *("max(@)", "min(@)", "sort(@)", "sum(@)", "avg(@)", "contains([[0]], [1])", "@ == reverse(@)", "sort_by(@, &@)"),
    *("max_by(@, &@)", "min_by(@, &@)", "to_string(@)", "[[0]] == [[1]]", "{a: [0]} == {a: [1]}"),
)
OF_ONE_NUMBER = (
    *("@", "abs(@)", "ceil(@)", "floor(@)", "to_string(@)", "to_number(@)", "!@", "type(@)", "@ == `1`", "[@]"),
)
OF_TWO_OBJECTS = (
    *("@", "[0] == [1]", "[*].length(@)", "[*].keys(@)", "[*].values(@)", "[*].*", "[*].k0", "[1].k7", "to_string(@)"),
    *("merge([0], [1])", "merge([1], [0], {k0: 'x', new: 'y', k0: 'z'})", "contains(@, [1])", "[*].{k1: k0, k1: k7}"),
    *("[].[length(@), k14]", "[0] == {k0: [0].k0}", "[1] | !@", "{a: [0]} == {a: [1]}", "merge([0], `{}`) == [0]"),
)
EDGES_OF_UTF_8 = bytes(
    [0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xED, 0xEF, 0xF0, 0xF4, 0xF5, 0xFF]
)
CODE_UNITS = (0x0000, 0x001F, 0x0061, 0x007F, 0x07FF, 0xD7FF, 0xD800, 0xDBFF, 0xDC00, 0xDFFF, 0xE000, 0xFFFF)
SAMPLE = b'{"a":[1,-2.5e1,null],"\\u0061b":{"c":"\\n\xc3\xa9"},"d":[true,{}]}'


@cache
def compiled_both_ways(expression: str) -> tuple[Compiled, _core.Expression]:
    return jmespath.compile(expression), core_expression(expression)


def agreed(expression: str, data: bytes) -> Answers:
    """Give the core's answers, once asserted that they are Python's where there are any."""
    compiled, core = compiled_both_ways(expression)
    answers, expected = core_says(core, data), python_says(compiled, data)
    assert answers.matches in (None, expected.matches), (expression, data)
    assert answers.selects in (None, expected.selects), (expression, data)
    return answers


def random_data(random: Random) -> bytes:
    """Give an event's data: a JSON text with all oddities, sometimes very deep, sometimes not quite JSON."""
    text = JsonTexts(random).document()
    way = random.random()
    if way < 0.02:
        text = nested(random, text)
    data = encoded(random, text)
    return broken(random, data) if way > 0.85 else data


def random_expression(random: Random) -> str:
    """Give an expression that parses, and that the core does not leave to Python from the start."""
    while True:
        expression = Expressions(random).expression()
        try:
            core_expression(expression)
        except ValueError:
            continue
        return expression


@given(st.randoms(use_true_random=False))
@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_any_expression_gives_on_any_data_what_python_gives(random: Random) -> None:
    text, data = random_expression(random), random_data(random)
    agreed(text, data)
    expression = Expression(text)
    in_python = Answers(expression.matches(data), expression.select(data))
    assert in_python == python_says(expression.compiled, data), (text, data)


# of jmespath, for a literal that json.loads does not take
@pytest.mark.filterwarnings("ignore:deprecated string literal syntax:PendingDeprecationWarning")
@pytest.mark.parametrize("seed", range(20))
def test_random_expressions_give_on_random_data_what_python_gives(seed: int) -> None:
    random = Random(seed)  # noqa: S311 - to be repeated, not to be secret
    decided = 0
    for _ in range(40):
        events = [random_data(random) for _ in range(8)]
        for expression in [random_expression(random) for _ in range(4)]:
            decided += sum(None not in agreed(expression, data) for data in events)
    assert decided > 40 * 8 * 4 / 2, "the core leaves most to Python"


@pytest.mark.parametrize("left", ODD_NUMBERS, ids=lambda number: number[:25])
def test_any_two_numbers_are_compared_sorted_and_added_as_in_python(left: str) -> None:
    for expression in OF_ONE_NUMBER:
        agreed(expression, left.encode())
    for right, expression in product(ODD_NUMBERS, OF_TWO_NUMBERS):
        agreed(expression, f"[{left},{right}]".encode())


@pytest.mark.parametrize("seed", range(4))
def test_any_float_is_read_and_written_as_python_does(seed: int) -> None:
    random = Random(seed)  # noqa: S311 - to be repeated, not to be secret
    for _ in range(4000):
        exponent = random.choice([0, 0, random.randrange(-340, 310)])
        number = f"{random.randrange(10 ** random.randrange(1, 20))}.{random.randrange(10 ** random.randrange(1, 20))}"
        assert None not in agreed("@", f"{number}e{exponent}".encode())
        halfway = random.randrange(2**50, 2**53) / random.choice([2, 4, 8, 16, 2**40, 2**75])
        assert None not in agreed("@", json.dumps(halfway).encode())


@pytest.mark.parametrize("length", range(1, 5))
def test_any_short_text_is_the_number_that_it_is_in_python(length: int) -> None:
    for letters in product("10.e-+ _n", repeat=length):
        agreed("to_number(@)", json.dumps("".join(letters)).encode())


@pytest.mark.parametrize("text", ODD_STRINGS, ids=ascii)
def test_odd_texts_are_the_numbers_that_they_are_in_python(text: str) -> None:
    for escaped in (True, False):
        agreed("to_number(@)", json.dumps(text, ensure_ascii=escaped).encode())
        agreed("to_number(@) || type(to_number(@))", json.dumps(text, ensure_ascii=escaped).encode())


def test_any_slice_takes_what_it_takes_in_python() -> None:
    arrays = [json.dumps(list(range(length))).encode() for length in range(5)]
    bounds = ["", *range(-6, 7, 2), -1, 1, 2**63, -(2**63) - 1]
    for start, stop, step in product(bounds, bounds, ["", -3, -1, 1, 2, 2**63 - 1, -(2**63)]):
        for array in arrays:
            assert None not in agreed(f"[{start}:{stop}:{step}]", array)


def test_any_index_finds_what_it_finds_in_python() -> None:
    for index in [*range(-6, 7), 2**31, 2**63 - 1, 2**63, 2**64, -(2**63), -(2**63) - 1, 10**30]:
        for length in range(5):
            assert None not in agreed(f"[{index}]", json.dumps(list(range(length))).encode())


@pytest.mark.parametrize("first", CODE_UNITS, ids=hex)
def test_any_code_units_make_the_text_that_python_reads(first: int) -> None:
    for units in product([first], CODE_UNITS, CODE_UNITS):
        in_json = ["".join(f"\\u{unit:04x}" for unit in units).encode()]
        if all(unit >= 0x20 for unit in units):
            in_json.append("".join(map(chr, units)).encode("utf-8", "surrogatepass"))
            in_json.append(chr(units[0]).encode("utf-8", "surrogatepass") + f"\\u{units[1]:04X}".encode())
        for text in in_json:
            assert None not in agreed("[@, length(@), reverse(@), to_string(@), to_string([@])]", b'"' + text + b'"')
            agreed("{a: @} | keys(@) | join('x', [@[0], to_string(@)])", b'"' + text + b'"')
            agreed("sort(@)", b'["' + text + b'","\xf0\x90\x80\x80","\\uffff","\\udfff","\xed\xa0\x80"]')
            agreed('"\\ud800\\udc00" || "\\ud800"', b'{"' + text + b'":1,"\\ud800":2}')


@pytest.mark.parametrize("length", range(1, 4))
def test_what_bytes_are_utf_8_is_what_python_decodes(length: int) -> None:
    for text in product(EDGES_OF_UTF_8, repeat=length):
        assert None not in agreed("length(@)", b'"' + bytes(text) + b'"')


@pytest.mark.parametrize("first", [0xE0, 0xED, 0xF0, 0xF4])
def test_what_four_bytes_are_utf_8_is_what_python_decodes(first: int) -> None:
    for text in product(EDGES_OF_UTF_8, repeat=3):
        assert None not in agreed("@", b'"' + bytes([first, *text]) + b'"')


@pytest.mark.parametrize("place", range(len(SAMPLE) + 1))
def test_what_python_refuses_as_json_is_refused_wherever_it_is_broken(place: int) -> None:
    before, after = SAMPLE[:place], SAMPLE[place:]
    for data in [before, after, *(before + put_in + rest for put_in in BREAKS for rest in (after, after[1:], b""))]:
        agreed("a[1]", data)
        agreed("@", data)


@pytest.mark.parametrize("number_of_keys", [0, 1, 15, 16, 17, 40, 200])
def test_objects_whose_keys_come_again_are_those_that_python_makes(number_of_keys: int) -> None:
    random = Random(number_of_keys)  # noqa: S311 - to be repeated, not to be secret
    keys = [f'"k{number}"' for number in range(number_of_keys)] + [f'"\\u006b{number}"' for number in range(0, 200, 7)]
    for repeated in (0, 1, 3, number_of_keys):
        pairs = [f"{key}:{place}" for place, key in enumerate(keys[:number_of_keys] + random.choices(keys, k=repeated))]
        again = random.sample(pairs, len(pairs))
        data = f"[{{{','.join(pairs)}}},{{{','.join(again)}}}]".encode()
        for expression in OF_TWO_OBJECTS:
            assert None not in agreed(expression, data)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(
    "text", ["1", "{}", '"a"', '{"a":"\u00e9\U0001f600\ud83d"}', "[1,2]", "\ufeff1", "", "12", '""']
)
def test_data_in_any_encoding_are_read_as_python_reads_them(encoding: str, text: str) -> None:
    data = text.encode(encoding, "surrogatepass")
    for cut in (data, data[:-1], data[1:], data + b"\x00", b"\x00" + data, data + b"\n"):
        agreed("@", cut)
        agreed("a || @", cut)


@pytest.mark.parametrize("levels", [1, 2, 499, 500, 501, 502, 900, 5000])
@pytest.mark.parametrize("opening", ["[", '{"a":', '{"b":1,"a":', '[{"a":'])
def test_data_are_json_down_to_500_levels_as_in_python(levels: int, opening: str) -> None:
    times = levels // len(opening.replace('"b":1,"a":', "").replace('"a":', ""))
    closing = "".join({"[": "]", "{": "}"}[letter] for letter in reversed(opening) if letter in "[{")
    for inner in ("1", "[]", "{}", '"]}"', "", '{"":[]}', '{"a":[[]],"a":1}'):
        data = (opening * times + inner + closing * times).encode()
        agreed("@", data)
        agreed("a || [0]", data)
        agreed("@ == @", data)


@pytest.mark.parametrize("levels", [100, 420, 500, 900, 1000, 3000])
@pytest.mark.parametrize(
    "wrapping", [".[@]", ".{a: @}", f".{'[' * 10}@{']' * 10}", f" | {'[' * 10}@{']' * 10}"], ids=lambda text: text[:5]
)
@pytest.mark.parametrize("nested_in_data", [0, 400, 500])
def test_values_nested_deeper_than_python_can_write_are_left_to_python(
    levels: int, wrapping: str, nested_in_data: int
) -> None:
    data = b"[" * nested_in_data + b"1" + b"]" * nested_in_data
    chain = "(@" + wrapping * (levels // max(1, wrapping.count("["))) + ")"
    for text in (chain, f"to_string({chain})", f"{chain} == {chain}", f"contains([{chain}], {chain})"):
        expression = Expression(text)
        answers = core_says(core_expression(text), data)
        assert answers.matches in (None, expression.matches(data)), text
        assert answers.selects in (None, expression.select(data)), text


@pytest.mark.parametrize("wrapping", [".[@]", ".{a: @}"])
def test_no_value_however_deep_ends_the_process(wrapping: str) -> None:
    program = f"""
import threading
from support.jmespath_says import core_expression, core_says
chain = "@" + {wrapping!r} * 5_000
texts = [chain, f"to_string({{chain}})", f"{{chain}} == {{chain}}", f"contains([{{chain}}], {{chain}})"]
expressions = [core_expression(text) for text in texts]
threading.stack_size(256 * 1024)
asking = threading.Thread(target=lambda: print([core_says(expression, b"1") for expression in expressions]))
asking.start()
asking.join()
"""
    here = Path(__file__).parent
    ended = subprocess.run([sys.executable, "-c", program], cwd=here, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, "the process died of a signal"
    assert "Answers" in ended.stdout, ended.stderr


TEXTS_LOOKED_FOR = ("b", "", "a b", "é", '"', "\\", "\x7f", "1", "k", "\ud83d", "\n", 'x","s":"', "ab" * 40)
FILTERS_BY_TEXT = (
    *("s == {}", "{} == s", "s == {} && n > `0`", "n && (s == {} && o.s == 'b')", "contains(s, {})", "s != {}"),
    *("starts_with(s, {})", "ends_with(o.s, {})", "os[?s == {}]", "os[?s == {} && n].n", "os[*].s | contains(@, {})"),
    *("os[].ss[?@ == {}]", "*.s | [?@ == {}]", "o | s == {}", "[?s == {}]", "ss[1] == {}", "contains(ss, {})"),
    *("ss[::-1][?starts_with(@, {})]", "keys(o)[?@ == {}]", "!(s == {})", "s == {} || n", "[s == {}]", "@ == {}"),
    *("contains(keys(o), {})", "contains([n, s], {})", "reverse(s) == {}", "join('', ss) == {}", "{{s: s}}.s == {}"),
    *("to_string(o) == {}", "t.* == {}", "not_null(o.n, s) == {}", "contains('abc', {})", "{} == {}", "type(s) == {}"),
    *("os[?s == {}] || s", "os[?contains(s, {})].x", "s.contains(@, {})", "os[?s == {}] | [0].n", "os[0].s == {}"),
)
DOCUMENTS_WITH_A_TEXT = (
    '{"s":TEXT,"n":1,"o":{"s":TEXT,"k":2},"ss":["x",TEXT],"os":[{"s":TEXT,"n":0}],"t":{"k":TEXT}}',
    '{"n": 1, "o": {"b": TEXT}, "os": [{"s": "", "n": 1}, {"n": 1, "s": TEXT}], "s": "b", "s": TEXT}',
    '{\n"s": TEXT, "x": "\\u0062", "ss": [TEXT], "broken": }',
    '[{"s":TEXT},TEXT]',
    "TEXT",
)


@pytest.mark.parametrize("pair", ["[@, @]", "{a: @, b: @}"])
def test_a_value_that_holds_one_thing_twice_again_and_again_is_itself_at_once(pair: str) -> None:
    doubled = " | ".join([pair] * 60)
    for asked in ("contains([@], @)", "[@] == [@]"):
        assert agreed(f"{doubled} | {asked}", b"1").matches is True


@pytest.mark.parametrize("text", TEXTS_LOOKED_FOR, ids=lambda text: ascii(text[:10]))
def test_filters_for_a_text_find_it_however_it_is_written(text: str) -> None:
    written = [json.dumps(text), json.dumps(text, ensure_ascii=False)]
    escaped = '"' + "".join(f"\\u{ord(letter):04x}" for letter in text) + '"'
    literal = "`" + json.dumps(text).replace("`", "\\`") + "`"
    for value in [*written, escaped, '"cab"', "1", "null", '["b"]']:
        for document, pattern in product(DOCUMENTS_WITH_A_TEXT, FILTERS_BY_TEXT):
            data = document.replace("TEXT", value).encode("utf-8", "surrogatepass")
            agreed(pattern.format(literal, literal), data)


def test_ten_threads_that_use_one_expression_at_once_get_the_same_answers() -> None:
    random = Random(0)  # noqa: S311 - to be repeated, not to be secret
    events = [random_data(random) for _ in range(300)] + [json.dumps(["x" * 100] * 20_000).encode()]
    expression = core_expression("{a: os[?n > `0`].s, b: keys(@), c: ns[::-1], d: to_string(@)} || length(@) || @")
    expected = [core_says(expression, data) for data in events]
    together = Barrier(10)

    def ask(thread: int) -> list[Answers]:
        together.wait()
        order = events[thread:] + events[:thread]
        answers = [core_says(expression, data) for data in order]
        return answers[len(events) - thread :] + answers[: len(events) - thread]

    with ThreadPoolExecutor(10) as threads:
        assert all(answers == expected for answers in threads.map(ask, range(10)))


@pytest.mark.parametrize("as_buffer", [bytearray, memoryview])
def test_any_buffer_is_taken_as_data(as_buffer: type[bytearray | memoryview]) -> None:
    expression = core_expression("a.b")
    assert expression.matches(as_buffer(b'{"a": {"b": 1}}')) is True
    assert expression.select(as_buffer(b'{"a": {"b": 1}}')) == b"1"
