"""The notebooks in docs/notebooks run as they stand there, in Jupyter's kernel, on a bucket."""

import math
from pathlib import Path
from typing import Any

import nbclient
import nbformat
import pytest
from conftest import Place
from support.samples import at

NOTEBOOKS = Path(__file__).parents[1] / "docs" / "notebooks"
ON_MOTO = pytest.mark.parametrize("place", ["moto"], indirect=True)
TOWNS = {"Bonn": 4, "Kiel": 8, "Ulm": 16}


def deliveries() -> list[tuple[dict[str, Any], str, Any]]:
    """Make two days of deliveries, late in the afternoon; two are not as the others are."""
    made: list[tuple[dict[str, Any], str, Any]] = []
    for number in range(0, 2 * 24 * 60, 15):
        hour = number / 60 % 24
        for town, most in TOWNS.items():
            delay = most * (1 + math.sin((hour - 9) * math.pi / 12)) + number * 7 % 11
            data = {"address": {"town": town}, "stops": [{"at": "depot"}] * (1 + number % 4), "delay": round(delay, 1)}
            made.append((data | {"promised": f"{at(number).isoformat()}Z"}, f"{town} {number:05}", at(number)))
    lost, odd = made[5][0], made[500][0]
    del lost["delay"]
    odd["stops"] = None
    return made


def run(name: str, place: Place, monkeypatch: pytest.MonkeyPatch) -> tuple[list[Any], list[Any]]:
    """Run a notebook; the outputs that it is kept with, and those that it gave."""
    for variable, value in {**place.env, "FLASHFLOOD_STORE": place.url}.items():
        monkeypatch.setenv(variable, value)
    notebook = nbformat.read(NOTEBOOKS / name, as_version=4)
    kept = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    nbclient.NotebookClient(notebook, timeout=100, kernel_name="python3").execute()
    return kept, [output for cell in notebook.cells for output in cell.get("outputs", [])]


def test_each_notebook_has_its_test() -> None:
    assert {path.name for path in NOTEBOOKS.glob("*.ipynb")} == {"first-steps.ipynb", "from-a-bucket-to-a-plot.ipynb"}


@ON_MOTO
def test_the_first_steps_give_what_the_notebook_shows(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.client().create_bucket(Bucket="my-flashflood-test-bucket")
    kept, given = run("first-steps.ipynb", place, monkeypatch)
    assert len(kept) == 8
    assert given == kept


@ON_MOTO
def test_a_notebook_runs_from_a_bucket_to_a_plot(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.open().put_many(deliveries())
    _, outputs = run("from-a-bucket-to-a-plot.ipynb", place, monkeypatch)
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert not any(output["output_type"] == "error" for output in outputs)
    last = outputs[-1]["data"]["text/plain"]
    assert "Ulm" in last
    assert "Bonn" not in last  # never more than 30 minutes late
