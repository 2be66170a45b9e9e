"""The report of the GPU benchmark as Markdown."""

from typing import Any

from benchmarks.gpu.task import Row


def markdown(report: dict[str, Any]) -> str:
    """Returns the report as Markdown.

    Args:
      report: `date`, `command`, and `parts`: by name `title`, `status`, `error`, `seconds`, `rows`.
    """
    lines = ["# GPU report", "", f"{report['date']}: `{report['command']}`", ""]
    for part in report["parts"].values():
        status = part["status"] + (f": {part['error']}" if part["error"] else "")
        lines += [f"## {part['title']}", "", f"{status}, {part['seconds']:.0f} s", ""]
        kinds: dict[tuple[str, ...], list[Row]] = {}
        for row in part["rows"]:
            kinds.setdefault(tuple(row), []).append(row)
        for keys, rows in kinds.items():
            lines += _table(keys, rows)
    return "\n".join(lines)


def _table(keys: tuple[str, ...], rows: list[Row]) -> list[str]:
    head, rule = map(_text, keys), ["---"] * len(keys)
    cells = [[_text(row[key]) for key in keys] for row in rows]
    return [*(f"| {' | '.join(line)} |" for line in (head, rule, *cells)), ""]


def _text(value: Any) -> str:
    """Returns a cell: a float with four significant digits, and no character that ends a cell."""
    if isinstance(value, bool):
        return "yes" if value else "NO"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    if value is None:
        return ""
    return str(value).replace("|", "/").replace("\n", " ")
