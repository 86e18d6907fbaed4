"""Model directories: what is read, what is refused, and in which words."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import ModelError, UsageError
from pipeline.models.card import DEFAULT_MODEL, LabelSet, list_models, load_card, resolve
from tests.models.micro import make_model_dir, micro_card


def edit(directory: Path, **changes: Any) -> None:
    path = directory / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_saved_card_reads_back_as_it_was(tmp_path: Path) -> None:
    card = load_card(make_model_dir(tmp_path))
    assert replace(card, fingerprint="") == micro_card()
    assert card.labels == ("walk", "run", "wave", "fall")
    assert len(card.fingerprint) == 32


def test_the_same_files_have_the_same_fingerprint_and_other_weights_another(tmp_path: Path) -> None:
    first, again, other = (load_card(make_model_dir(tmp_path / str(i), seed)) for i, seed in enumerate((1, 1, 2)))
    assert first.fingerprint == again.fingerprint != other.fingerprint


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"fingerprint": "0" * 32}, "changed after they were saved"),
        ({"training": {"data": "other"}}, "changed after they were saved"),
        ({"format": 2}, "reads format 1"),
        ({"colour": "red"}, "unknown colour"),
        ({"clip": {"frames": 8}}, "lacks height, width, fps, stride"),
        ({"clip": {"frames": 8, "height": 16, "width": 16, "fps": 5.0, "stride": 9}}, "stride must be 1…8, got 9"),
        ({"normalisation": {"mean": [0, 0, 0], "std": [0, 1, 1]}}, "3 positive stds"),
        ({"label_sets": [{"name": "a", "kind": "fuzzy", "labels": ["x"]}]}, "exclusive, independent, got 'fuzzy'"),
        ({"label_sets": [{"name": "a", "kind": "independent", "labels": ["x", "x"]}]}, "labels must be present and"),
        ({"segmenter": []}, "segmenter must be an object, got list"),
    ],
)
def test_a_wrong_card_is_refused_with_what_is_wrong(tmp_path: Path, changes: dict[str, Any], sentence: str) -> None:
    edit(make_model_dir(tmp_path), **changes)
    with pytest.raises(ModelError, match=sentence):
        load_card(tmp_path)


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    path = make_model_dir(tmp_path) / "model.json"
    document = json.loads(path.read_text())
    del document["clip"]
    path.write_text(json.dumps(document))
    with pytest.raises(ModelError, match="lacks clip"):
        load_card(tmp_path)


def test_a_missing_directory_card_or_weights_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no model directory at"):
        load_card(tmp_path / "nowhere")
    for name in ("model.json", "model.safetensors"):
        directory = make_model_dir(tmp_path / name)
        (directory / name).unlink()
        with pytest.raises(ModelError, match=f"has no {name}"):
            load_card(directory)


def test_a_card_that_is_not_json_is_refused(tmp_path: Path) -> None:
    (make_model_dir(tmp_path) / "model.json").write_text("{")
    with pytest.raises(ModelError, match="cannot be read as JSON"):
        load_card(tmp_path)


@pytest.mark.parametrize("name", ["model.pt", "model.pth", "extra.pkl", "last.ckpt"])
def test_a_pickle_beside_the_weights_is_refused_unopened(tmp_path: Path, name: str) -> None:
    (make_model_dir(tmp_path) / name).write_bytes(b"\x80\x04boom")
    with pytest.raises(ModelError, match=f"holds a pickle .{name}"):
        load_card(tmp_path)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00", "it is a pickle"),
        (b"PK\x03\x04\x00\x00\x00\x00\x00\x00", "it is a pickle"),
        (b"", "header is missing or cut short"),
        (b"\x02\x00\x00\x00\x00\x00\x00\x00[]", "header is not the JSON"),
        (b"\x02\x00\x00\x00\x00\x00\x00\x00{}more", "the file has 4"),
    ],
)
def test_weights_that_are_not_safetensors_are_refused(tmp_path: Path, content: bytes, sentence: str) -> None:
    (make_model_dir(tmp_path) / "model.safetensors").write_bytes(content)
    with pytest.raises(ModelError, match=sentence):
        load_card(tmp_path)


def test_truncated_weights_are_refused(tmp_path: Path) -> None:
    path = make_model_dir(tmp_path) / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ModelError, match="bytes of weights"):
        load_card(tmp_path)


def test_a_model_is_found_by_its_directory_and_an_unknown_name_lists_the_choices(tmp_path: Path) -> None:
    assert resolve(tmp_path) == tmp_path
    with pytest.raises(UsageError, match="unknown model 'longtake-huge'; choose one of"):
        resolve("longtake-huge")


def test_the_default_model_comes_with_longtake() -> None:
    assert DEFAULT_MODEL in list_models()
    card = load_card(resolve(DEFAULT_MODEL))
    assert card.labels == ("walk", "run", "wave", "sit_down", "sit", "stand_up", "fall", "lie")


def test_background_takes_part_only_where_labels_exclude_each_other() -> None:
    assert LabelSet("a", "exclusive", ("x", "y")).logits == 3
    assert LabelSet("a", "independent", ("x", "y")).logits == 2
