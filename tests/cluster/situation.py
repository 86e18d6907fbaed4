"""A situation that only memory can tell: `alarm` is blue after red, however long the black between them was.

The weights are set by hand. One unit of the state latches when red is seen and never lets go, so a worker that lost
the state, or was handed another stream's, would take blue for nothing.
"""

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import torch

from pipeline.models.build import StreamModel, build, save_model
from pipeline.models.card import LabelSet, Part
from pipeline.values import UInt8Array
from tests.models.micro import MICRO_CLIP, micro_card

BLACK, RED, BLUE = (16, 16, 16), (230, 20, 20), (20, 20, 230)
FILM_FPS = 10
Shown = tuple[tuple[float, tuple[int, int, int]], ...]


def film(path: Path, shown: Shown) -> Path:
    """Write a film that shows one colour after another, each for so many seconds."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FILM_FPS, options={"preset": "ultrafast", "g": "10"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for seconds, colour in shown:
            picture = np.broadcast_to(np.uint8(colour), (48, 64, 3)).copy()
            for _ in range(round(seconds * FILM_FPS)):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode())
    return path


def make_model(directory: Path, folder: Path) -> Path:
    """Write the model that knows `red`, `blue` and `alarm`."""
    torch.manual_seed(7)
    labels = LabelSet("situation", "independent", ("red", "blue", "alarm"))
    card = micro_card(label_sets=(labels,))
    model = build(
        type(card)(
            **{field: getattr(card, field) for field in ("name", "encoder", "clip", "mean", "std", "label_sets")},
            temporal=Part("gru", {"width": 4, "hidden": 1}),
            segmenter={},
            training={"data": "none: weights set by hand"},
        )
    )
    model.encoder.eval()
    model.temporal.eval()
    sample = film(folder / "sample.mp4", ((4, BLACK), (4, RED), (4, BLACK), (4, BLUE), (4, BLACK)))
    with torch.no_grad():
        _recognise_colours(model, *_examples(model, sample))
        _remember_red(model)
    save_model(directory, model)
    return directory


def _examples(model: StreamModel, sample: Path) -> tuple[torch.Tensor, torch.Tensor]:
    """Features of all clips of the sample, and what each shows: 0 nothing, 1 red, 2 blue."""
    clips = torch.from_numpy(np.stack(list(_clips(sample)))).float() / 255
    mean, std = torch.tensor(model.card.mean), torch.tensor(model.card.std)
    features = model.encoder(((clips - mean) / std).permute(0, 1, 4, 2, 3))
    newest = clips[:, -MICRO_CLIP.stride :].mean((1, 2, 3))
    shows = torch.where(newest[:, 0] > 0.6, 1, torch.where(newest[:, 2] > 0.6, 2, 0))
    return features, shows


def _clips(path: Path) -> Iterator[UInt8Array]:
    spec = MICRO_CLIP
    with av.open(str(path)) as container:
        frames = [
            frame.reformat(spec.width, spec.height, "rgb24").to_ndarray()
            for number, frame in enumerate(container.decode(video=0))
            if number % round(FILM_FPS / spec.fps) == 0
        ]
    for first in range(len(frames) - spec.frames + 1):
        yield np.stack(frames[first : first + spec.frames])


def _recognise_colours(model: StreamModel, features: torch.Tensor, shows: torch.Tensor) -> None:
    """Project what is shown onto one unit each; the norm behind it makes the largest stand out alone."""
    project = model.temporal.project[0]
    inputs = torch.cat([features, torch.ones(len(features), 1)], 1).double()
    wanted = torch.nn.functional.one_hot(shows, 4).double()
    ridge = 1e-6 * torch.eye(inputs.shape[1], dtype=torch.float64)
    solved = torch.linalg.solve(inputs.T @ inputs + ridge, inputs.T @ wanted).T.float()
    project.weight.zero_()
    project.weight[:, :-1] = solved[:, :-1]
    project.bias.copy_(solved[:, -1])


def _remember_red(model: StreamModel) -> None:
    """Red opens the update gate and writes a one; nothing else opens it. A lone unit of the norm comes out at √3."""
    gru, head = model.temporal.gru, model.temporal.head
    for values in gru.parameters():
        values.zero_()
    gru.weight_ih_l0[1, 1], gru.bias_ih_l0[1] = -40.0, 30.0  # update: 1 keeps the state
    gru.weight_ih_l0[2, 1] = 20.0  # new
    one = 3**-0.5
    head.weight.zero_()
    head.weight[0, 1], head.weight[1, 2] = 10 * one, 10 * one
    head.weight[2, 2], head.weight[2, 4] = 10 * one, 10.0
    head.bias.copy_(torch.tensor([-5.0, -5.0, -15.0]))
