"""What a measurement says: a number, the bound it has to keep, and where the result is kept."""

import json
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal, TypeAlias

RESULTS: Final = Path(__file__).parent / "results"
Bound: TypeAlias = Literal[">=", "<="]


@dataclass(frozen=True)
class Figure:
    """One measured number.

    Attributes:
        bound: How `value` has to compare with `limit`; None when it is told for information.
    """

    name: str
    value: float
    unit: str
    bound: Bound | None = None
    limit: float | None = None

    @property
    def kept(self) -> bool | None:
        """Tell whether the bound is kept."""
        if self.bound is None or self.limit is None:
            return None
        return self.value >= self.limit if self.bound == ">=" else self.value <= self.limit


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which that share of all values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def paired(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return by how much one side takes more than the other, of measurements that took turns.

    Neighbours in time are compared with each other; the median ignores a disturbed pair.
    """
    return statistics.median(mine / other for mine, other in zip(ours, theirs, strict=True))


def save(bench: str, figures: Sequence[Figure], how: dict[str, object]) -> Path:
    """Write `bench/results/<bench>.json`."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{bench}.json"
    content = {
        "bench": bench,
        "when": datetime.now(tz=UTC).isoformat(timespec="seconds"),
        "machine": {
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "system": f"{platform.system()} {platform.machine()}",
        },
        "how": how,
        "figures": [{**asdict(figure), "kept": figure.kept} for figure in figures],
    }
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return path


def show(title: str, figures: Sequence[Figure]) -> None:
    """Print figures as a table."""
    print(f"\n{title}")
    for figure in figures:
        bound = f"{figure.bound} {figure.limit:g}" if figure.bound else ""
        mark = {True: "ok", False: "MISSED", None: ""}[figure.kept]
        print(f"  {figure.name:<52}{figure.value:>10.3f} {figure.unit:<6}{bound:>10}  {mark}")
