"""The model worker gives the same bits whatever the company."""

import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.errors import ModelError
from pipeline.models.build import build, load_model, probabilities, save_model
from pipeline.models.card import DEFAULT_MODEL, LabelSet, Part, load_card, resolve
from pipeline.models.profile import detect_numerics
from pipeline.models.requests import Remembered, RememberRequest
from pipeline.models.worker import ModelWorker
from pipeline.values import ClipSpec, Float32Array, UInt8Array
from tests.models.micro import make_model_dir, micro_card

PAIRS = 1000


def clips(count: int, spec: ClipSpec, seed: int = 0) -> UInt8Array:
    shape = (count, spec.frames, spec.height, spec.width, 3)
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def requests(worker: ModelWorker, count: int, seed: int = 0) -> list[RememberRequest]:
    """One step each: features and states of the sizes a running stream has, some gaps, some first steps."""
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((count, 1, worker.feature_size), np.float32)
    gaps = np.where(rng.random((count, 1)) < 0.2, rng.random((count, 1)) * 100, 0).astype(np.float32)
    states = np.tanh(rng.standard_normal((count, worker.state_size), np.float32))
    return [RememberRequest(features[i], gaps[i], None if i % 50 == 0 else states[i]) for i in range(count)]


def bits(answers: list[Remembered]) -> list[bytes]:
    return [answer.probs.tobytes() + answer.state.tobytes() for answer in answers]


def assert_every_row_gives(alone: list[bytes], rows: int, batch: "dict[int, list[bytes]]") -> None:
    wrong = {row for row, answers in batch.items() if answers != alone}
    assert not wrong, f"rows {sorted(wrong)} of {rows} give other bits"


