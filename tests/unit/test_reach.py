"""What may be read: files that somebody names in the browser, and those that a pool names."""

import shutil

import h5py
import pytest

from active_cnn.access import SECRET_FILE, AccessError, Protection
from active_cnn.campaign.creation import create_campaign
from active_cnn.campaign.reach import browser_folders, locate, path_out_of_reach
from active_cnn.errors import CampaignError
from active_cnn.settings import Settings


@pytest.fixture
def places(tmp_path):
    """A folder that may be named and one that may not, each with a file."""
    for name in ("allowed", "secret"):
        (tmp_path / name / "deep").mkdir(parents=True)
        (tmp_path / name / "deep" / "set.csv").write_text("id,label")
    return tmp_path


@pytest.fixture
def find(places):
    """Find what was typed, with one folder allowed."""
    return lambda text: locate("training set", str(text), (places / "allowed",))


@pytest.mark.parametrize(
    ("folders", "protection", "expected"),
    [
        ("/a:/b", Protection(), ["/a", "/b"]),
        ("/a", Protection(password="x"), ["/a"]),
        ("", Protection(password="x"), ["/home-of-campaigns"]),
        ("", Protection(providers=("default",)), ["/home-of-campaigns"]),
        (" : ", Protection(password="x"), ["/home-of-campaigns"]),
        ("", Protection(), None),
    ],
)
def test_the_folders_follow_the_settings_and_who_may_enter(folders, protection, expected):
    settings = Settings.from_environment(
        {"ACTIVE_CNN_HOME": "/home-of-campaigns", "ACTIVE_CNN_FOLDERS": folders}
    )
    found = browser_folders(settings, protection)
    assert (found and [str(one) for one in found]) == expected


def test_files_and_folders_below_an_allowed_one_and_itself_are_found(places, find):
    allowed = places / "allowed"
    for path in (allowed, allowed / "deep", allowed / "deep" / "set.csv", allowed / "none.csv"):
        assert find(path) == path


def test_each_of_several_folders_is_allowed(places):
    path = places / "secret" / "deep" / "set.csv"
    assert locate("pool", str(path), (places / "allowed", places / "secret")) == path


def test_a_path_that_goes_up_is_followed_before_it_is_judged(places, find):
    with pytest.raises(AccessError):
        find(places / "allowed" / ".." / "secret" / "deep" / "set.csv")
    with pytest.raises(AccessError):
        find(f"{places}/allowed/deep/../../secret")
    inside = f"{places}/secret/../allowed/deep/../deep/set.csv"
    assert find(inside) == places / "allowed" / "deep" / "set.csv"


def test_links_are_followed_before_they_are_judged(places, find):
    allowed, secret = places / "allowed", places / "secret"
    (allowed / "file.csv").symlink_to(secret / "deep" / "set.csv")
    (allowed / "folder").symlink_to(secret)
    (allowed / "chain").symlink_to(allowed / "folder")
    (secret / "back").symlink_to(allowed)
    for text in ("file.csv", "folder", "folder/deep/set.csv", "chain/deep/set.csv"):
        with pytest.raises(AccessError):
            find(allowed / text)
    # Over a link, `..` is that of where the link leads.
    with pytest.raises(AccessError):
        find(f"{allowed}/folder/../allowed-not")
    assert find(secret / "back" / "deep") == allowed / "deep"


def test_an_allowed_folder_may_be_a_link(places):
    (places / "link").symlink_to(places / "allowed")
    path = places / "link" / "deep" / "set.csv"
    assert locate("pool", str(path), (places / "link",)) == places / "allowed" / "deep" / "set.csv"


def test_a_folder_whose_name_only_begins_alike_is_another_one(places, find):
    (places / "allowed-not").mkdir()
    with pytest.raises(AccessError):
        find(places / "allowed-not")


def test_a_relative_path_is_judged_by_where_it_leads(places, find, monkeypatch):
    monkeypatch.chdir(places / "secret")
    with pytest.raises(AccessError):
        find("deep/set.csv")
    assert find("../allowed/deep") == places / "allowed" / "deep"


