"""`longtake models`: which there are, what they are made of, what they cost."""

import json
import subprocess
import sys
from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console, RenderableType
from typer.testing import CliRunner

from longtake import model_views
from longtake.cli import app
from longtake.model_views import store_bytes_per_s
from pipeline.errors import UsageError
from pipeline.models.anatomy import Anatomy, Layer, dissect
from pipeline.models.card import DEFAULT_MODEL, load_card, resolve
from pipeline.models.ladder import architectures
from pipeline.models.reach.values import Extent
from pipeline.models.torchvision_zoo import NETS, folder
from tests.models.micro import make_model_dir

ALL = Extent(None, None)


def call(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["models", *arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.stdout


def printed(view: RenderableType, width: int) -> list[str]:
    console = Console(width=width, color_system=None, file=StringIO())
    console.print(view)
    assert isinstance(console.file, StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def words(lines: list[str]) -> list[str]:
    """What stands in each line that is no rule, with one space between."""
    return [" ".join(line.split()) for line in lines if line.strip() and "─" not in line]


@pytest.fixture(scope="module")
def listed() -> dict:
    return json.loads(call("ls", "--format", "json"))


def test_models_with_weights_come_first_then_every_size_of_the_ladder(listed):
    assert [model["name"] for model in listed["models"]] == [DEFAULT_MODEL]
    assert [one["name"] for one in listed["architectures"]] == list(architectures())


def test_an_architecture_is_listed_with_what_it_costs(listed):
    found = {one["name"]: one for one in listed["architectures"]}
    assert found["c3d"] | {"gmac": 0, "parameters": 0} == {
        "name": "c3d",
        "row": 6,
        "family": "3D CNN",
        "paper": "Tran et al., ICCV 2015",
        "clip": "16×112×112, 30 fps, stride 16",
        "parameters": 0,
        "gmac": 0,
        "state_bytes": 0,
        "causal": False,
        "weights": [],
    }
    assert (found["c3d"]["parameters"], round(found["c3d"]["gmac"], 1)) == (79_991_015, 38.5)
    assert (found["cnn-gru-micro"]["state_bytes"], found["cnn-gru-micro"]["causal"]) == (4 * 96, True)


def test_an_architecture_that_comes_with_weights_names_them(listed):
    assert {one["name"]: one["weights"] for one in listed["architectures"] if one["weights"]} == {
        "shift-gru": [DEFAULT_MODEL]
    }


def test_models_are_listed_without_torch():
    """It takes seconds to load, and a machine that only decodes has none."""
    command = "import sys; from longtake.cli import app; app(['models', 'ls'], standalone_mode=False); "
    command += "sys.exit('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    assert "torchvision/r3d_18" in done.stdout


def test_a_published_model_is_at_hand_where_its_file_is_or_it_has_been_made(monkeypatch, tmp_path):
    for name in ("LONGTAKE_HOME", "LONGTAKE_WEIGHTS_DIR", "TORCH_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    (tmp_path / "LONGTAKE_WEIGHTS_DIR").mkdir()
    (tmp_path / "LONGTAKE_WEIGHTS_DIR" / NETS["s3d"].file).touch()
    folder("torchvision/r3d_18").mkdir(parents=True)
    listed = json.loads(call("ls", "--format", "json"))["architectures"]
    here = {one["name"] for one in listed if one["weights"] == [one["name"]]}
    assert here == {"torchvision/s3d", "torchvision/r3d_18"}
    rows = words(printed(model_views.ladder(listed, narrow=False), 120))
    told = {row.split()[0]: row.endswith("at hand") for row in rows}
    assert told["torchvision/s3d"] and not told["torchvision/mc3_18"]


def test_a_published_model_is_shown_with_its_classes_and_what_it_remembers_wherever_its_weights_are():
    shown = json.loads(call("show", "torchvision/mc3_18", "--format", "json"))
    assert (shown["labels"], shown["state_bytes"]) == (400, 4 * 401)
    assert (shown["parameters"], round(shown["gmac"], 2)) == (11_695_440, 43.34)


def test_a_table_of_architectures_has_a_line_for_each_at_every_width(listed):
    for width in (80, 120):
        lines = printed(model_views.ladder(listed["architectures"], narrow=width < 100), width)
        assert not [line for line in lines if "…" in line]
        rows = {row.split()[0]: row for row in words(lines)}
        assert {one["name"] for one in listed["architectures"]} < set(rows)
        family, weights = ("", "") if width == 80 else ("3D CNN ", " –")
        assert rows["c3d"] == f"c3d {family}16×112×112 79.99 M 38.5 – no{weights}"


@pytest.mark.parametrize("name", ["c3d", "c3d-micro", DEFAULT_MODEL])
def test_the_layers_of_a_model_add_up(name):
    shown = json.loads(call("show", name, "--format", "json"))
    assert sum(layer["parameters"] for layer in shown["layers"]) == shown["parameters"]
    assert sum(layer["macs"] for layer in shown["layers"]) == round(shown["gmac"] * 1e9)
    assert shown["layers"][-1]["name"] == "temporal.head"
    assert set(shown["layers"][0]["time"]) == {"size", "jump"}


def test_a_model_directory_can_be_shown(tmp_path):
    shown = json.loads(call("show", str(make_model_dir(tmp_path)), "--format", "json"))
    assert (shown["clip"], shown["labels"], shown["state_bytes"]) == ("8×16×16, 5 fps, stride 2", 4, 4 * 16)


def test_a_model_that_does_not_exist_is_told_which_do():
    with pytest.raises(
        UsageError,
        match=r"unknown model 'c4d'; choose one of longtake-small, torchvision/mvit_v1_b, .*single-frame, .*c3d-micro",
    ):
        call("show", "c4d")


def test_layers_are_shown_one_a_line():
    anatomy = Anatomy(
        (
            Layer("encoder", "VideoTransformer", (), 512, 0, ALL, ALL),
            Layer("encoder.stages.0.conv", "Conv3d", (1, 16, 8, 32, 32), 1328, 21_230_000, Extent(3, 1), Extent(3, 2)),
            Layer("temporal.a.very.long.name.of.a.layer", "Linear", (4, 8), 776, 768, ALL, Extent(None, 4)),
        ),
        parameters=2616,
        gmac=0.021230768,
        causal=False,
        state_size=1024,
    )
    card = architectures()["cnn-gru-micro"][1].card("x")
    sent = f"{store_bytes_per_s(card, 1024) / 1024:.1f}"
    assert words(printed(model_views.layers("x", card, anatomy, 80), 80)) == [
        "x · 16×64×64, 5 fps, stride 16 · 8 labels",
        "0.00 M parameters · 0.021 GMAC a clip · not causal",
        f"remembers 4.0 KiB a stream · sends the store {sent} KiB/s a stream",
        "layer output time space parameters MMAC",
        "encoder – – – 512 –",
        "encoder.stages.0.conv 16×8×32×32 3/1 3/2 1,328 21.23",
        "…very.long.name.of.a.layer 4×8 all all/4 776 0.00",
        "time, space: receptive field in frames and pixels / from neighbour to neighbour",
    ]
    wide = words(printed(model_views.layers("x", card, anatomy, 120), 120))
    assert "encoder.stages.0.conv Conv3d 16×8×32×32 3/1 3/2 1,328 21.23" in wide


@pytest.mark.parametrize("name", ["nonlocal", "vivit", "c3d", "recurrent-conv"])
@pytest.mark.parametrize("width", [80, 120])
def test_no_number_is_cut_off(name, width):
    card = architectures()[name][1].card(name)
    lines = printed(model_views.layers(name, card, dissect(card), width), width)
    assert not [line for line in lines if "…" in line.strip()[1:]]


def test_what_a_stream_sends_the_store_grows_with_its_state_and_with_its_pace():
    card = load_card(resolve(DEFAULT_MODEL))
    quiet, memory = store_bytes_per_s(card, 0), store_bytes_per_s(card, 1000)
    assert memory - quiet == pytest.approx(4000 / 0.8, rel=0.01)  # a commit each 4 frames of 5 a second
    faster = replace(card, clip=replace(card.clip, stride=1))
    assert store_bytes_per_s(faster, 1000) - store_bytes_per_s(faster, 0) == pytest.approx(4000 / 0.4, rel=0.01)


def test_what_a_stream_sends_the_store_is_what_a_lane_commits():
    """About: one row of 97 bytes for each label, a state of 128 floats, and what names and numbers take."""
    card = load_card(resolve(DEFAULT_MODEL))
    assert (8 * 97 + 4 * 128) / 0.8 < store_bytes_per_s(card, 128) < (8 * 97 + 4 * 128 + 1000) / 0.8
