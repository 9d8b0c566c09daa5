"""What the integration tests share."""

import logging

import pytest


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Start a scheduler and two worker processes, as on a cluster of machines."""
    distributed = pytest.importorskip("distributed")
    import dask

    with (
        dask.config.set(temporary_directory=str(tmp_path_factory.mktemp("cluster"))),
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            dashboard_address=None,
            scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},
            silence_logs=logging.CRITICAL,
        ) as cluster,
    ):
        yield cluster
