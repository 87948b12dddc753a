"""Says where a peer was faster than this package, and why."""

from measuring import Row
from results import MICRO, Results, code, number, times

WHY = {
    "DuckDB, read_json_objects": "a file of JSON Lines has its events in order already, so that nothing is merged, no "
    "manifest is read, and no id and date is carried for each",
    "DuckDB, read_json, id and time only": "it gives two columns and leaves the rest of each event behind",
    "polars, scan_lines and json_decode": "a file of JSON Lines has its events in order already, so that nothing is "
    "merged and no manifest is read",
    "polars, scan_ndjson, id and time only": "it gives two columns and leaves the rest of each event behind",
    "Delta table, deltalake's SQL": "its columns were parsed, typed and compressed once, when the table was "
    "written: it reads a fraction of the bytes, and of most columns only the rows that match",
    "Delta table, polars": "its columns were parsed, typed and compressed once, when the table was written: it reads a "
    "fraction of the bytes",
    "Delta table, polars, id and time only": "its columns were parsed once, when the table was written, and it reads "
    "three of them",
}
"""Why each peer may be faster; DuckDB's read_json with all columns and orjson with jmespath are not expected to be."""


def faster(results: Results) -> str:
    """List the peers that took less than the best of our ways, for each question."""
    lines = []
    for server, latency in dict.fromkeys((row.server, row.latency) for row in results.of("peers")):
        for case in results.cases("peers", server=server, latency=latency):
            rows = results.of("peers", case=case, server=server, latency=latency)
            how = f" at {latency * 1000:.0f} ms a request" if latency else ""
            for figure, what in (("cpu", "client CPU"), ("wall", "wall clock")):
                lines += _faster(rows, figure, f"{what}, {code(case.partition(': ')[0])}{how}")
    if not lines:
        return "No peer was faster than the best of our ways.\n"
    head = "Where a peer was faster than the best of our ways, and why:\n"
    why = [f"- {stage}: {WHY[stage]}." for stage in WHY if any(f" {stage} (" in line for line in lines)]
    return "\n".join([head, *lines, "", *why, ""])


def _faster(rows: list[Row], figure: str, what: str) -> list[str]:
    ours = min((row for row in rows if row.stage.startswith("ours")), key=lambda row: row.median(figure))
    better = [
        f" {row.stage} ({times(ours.median(figure), row.median(figure))})"
        for row in rows
        if row.median(figure) < ours.median(figure)
        and row.stage not in ("floor", ours.stage)
        and not row.stage.startswith("ours")
    ]
    unit = f"{number(ours.each(figure) * MICRO)} µs an event"
    return [f"- {what} (ours: {unit}):{','.join(better)}"] if better else []
