"""The ladder's rows: every one can be built, from parts that a card may name, in its two sizes."""

import json
from dataclasses import replace

import pytest
import torch

from pipeline.models.anatomy import dissect
from pipeline.models.build import build
from pipeline.models.card import DEFAULT_MODEL, load_card, resolve
from pipeline.models.figures import Figures, figures
from pipeline.models.ladder import LADDER, MICRO, MICRO_CLIP, architectures

ROWS = {row.name: row for row in LADDER}
MICROS = {name: row.micro for name, row in ROWS.items() if row.micro}


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize("name", MICROS)
def test_a_micro_model_has_at_most_half_a_million_parameters_and_answers_a_clip(name: str) -> None:
    model, clip = build(MICROS[name].card(name)), MICROS[name].clip
    assert replace(clip, motion=None, stride=MICRO_CLIP.stride) == MICRO_CLIP
    motion = [torch.randn(2, clip.motion.pairs, 2, 64, 64)] if clip.motion else []
    assert sum(tensor.numel() for tensor in model.state_dict().values()) <= 500_000
    model.encoder.eval()
    model.temporal.eval()
    with torch.inference_mode():
        features = model.encoder(torch.randn(2, 16, 3, 64, 64), *motion)
        logits, state = model.temporal.step(features, torch.zeros(2), model.temporal.initial_state(2))
    assert (logits.shape, state.shape) == ((2, 8), (2, model.temporal.state_size))
    assert bool(logits.isfinite().all())


@pytest.mark.parametrize("name", architectures())
def test_every_size_is_counted_whole(name: str) -> None:
    card = architectures()[name][1].card(name)
    with torch.device("meta"):
        model = build(card)
    anatomy = dissect(card)
    parameters = [*model.encoder.parameters(), *model.temporal.parameters()]
    assert anatomy.parameters == sum(layer.parameters for layer in anatomy.layers) == sum(p.numel() for p in parameters)
    assert round(anatomy.gmac * 1e9) == sum(layer.macs for layer in anatomy.layers) > 0
    assert anatomy.state_size == model.temporal.state_size
    assert figures()[name] == Figures.of(anatomy), "count again: python -m pipeline.models.figures"


@pytest.mark.parametrize(
    ("name", "million", "gmac"),
    [("c3d", 79.99, 38.5), ("video-transformer", 121.6, 196), ("vivit", 115.1, 283)],
)
def test_published_sizes_have_their_figures(name: str, million: float, gmac: float) -> None:
    anatomy = dissect(architectures()[name][1].card(name))
    assert anatomy.parameters / 1e6 == pytest.approx(million, rel=1e-3)
    assert anatomy.gmac == pytest.approx(gmac, rel=3e-3)


def test_each_convolution_of_c3d_has_its_published_cost() -> None:
    layers = dissect(ROWS["c3d"].published.card("c3d")).layers
    costs = [round(layer.macs / 1e9, 2) for layer in layers if layer.kind == "Conv3d"]
    assert costs == [1.04, 11.10, 5.55, 11.10, 2.77, 5.55, 0.69, 0.69]


def test_slow_fusion_sees_more_time_layer_by_layer_and_late_fusion_only_at_its_end() -> None:
    fields = {
        name: [layer.time.size or 99 for layer in dissect(architectures()[f"{name}{MICRO}"][1].card(name)).layers]
        for name in ("slow-fusion", "late-fusion")
    }
    slow, late = fields["slow-fusion"], fields["late-fusion"]
    assert slow == sorted(slow) and len(set(slow)) > 4
    assert set(late[:-2]) == {1} and late[-2:] == [99, 99]


def test_recurrent_and_long_memory_rows_remember_and_no_other() -> None:
    remembering = {name for name, blueprint in MICROS.items() if dissect(blueprint.card(name)).state_size}
    long_memory = {"shift-gru", "shift-ring", "shift-multiscale"}
    assert remembering == {"cnn-lstm", "cnn-gru", "recurrent-conv", "causal-conv"} | long_memory
    assert all(4 * dissect(ROWS[name].published.card(name)).state_size <= 64 * 2**10 for name in long_memory)


def test_a_blueprint_may_be_written_into_a_card() -> None:
    for _, blueprint in architectures().values():
        for part in (blueprint.encoder, blueprint.temporal):
            assert json.loads(json.dumps(part.parameters)) == part.parameters


def test_the_default_model_is_a_row_of_the_ladder() -> None:
    card, blueprint = load_card(resolve(DEFAULT_MODEL)), ROWS["shift-gru"].published
    assert (card.encoder, card.temporal, card.clip) == (blueprint.encoder, blueprint.temporal, blueprint.clip)


def test_sizes_are_asked_for_by_name_and_only_what_others_publish_has_one_alone() -> None:
    names = list(architectures())
    assert len(names) == len(set(names)) == len(LADDER) + len(MICROS)
    assert {row.family for row in LADDER if not row.micro} == {"torchvision"}
    row, blueprint = architectures()["c3d-micro"]
    assert (row.name, blueprint) == ("c3d", row.micro)
    assert replace(row, name="x").sizes == {"x": row.published, "x-micro": row.micro}
