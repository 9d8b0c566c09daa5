"""What rehearsals have shown, written down: a table, figures, and a page with all of it."""

from __future__ import annotations

import html
import io
from collections.abc import Sequence
from math import isnan
from pathlib import Path

import pandas as pd

from active_cnn import __version__
from active_cnn.experiment.analysis import (
    MEASURES,
    Difference,
    compare,
    label_saving,
    learning_curves,
)
from active_cnn.experiment.charts import all_curves
from active_cnn.whole_file import write_whole

RESULTS, FIGURE, PAGE = "results.csv", "learning-curves.png", "report.html"
# What a saving is about: both at once.
GOALS = ("precision", "recall")

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse}td,th{padding:.2rem .7rem;border-bottom:1px solid #ccc;"
    "text-align:right}td:first-child,th:first-child{text-align:left}"
)


def write_report(
    results: pd.DataFrame, arms: Sequence[str], baseline: str, folder: Path, described: str
) -> None:
    """Write results, figures and the page.

    Parameters
    ----------
    results : DataFrame
        Of `rehearse`.
    arms : sequence of str
        Titles, in their order.
    baseline : str
        What the others are compared with.
    folder : Path
        Where `RESULTS`, `FIGURE` and `PAGE` are written.
    described : str
        What was rehearsed, in a sentence or two.
    """
    write_whole(folder / RESULTS, results.to_csv(index=False).encode())
    figure = all_curves(learning_curves(results), arms)
    drawing = io.BytesIO()
    figure.save(drawing, format="png", scale_factor=2)
    write_whole(folder / FIGURE, drawing.getvalue())
    tables = [
        ("At the end", final_table(results, arms)),
        (f"Labels needed for the precision and recall of {baseline}", saving_table(
            results, arms, baseline
        )),
        (f"Against {baseline}, seed by seed", difference_table(results, arms, baseline)),
    ]  # fmt: skip
    sections = "".join(
        f"<h2>{html.escape(title)}</h2>{table.to_html(index=False, border=0, na_rep='–')}"
        for title, table in tables
        if len(table)
    )
    # With everything in it: it is read where there is no network.
    drawn = figure.to_html(inline=True, fullhtml=False, output_div="curves")
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Rehearsal</title>'
        f"<style>{_STYLE}</style><h1>Strategies compared</h1><p>{html.escape(described)}</p>"
        f"{sections}<h2>Learning curves</h2><p>Mean over the seeds with its 95 % interval.</p>"
        f'<div id="curves"></div>{drawn}<p>Active CNN {__version__}. All figures: {RESULTS}.</p>'
    )
    write_whole(folder / PAGE, page.encode())


def final_table(results: pd.DataFrame, arms: Sequence[str]) -> pd.DataFrame:
    """Give mean ± standard deviation over the seeds at the last iteration of each arm."""
    last = results.sort_values("labels").groupby(["arm", "seed"]).tail(1)
    rows = []
    for arm in arms:
        mine = last[last["arm"] == arm]
        if len(mine):
            rows.append(
                {"strategy": arm, "seeds": len(mine), "labels": int(mine["labels"].max())}
                | {name.replace("_", " "): _spread(mine[name]) for name in MEASURES}
            )
    return pd.DataFrame(rows)


def _spread(values: pd.Series) -> str:
    spread = values.std(ddof=1)
    return f"{values.mean():.3f}" + ("" if isnan(spread) else f" ± {spread:.3f}")


def saving_table(results: pd.DataFrame, arms: Sequence[str], baseline: str) -> pd.DataFrame:
    """Tell how many labels each arm needs for what the baseline has at its end."""
    rows = []
    for arm in arms:
        if arm == baseline:
            continue
        found = label_saving(results, arm, baseline, GOALS)
        rows.append(
            {
                "strategy": arm,
                "reached": f"{found.n_reached} of {found.n_seeds}",
                "labels (median)": _number(found.needed, ".0f"),
                f"{baseline}": f"{found.baseline:.0f}",
                "saved": _number(found.saved, ".0%"),
            }
        )
    return pd.DataFrame(rows)


def difference_table(results: pd.DataFrame, arms: Sequence[str], baseline: str) -> pd.DataFrame:
    """Compare each arm with the baseline at the most labels that both have."""
    rows = []
    for arm in arms:
        for measure in MEASURES:
            found = compare(results, arm, baseline, measure) if arm != baseline else None
            if found:
                rows.append(
                    {
                        "strategy": arm,
                        "measure": measure.replace("_", " "),
                        "labels": found.labels,
                        "seeds": found.n,
                        "difference": _difference(found),
                        "p (Wilcoxon)": _number(found.p, ".3f"),
                    }
                )
    return pd.DataFrame(rows)


def _difference(found: Difference) -> str:
    interval = "" if isnan(found.low) else f" ({found.low:+.3f} to {found.high:+.3f})"
    return f"{found.mean:+.3f}{interval}"


def _number(value: float, form: str) -> str:
    return "–" if isnan(value) else format(value, form)