def test_the_home_of_whoever_runs_the_server_is_no_exception(places, find, monkeypatch):
    monkeypatch.setenv("HOME", str(places / "secret"))
    with pytest.raises(AccessError):
        find("~/deep/set.csv")
    monkeypatch.setenv("HOME", str(places / "allowed"))
    assert find("~/deep") == places / "allowed" / "deep"


def test_a_refusal_tells_nothing_of_the_file(places, find):
    secret, allowed = places / "secret", places / "allowed"
    (secret / "circle").symlink_to(secret / "circle")
    (allowed / "leak").symlink_to(secret / "deep" / "set.csv")
    (allowed / "broken").symlink_to(secret / "none.csv")
    texts = [
        str(secret / "deep" / "set.csv"),
        str(secret / "deep"),
        str(secret / "none.csv"),
        str(secret / "circle"),
        str(secret / "deep" / "set.csv" / "below-a-file"),
        str(allowed / "leak"),
        str(allowed / "broken"),
        str(secret / ("x" * 5000)),
        "~nobody-of-that-name/set.csv",
        "~root/.profile",
        "a\0b",
    ]
    said = set()
    for text in texts:
        with pytest.raises(AccessError) as refused:
            find(text)
        said.add(str(refused.value).replace(repr(text), "…"))
    (only,) = said
    assert "ACTIVE_CNN_FOLDERS" in only
    assert str(allowed) in only
    assert "secret" not in only


def test_the_key_of_the_tokens_is_never_found(places, find):
    (places / "allowed" / SECRET_FILE).write_bytes(b"0123456789" * 4)
    (places / "allowed" / "key.csv").symlink_to(places / "allowed" / SECRET_FILE)
    for name in (SECRET_FILE, "key.csv"):
        with pytest.raises(AccessError):
            find(places / "allowed" / name)


def test_without_limits_everything_is_found_that_can_be_a_path(places, monkeypatch):
    path = places / "secret" / "deep" / "set.csv"
    assert locate("pool", str(path), None) == path
    monkeypatch.setenv("HOME", str(places / "secret"))
    assert locate("pool", "~/deep/set.csv", None) == path
    (places / "circle").symlink_to(places / "circle")
    for text in ("a\0b", str(places / "circle"), "~nobody-of-that-name/x"):
        with pytest.raises(CampaignError, match="path of the pool"):
            locate("pool", text, None)


def name_files(survey, pool, path):
    """Copy a pool and let the 20th of its spectra have that file."""
    pool.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(survey.pool, pool)
    with h5py.File(pool, "r+") as file:
        (group,) = file.values()
        group["path"][20] = str(path)
    return pool


@pytest.mark.parametrize("path", ["spectra/a.fits", "../pools/a.fits", ""])
def test_files_below_the_pools_folder_are_in_reach(store, survey, tmp_path, path):
    pool = name_files(survey, tmp_path / "pools" / "pool.h5", path)
    assert path_out_of_reach(store, create_campaign(store, "a", survey.training, pool)) == ""


def test_files_elsewhere_are_in_reach_of_a_campaign_that_was_given_their_folder(
    store, survey, tmp_path
):
    path = tmp_path / "archive" / "2019" / "a.fits"
    path.parent.mkdir(parents=True)
    pool = name_files(survey, tmp_path / "pools" / "pool.h5", path)
    first = create_campaign(store, "a", survey.training, pool)
    assert path_out_of_reach(store, first) == str(path)
    folders = [tmp_path / "archive"]
    second = create_campaign(store, "b", survey.training, pool, folders=folders)
    assert path_out_of_reach(store, second) == ""


def test_a_path_that_leads_in_a_circle_is_out_of_reach(store, survey, tmp_path):
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    pool = name_files(survey, tmp_path / "pools" / "pool.h5", tmp_path / "circle")
    campaign = create_campaign(store, "a", survey.training, pool)
    assert path_out_of_reach(store, campaign) == str(tmp_path / "circle")
