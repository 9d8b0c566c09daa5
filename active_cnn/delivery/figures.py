"""Figures as files for a paper."""

from __future__ import annotations

import json

from active_cnn.engine import open_engine
from active_cnn.errors import EngineError, StoreError

WIDTH, HEIGHT = 640, 320  # pixels, of a figure that a page makes as wide as there is room


def make_svg(spec: str) -> bytes:
    """Draw a figure as SVG.

    Parameters
    ----------
    spec : str
        Vega-Lite, as JSON.

    Raises
    ------
    StoreError
        If it cannot be drawn.
    """
    # What draws takes some 100 MB, which a server would never give back.
    try:
        with open_engine(processes=2) as engine:
            ((_, drawn),) = engine.run(_draw, [spec])
    except (EngineError, ValueError) as error:
        raise StoreError(f"The figure cannot be drawn as SVG: {error}") from error
    return drawn.encode()


def _draw(spec: str) -> str:
    from vl_convert import vegalite_to_svg

    figure = json.loads(spec)
    view = figure.setdefault("config", {}).setdefault("view", {})
    view.update(continuousWidth=WIDTH, discreteWidth=WIDTH, continuousHeight=HEIGHT)
    version = figure["$schema"].rsplit("/v", 1)[1].removesuffix(".json")
    return str(vegalite_to_svg(figure, vl_version=".".join(version.split(".")[:2])))
