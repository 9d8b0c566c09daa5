"""What header and labels of a training set suggest for a campaign."""

from pathlib import Path

import numpy as np
import pytest

from active_cnn.campaign.creation import DEFAULT_CLASSES, check_new_name, create_campaign
from active_cnn.campaign.definition import Definition
from active_cnn.campaign.proposal import describe_proposal, propose, propose_name
from active_cnn.cli import main
from active_cnn.errors import CampaignError, SpectrumError
from active_cnn.grid import Grid, Spacing


@pytest.fixture
def training(tmp_path):
    """Give a function that writes a training set of some labels, in a window or without one."""

    def training(labels, grid=None, n=140, name="training.csv"):
        names = [f"{one:.4f}" for one in grid.wavelength] if grid else [str(i) for i in range(n)]
        rng = np.random.default_rng(1)
        rows = [
            ",".join([f"s{i}", label, *(f"{one:.5f}" for one in rng.random(len(names)))])
            for i, label in enumerate(labels)
        ]
        path = tmp_path / name
        path.write_text("\n".join([",".join(["id", "label", *names]), *rows]), encoding="utf-8")
        return path

    return training


def said(classes):
    return {one.name: (one.key, one.network_class, one.is_target) for one in classes}


def test_window_and_classes_are_those_of_the_file(training):
    grid = Grid.of(4800.0, 4920.0, 200)
    found = propose(training(["star"] * 20 + ["carbon"] * 3 + ["noise"] * 2, grid))
    assert found.grid == grid
    assert said(found.classes) == {
        "carbon": ("c", "carbon", True),
        "star": ("s", "star", False),
        "noise": ("n", "noise", False),
        "unsure": ("u", None, False),
    }
    words = describe_proposal(found)
    assert "4800-4920 Å × 200" in words
    assert "looked for: carbon; else: star, noise, unsure" in words


def test_what_is_looked_for_can_be_said(training):
    found = propose(training(["b"] * 20 + ["c"] * 3 + ["d"] * 2, Grid()), ["d"])
    assert [one.name for one in found.classes if one.is_target] == ["d"]
    with pytest.raises(CampaignError, match=r"no label 'x': it has 'b' \(20\), 'c' \(3\)"):
        propose(training(["b"] * 20 + ["c"] * 3), ["x"])


def test_labels_of_the_default_classes_give_these(training, survey):
    assert propose(survey.training) == Definition()
    few = propose(training(["absorption"] * 5 + ["emission"], Grid()))
    assert few.classes == tuple(one for one in DEFAULT_CLASSES if one.name != "double-peak")


@pytest.mark.parametrize(
    ("labels", "options", "error", "words"),
    [
        (["star"] * 3, {"grid": Grid()}, CampaignError, "has to tell two at least apart"),
        (["a", "b"], {"n": 150}, CampaignError, "150 columns of flux, and its header does not"),
        ([f"x{i}" for i in range(70)], {}, SpectrumError, "more than 60 different labels"),
        ([f"x{i}" for i in range(50)], {"grid": Grid()}, CampaignError, "no key is left for"),
    ],
)
def test_what_suggests_no_campaign_is_refused(training, labels, options, error, words):
    with pytest.raises(error, match=words):
        propose(training(labels, **options))


def test_a_header_in_uneven_steps_is_refused(tmp_path):
    path = tmp_path / "log.csv"
    wavelength = np.linspace(2.0, 3.0, 200) ** 8
    path.write_text("id,label," + ",".join(f"{one:.3f}" for one in wavelength), encoding="utf-8")
    with pytest.raises(SpectrumError, match="neither all nor in a few windows: column 2"):
        propose(path)
    path.write_text("name,class,1,2", encoding="utf-8")
    with pytest.raises(SpectrumError, match="no column 'id'"):
        propose(path)


def test_a_header_in_steps_of_the_logarithm_is_a_window_too(training):
    grid = Grid.of(3900.0, 8900.0, 500, Spacing.LOG)
    found = propose(training(["star"] * 4 + ["odd"], grid))
    assert found.grid == grid
    np.testing.assert_allclose(found.grid.wavelength, grid.wavelength, atol=1e-3)


def test_a_target_without_an_example_is_refused(store, survey, training):
    few = training(["absorption"] * 5 + ["emission"] * 2, Grid())
    with pytest.raises(CampaignError, match="no example of the target 'double-peak'"):
        create_campaign(store, "few", few, survey.pool)
    only = training(["emission"] * 5 + ["double-peak"] * 2, Grid(), name="only.csv")
    with pytest.raises(CampaignError, match="nothing but targets"):
        create_campaign(store, "few", only, survey.pool)
    one = training(["absorption"] * 5 + ["emission"] * 2 + ["double-peak"], Grid(), name="one.csv")
    with pytest.raises(CampaignError, match="1 of the 2 examples .* needs of 'double-peak'"):
        create_campaign(store, "few", one, survey.pool)
    assert store.campaign_names() == []


def test_labels_that_train_nothing_are_refused_with_what_to_do(store, survey, training):
    path = training(["absorption"] * 5 + ["emission"] * 2 + ["unsure"], Grid())
    definition = propose(path)
    with pytest.raises(SpectrumError, match="'unsure' trains no class.* leave the row out"):
        create_campaign(store, "some", path, survey.pool, classes=definition.classes)
    assert store.campaign_names() == []


def test_a_campaign_is_created_from_a_training_set_of_labels_of_its_own(
    store, survey, training, capsys
):
    own = training(["star"] * 9 + ["odd"] * 3, Grid())
    given = ["--home", str(store.home), "--training", str(own), "--pool", str(survey.pool)]
    with pytest.raises(SystemExit) as ended:
        main(["create", "--name", "odd", *given])
    assert ended.value.code == 0
    assert "looked for: odd; else: star, unsure" in capsys.readouterr().out
    campaign = store.campaign("odd")
    assert campaign.targets == ("odd",)
    assert campaign.confirms("star").name == "star"
    with pytest.raises(SystemExit) as ended:
        main(["create", "--name", "x", *given, "--preset", "quasars", "--target", "odd"])
    assert ended.value.code == 1
    assert "--target says what is looked for where no definition does" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("/data/lithium giants.csv", "lithium-giants"),
        ("/data/carbon/training.csv", "carbon"),
        ("/data/carbon/Training-Set.csv", "carbon"),
        ("training.csv", "training"),
        ("/data/.hidden.csv", "hidden"),
        ("/data/Hα μ.csv", "H"),
        ("/αβ/γ.csv", "campaign"),
        (f"/data/{'x' * 200}.csv", "x" * 60),
        ("/data/a\0\udcffb\n.csv", "a-b"),
    ],
)
def test_a_name_is_proposed_that_a_campaign_can_have(store, file, name):
    assert propose_name(Path(file), ()) == name
    for taken in ((), (name,), (name, f"{name}-2")):
        check_new_name(store, propose_name(Path(file), taken))
    assert propose_name(Path(file), (name, f"{name}-2")) == f"{name}-3"
