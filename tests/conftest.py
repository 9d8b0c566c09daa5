"""What tests of every kind share."""

import hashlib
import resource
import shutil
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path

import h5py
import numpy as np
import pytest

from active_cnn.campaign.creation import create_campaign
from active_cnn.campaign.files import hash_file, iteration_folder, open_pool
from active_cnn.campaign.store import Store
from active_cnn.learning.predictions import PredictionsWriter
from active_cnn.recipes import TrainingSettings
from active_cnn.records import TrainingResult
from active_cnn.spectra import label_table
from active_cnn.spectra.confined import Confinement
from active_cnn.spectra.simulation import write_demo

REAL_SPECTRA = (Path(__file__).parents[2] / "shared" / "real-spectra").resolve()

# Rows of the small survey's pool that hold no usable spectrum.
FLAT_ROW, NAN_ROW = 7, 11


def pytest_configure(config):
    # Keras reads TensorFlow's variables in a way that numpy 2 calls outdated.
    config.addinivalue_line(
        "filterwarnings",
        "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning",
    )
    # Dask leaves the connection to a worker open that has died before it was greeted.
    config.addinivalue_line("filterwarnings", "ignore:unclosed <ssl.SSLSocket:ResourceWarning")


@pytest.fixture(scope="session")
def real_spectra() -> Path:
    if not (REAL_SPECTRA / "MANIFEST.csv").exists():
        pytest.skip(f"the folder of real spectra is not at {REAL_SPECTRA}")
    return REAL_SPECTRA


@pytest.fixture(scope="session")
def survey(tmp_path_factory):
    """A simulated survey of 90 training spectra and a pool of 300, two of them broken."""
    files = write_demo(
        tmp_path_factory.mktemp("survey"),
        pool_size=300,
        training_size=90,
        emission_share=0.1,
        double_peak_share=0.05,
        n_fits=0,
        seed=1,
    )
    with h5py.File(files.pool, "r+") as file:
        (group,) = file.values()
        group["spectra"][FLAT_ROW] = 1.0
        group["spectra"][NAN_ROW] = np.nan
    return files


@pytest.fixture
def full_disk():
    """Give a context in which this process can make no file longer than some bytes."""

    @contextmanager
    def full_disk(room):
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    return full_disk


@pytest.fixture(scope="session")
def tables_in_one_process():
    """Read tables of labels in one process, where each would have had its own: that is faster."""
    with pytest.MonkeyPatch.context() as patch, closing(Confinement()) as process:
        patch.setattr(label_table, "Confinement", lambda: process)
        patch.setattr(label_table, "closing", nullcontext)
        yield


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "home") as store:
        yield store


@pytest.fixture
def campaign(store, survey):
    return create_campaign(store, "halpha", survey.training, survey.pool)


@pytest.fixture(scope="session")
def probabilities():
    """Predictions for the small survey's pool: 240 not interesting, 40 emission, 20 double-peak."""
    rng = np.random.default_rng(3)
    positions = rng.permutation(np.repeat([0, 1, 2], [240, 40, 20]))
    highest = rng.uniform(0.4, 1.0, len(positions))
    share = rng.uniform(0.0, 1.0, len(positions)) * (1 - highest)
    others = np.stack([share, 1 - highest - share], axis=1).clip(max=0.39)
    values = np.empty((len(positions), 3))
    for position in range(3):
        rows = positions == position
        values[rows, position] = highest[rows]
        values[np.ix_(rows, [p for p in range(3) if p != position])] = others[rows]
    values /= values.sum(axis=1, keepdims=True)
    return values.astype(np.float32)


@pytest.fixture(scope="session")
def fill_iteration():
    """Give a function that fills the open iteration with given predictions.

    Its network is a copy of a file, or none.
    """

    def fill(store, campaign, probabilities, network=None):
        settings = TrainingSettings()
        iteration = store.iteration(campaign.name)
        job = store.add_job(campaign.name, iteration.number, settings)
        store.start_job(job.number)
        folder = iteration_folder(store, iteration)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"predictions-{job.number}.h5"
        pool = open_pool(store, campaign)
        writer = PredictionsWriter(path, pool.n, campaign.network_classes, pool.fingerprint)
        labels = writer.write(slice(0, pool.n), pool.usable, probabilities[pool.usable])
        writer.finish()
        network_path = folder / f"network-{job.number}.keras"
        if network:
            shutil.copyfile(network, network_path)
        counts = np.bincount(labels, minlength=len(campaign.network_classes)).tolist()
        result = TrainingResult(
            settings=settings,
            network_file=network_path.name,
            network_sha256=hash_file(network_path) if network else "",
            predictions_file=path.name,
            predictions_sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
            training_sha256="",
            pool_fingerprint=pool.fingerprint,
            n_training=90,
            counts_before={},
            counts_after={},
            history={"loss": [1.0, 0.5]},
            validation={"n": 0, "confusion": []},
            predicted_counts=dict(zip(campaign.network_classes, counts, strict=True)),
            notices=(),
            device="none",
            versions={},
            seconds={},
            scaling=campaign.search.scaling,
        )
        assert store.finish_job(job.number, result)
        return store.iteration(campaign.name, iteration.number)

    return fill


@pytest.fixture
def score(store, campaign, probabilities, fill_iteration):
    """Give a function that fills the open iteration of the campaign, by default the same way."""
    return lambda values=probabilities: fill_iteration(store, campaign, values)