@pytest.fixture(scope="module")
def micro(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model_dir(tmp_path_factory.mktemp("micro"))


@pytest.fixture(scope="module")
def default() -> ModelWorker:
    return ModelWorker(resolve(DEFAULT_MODEL))


@pytest.mark.parametrize("size", ["micro", "default"])
def test_a_thousand_states_give_the_same_bits_in_every_row_beside_any_neighbours(
    size: str, micro: Path, default: ModelWorker
) -> None:
    worker = ModelWorker(micro) if size == "micro" else default
    asked = requests(worker, PAIRS)
    alone = bits([worker.remember([request])[0] for request in asked])
    rows = worker.remember_bucket
    # Rolling the list by one puts every pair into the next row, beside other neighbours.
    batch = {}
    for row in range(rows):
        answers = bits(worker.remember(asked[-row:] + asked[:-row] if row else asked))
        batch[row] = answers[row:] + answers[:row]
    assert_every_row_gives(alone, rows, batch)


def test_a_thousand_clips_give_the_same_bits_in_every_row_beside_any_neighbours(micro: Path) -> None:
    bucket = 8
    worker = ModelWorker(micro, replace(detect_numerics(), encode_bucket=bucket))
    asked = list(clips(PAIRS, worker.card.clip))
    alone = [worker.encode([clip])[0].tobytes() for clip in asked]
    batch = {}
    for row in range(bucket):
        answers = [f.tobytes() for f in worker.encode(asked[-row:] + asked[:-row] if row else asked)]
        batch[row] = answers[row:] + answers[:row]
    assert_every_row_gives(alone, bucket, batch)


def test_the_default_model_gives_the_same_bits_from_several_threads_at_once(default: ModelWorker) -> None:
    asked = list(clips(24, default.card.clip))
    remembered = requests(default, 24)
    features = [default.encode([clip])[0].tobytes() for clip in asked]
    answers = bits([default.remember([request])[0] for request in remembered])
    with ThreadPoolExecutor(3) as pool:
        encoded = pool.map(lambda clip: default.encode([clip])[0].tobytes(), asked)
        stepped = pool.map(lambda request: default.remember([request])[0], remembered)
        assert list(encoded) == features
        assert bits(list(stepped)) == answers


def test_another_bucket_is_another_profile_because_it_gives_other_bits(default: ModelWorker) -> None:
    """Why workers pad; were this to fail one day, the tests above would prove nothing."""
    narrow = ModelWorker(resolve(DEFAULT_MODEL), replace(default.numerics, remember_bucket=1))
    asked = requests(default, 64)
    assert bits(narrow.remember(asked)) != bits(default.remember(asked))


def test_read_only_clips_and_states_are_served(micro: Path) -> None:
    worker = ModelWorker(micro)
    clip, request = clips(1, worker.card.clip)[0], requests(worker, 2)[1]
    answers = worker.encode([clip])[0].tobytes(), bits(worker.remember([request]))
    for array in (clip, request.features, request.gaps_s, request.state):
        assert array is not None
        array.flags.writeable = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert (worker.encode([clip])[0].tobytes(), bits(worker.remember([request]))) == answers


def test_half_precision_gives_nearly_the_same_scores(micro: Path) -> None:
    exact, half = (ModelWorker(micro, replace(detect_numerics("cpu"), dtype=d)) for d in ("float32", "bfloat16"))
    for clip in clips(5, exact.card.clip):
        np.testing.assert_allclose(half.infer(clip, 0.0, None).probs, exact.infer(clip, 0.0, None).probs, atol=0.02)


def test_several_steps_at_once_equal_one_after_the_other(micro: Path) -> None:
    worker = ModelWorker(micro)
    steps = requests(worker, 9, seed=4)
    together = RememberRequest(
        np.concatenate([s.features for s in steps]), np.concatenate([s.gaps_s for s in steps]), None
    )
    short = requests(worker, 1, seed=5)[0]
    whole, _ = worker.remember([together, short])
    state: Float32Array | None = None
    for i, step in enumerate(steps):
        answer = worker.remember([replace(step, state=state)])[0]
        assert answer.probs[0].tobytes() == whole.probs[i].tobytes()
        state = answer.state
    assert state is not None and state.tobytes() == whole.state.tobytes()


def test_infer_equals_encode_and_remember(micro: Path) -> None:
    worker = ModelWorker(micro)
    clip = clips(1, worker.card.clip)[0]
    apart = worker.remember([RememberRequest(np.stack(worker.encode([clip])), np.array([2.5], np.float32), None)])
    assert bits([worker.infer(clip, 2.5, None)]) == bits(apart)


def test_what_a_worker_serves_is_what_the_networks_compute(micro: Path) -> None:
    worker, model = ModelWorker(micro), load_model(micro)
    clip = clips(1, worker.card.clip)[0]
    mean, std = torch.tensor(model.card.mean), torch.tensor(model.card.std)
    with torch.inference_mode():
        x = ((torch.from_numpy(clip) / 255 - mean) / std).permute(0, 3, 1, 2)[None]
        logits, state = model.temporal.step(model.encoder(x), torch.zeros(1), model.temporal.initial_state(1))
    answer = worker.infer(clip, 0.0, None)
    np.testing.assert_allclose(answer.probs, torch.sigmoid(logits).numpy(), atol=1e-5)
    np.testing.assert_allclose(answer.state, state[0].numpy(), atol=1e-5)


def test_folding_batch_norm_changes_nothing_but_the_last_bits(micro: Path) -> None:
    model = build(micro_card())
    torch.manual_seed(1)
    x = torch.randn(2, 8, 3, 16, 16)
    model.encoder.train()
    for _ in range(3):
        model.encoder(x)  # moves the running statistics away from their start
    model.encoder.eval()
    with torch.inference_mode():
        before = model.encoder(x)
        model.encoder.fold()
        torch.testing.assert_close(model.encoder(x), before, rtol=1e-4, atol=1e-5)


def test_wrong_shapes_are_refused_with_what_is_wanted(micro: Path) -> None:
    worker = ModelWorker(micro)
    with pytest.raises(ValueError, match=r"wants clips of \(8, 16, 16, 3\) uint8, got \(7, 16, 16, 3\)"):
        worker.encode([clips(1, worker.card.clip)[0][1:]])
    request = requests(worker, 2)[1]
    with pytest.raises(ValueError, match="want n ≥ 1 features of 64"):
        worker.remember([replace(request, features=request.features[:, 1:])])
    with pytest.raises(ValueError, match="want a state of 16"):
        worker.remember([replace(request, state=np.zeros(3, np.float32))])


def test_weights_of_another_architecture_are_refused(tmp_path: Path) -> None:
    model = build(micro_card())
    save_model(tmp_path, replace(model, card=replace(model.card, temporal=Part("gru", {"width": 16, "hidden": 8}))))
    with pytest.raises(ModelError, match=r"do not fit shift_cnn: temporal\.gru"):
        load_model(tmp_path)


@pytest.mark.parametrize(
    ("part", "sentence"),
    [
        (Part("mamba", {}), "unknown architecture 'mamba'; longtake has by_frame, causal_conv, frame_average"),
        (Part("gru", {"widht": 3}), "gru cannot be built with"),
    ],
)
def test_an_unknown_architecture_or_parameter_is_refused(part: Part, sentence: str) -> None:
    with pytest.raises(ModelError, match=sentence):
        build(replace(micro_card(), temporal=part))


def test_exclusive_labels_share_one_probability_with_background() -> None:
    sets = (LabelSet("a", "exclusive", ("x", "y")), LabelSet("b", "independent", ("z",)))
    probs = probabilities(torch.tensor([[0.0, 0.0, 0.0, 0.0]]), sets)
    torch.testing.assert_close(probs, torch.tensor([[1 / 3, 1 / 3, 0.5]]))


def test_a_profile_names_all_that_bits_may_depend_on() -> None:
    profile = detect_numerics("cpu")
    assert profile.device_kind == "cpu" and profile.threads == 1
    assert profile.digest() == detect_numerics("cpu").digest()
    others = [replace(profile, remember_bucket=8), replace(profile, dtype="bfloat16", encode_bucket=2)]
    assert len({profile.digest(), *(other.digest() for other in others)}) == 3


def test_the_card_of_a_worker_is_that_of_its_directory(micro: Path) -> None:
    assert ModelWorker(micro).card == load_card(micro)
