"""How a campaign stands, as plain values for `status --json` and the home page."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from active_cnn.campaign.campaign import measure_precision
from active_cnn.campaign.files import last_scored, open_pool
from active_cnn.campaign.store import Store
from active_cnn.campaign.training_data import trained_answers, why_ranked
from active_cnn.grid import Grid
from active_cnn.records import Campaign, Purpose, TrainingResult
from active_cnn.spectra.resolving_power import AS_IS_TEXT, PoolResolution


def summarise(store: Store, campaign: Campaign) -> dict[str, Any]:
    """Tell how a campaign stands.

    Returns
    -------
    dict
        Plain values only (JSON); what is unknown is None.
    """
    iteration = store.iteration(campaign.name)
    scored = last_scored(store, campaign.name)
    pool = open_pool(store, campaign)
    answers = store.current_answers(campaign.name)
    counts = {one.name: 0 for one in campaign.classes}
    for answer in answers.values():
        if answer.answer:
            counts[answer.answer] += 1
    jobs = store.jobs(campaign.name)
    asked = {
        purpose.value: [
            item.identifier for query in store.queries(iteration, purpose) for item in query.items
        ]
        for purpose in Purpose
    }
    return {
        "campaign": campaign.name,
        "created_at": campaign.created_at,
        "grid": _describe_grid(campaign.grid),
        "search": campaign.search.describe(),
        "scaling": campaign.search.scaling.value,
        "classes": list(campaign.network_classes),
        "targets": list(campaign.targets),
        "n_pool": pool.n,
        "n_usable": int(pool.usable.sum()),
        "resolving_power": _resolving_power(pool.resolution),
        "limits": asdict(pool.resolution.limits),
        "iteration": iteration.number,
        "state": iteration.state,
        "job": {
            "number": jobs[0].number,
            "state": jobs[0].state.value,
            "error": jobs[0].error,
            "alarms": jobs[0].details.get("alarms", []),
        }
        if jobs
        else None,
        "n_answers": len(answers),
        "answers": counts,
        "n_trained_answers": len(trained_answers(store, campaign, iteration)),
        "queries": {
            purpose: {
                "asked": len(asked[purpose]),
                "answered": sum(i in answers for i in asked[purpose]),
            }
            for purpose in asked
        },
        "why_ranked": why_ranked(store, campaign, iteration) or None,
        "scored_iteration": scored.number if scored else None,
        **_describe(scored.result if scored else None),
        "precision": {
            name: {
                key: None if isinstance(value, float) and math.isnan(value) else value
                for key, value in asdict(precision).items()
            }
            for name, precision in measure_precision(store, campaign, iteration).items()
        },
    }


def _describe_grid(grid: Grid) -> dict[str, Any]:
    # One window is said as it was before there were several.
    windows = [asdict(one) for one in grid.windows]
    whole = {"start": grid.start, "end": grid.end, "n": grid.n}
    return {**(windows[0] if len(windows) == 1 else whole), "windows": windows}


def _resolving_power(resolution: PoolResolution) -> float | str | None:
    if not resolution.is_stated:
        return None
    return AS_IS_TEXT if resolution.power is None else resolution.power


def _describe(result: TrainingResult | None) -> dict[str, Any]:
    return {
        "is_ranking": result.is_ranking if result else None,
        "predicted": result.predicted_counts if result else None,
        "alarms": [asdict(one) for one in result.alarms] if result else None,
        "average_precision": {name: asdict(one) for name, one in result.rankings.items()}
        if result
        else None,
        "seed": result.settings.seed if result else None,
        "device": result.device if result else None,
        "network_sha256": result.network_sha256 if result else None,
        "predictions_sha256": result.predictions_sha256 if result else None,
    }
