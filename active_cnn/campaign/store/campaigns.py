"""Campaigns with their classes and lines."""

from __future__ import annotations

from dataclasses import asdict

from active_cnn.campaign.store.connection import Connection
from active_cnn.errors import CampaignError
from active_cnn.records import Campaign, Grid, Line, OracleClass


class Campaigns(Connection):
    """The campaigns of a home."""

    def add_campaign(self, campaign: Campaign, first_seed: int) -> None:
        """Store a new campaign together with its first iteration.

        Raises
        ------
        CampaignError
            If the name is taken.
        """
        with self._write():
            if self._rows("SELECT 1 FROM campaign WHERE name = ?", [campaign.name]):
                raise CampaignError(
                    f"There is a campaign {campaign.name!r} already in {self.home}. "
                    "Choose another name."
                )
            self._db.table("campaign").insert(
                {
                    "name": campaign.name,
                    "created_at": campaign.created_at,
                    "grid_start": campaign.grid.start,
                    "grid_end": campaign.grid.end,
                    "grid_n": campaign.grid.n,
                    "training_path": campaign.training_path,
                    "training_sha256": campaign.training_sha256,
                    "pool_path": campaign.pool_path,
                    "pool_fingerprint": campaign.pool_fingerprint,
                    "seed": campaign.seed,
                }
            )
            self._db.table("oracle_class").insert_all(
                {"campaign": campaign.name, "position": position, **asdict(oracle_class)}
                for position, oracle_class in enumerate(campaign.classes)
            )
            self._db.table("line").insert_all(
                {"campaign": campaign.name, "position": position, **asdict(line)}
                for position, line in enumerate(campaign.lines)
            )
            self._insert_iteration(campaign.name, 0, first_seed, 0)

    def campaign_names(self) -> list[str]:
        """Give the names of the campaigns, the newest first."""
        return [
            row["name"]
            for row in self._rows("SELECT name FROM campaign ORDER BY created_at DESC, rowid DESC")
        ]

    def campaign(self, name: str | None = None) -> Campaign:
        """Give a campaign by its name, the newest one by default.

        Raises
        ------
        CampaignError
            If there is none (of that name).
        """
        names = self.campaign_names()
        if not names:
            raise CampaignError(
                f"There is no campaign in {self.home} yet. "
                "Create one, or make the demo with `active-cnn demo`."
            )
        name = names[0] if name is None else name
        if name not in names:
            raise CampaignError(
                f"There is no campaign {name!r} in {self.home}. There is: {', '.join(names)}."
            )
        row = self._rows("SELECT * FROM campaign WHERE name = ?", [name])[0]
        classes = self._rows(
            "SELECT name, key, network_class, is_target FROM oracle_class "
            "WHERE campaign = ? ORDER BY position",
            [name],
        )
        lines = self._rows(
            "SELECT name, wavelength FROM line WHERE campaign = ? ORDER BY position", [name]
        )
        return Campaign(
            name=row["name"],
            created_at=row["created_at"],
            grid=Grid(row["grid_start"], row["grid_end"], row["grid_n"]),
            classes=tuple(
                OracleClass(**{**one, "is_target": bool(one["is_target"])}) for one in classes
            ),
            lines=tuple(Line(**one) for one in lines),
            training_path=row["training_path"],
            training_sha256=row["training_sha256"],
            pool_path=row["pool_path"],
            pool_fingerprint=row["pool_fingerprint"],
            seed=row["seed"],
        )

    def _insert_iteration(self, campaign: str, number: int, seed: int, through: int) -> None:
        self._db.table("iteration").insert(
            {
                "campaign": campaign,
                "number": number,
                "seed": seed,
                "answers_through": through,
                "created_at": self._clock(),
            }
        )
