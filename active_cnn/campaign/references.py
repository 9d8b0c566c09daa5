"""The files that the store refers to: what a home needs besides its database."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from active_cnn.campaign.files import iteration_folder
from active_cnn.campaign.store import Store
from active_cnn.errors import SpectrumError
from active_cnn.records import Campaign
from active_cnn.spectra.shards import shards_of


@dataclass(frozen=True)
class Reference:
    """A file that the database refers to.

    Parameters
    ----------
    campaign, what : str
        Whose file, and what it holds.
    path : str
        As it stands in the store: relative to the home, or absolute outside it.
    sha256, fingerprint : str
        What it should hold; '' = not known.
    iteration, job : int or None
        Whose result it is.
    """

    campaign: str
    what: str
    path: str
    sha256: str = ""
    fingerprint: str = ""
    iteration: int | None = None
    job: int | None = None

    def __str__(self) -> str:
        known = f" (fingerprint {self.fingerprint})" if self.fingerprint else ""
        return f"The {self.what} {self.path} of campaign {self.campaign!r}{known}"


def references(store: Store) -> list[Reference]:
    """List the files that a home's database refers to, those that a training may replace first."""
    found = []
    for name in reversed(store.campaign_names()):
        for iteration in store.iterations(name):
            if iteration.result is None:
                continue
            folder = iteration_folder(store, iteration).relative_to(store.home)
            result = iteration.result
            for what, file, sha256 in (
                ("network", result.network_file, result.network_sha256),
                ("predictions", result.predictions_file, result.predictions_sha256),
                ("planted lines", result.recovery_file, result.recovery_sha256),
            ):
                if not file:  # a version before planted none
                    continue
                found.append(
                    Reference(
                        name,
                        f"{what} of iteration {iteration.number}",
                        str(folder / file),
                        sha256,
                        job=iteration.job,
                        iteration=iteration.number,
                    )
                )
    for name in reversed(store.campaign_names()):
        campaign = store.campaign(name)
        found += [
            Reference(name, "training set", campaign.training_path, campaign.training_sha256),
            Reference(
                name, "pool", campaign.pool_path, fingerprint=campaign.pool_fingerprint
            ),
        ]  # fmt: skip
        found += [Reference(name, "shard of the pool", path) for path in _shards(store, campaign)]
    return found


def _shards(store: Store, campaign: Campaign) -> list[str]:
    with suppress(SpectrumError):  # what is wrong with it is said where it is read
        shards = shards_of(store.home / campaign.pool_path)
        folder = Path(campaign.pool_path).parent
        return [str(folder / shard.name) for shard in shards if shard.name]
    return []
