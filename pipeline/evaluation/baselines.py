"""What one gets without a network: linear classifiers over features of pixels that look at nothing to come."""

from collections.abc import Callable, Mapping

import cv2
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from pipeline.training.data.pictures import Pictures
from pipeline.values import Float32Array, UInt8Array

_BINS = 4
_GRID, _CELL = 8, 4  # cells a side, pixels a cell's side
_PARTS = 4


def colours(shown_NHWC: UInt8Array) -> Float32Array:
    """A histogram of 4×4×4 colours over all pictures: blind to place and to time."""
    bins = (shown_NHWC.reshape(-1, 3) >> 6).astype(np.int64) @ np.array([_BINS**2, _BINS, 1])
    counts = np.bincount(bins, minlength=_BINS**3)
    share: Float32Array = (counts / counts.sum()).astype(np.float32)
    return share


def motion(shown_NHWC: UInt8Array) -> Float32Array:
    """How much each cell of an 8×8 grid changes from picture to picture, over four parts of the example in a row."""
    grey = [cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in shown_NHWC]
    small = np.stack(
        [np.asarray(cv2.resize(one, (_GRID * 4, _GRID * 4), interpolation=cv2.INTER_AREA)) for one in grey]
    )
    change = np.abs(np.diff(small.astype(np.float32), axis=0, prepend=small[:1]))
    cells = change.reshape(len(small), _GRID, _CELL, _GRID, _CELL).mean((2, 4))
    parts = np.array_split(cells, _PARTS) if len(cells) >= _PARTS else [cells] * _PARTS
    feature: Float32Array = np.log1p(np.stack([part.mean(0) for part in parts])).ravel().astype(np.float32)
    return feature


BASELINES: Mapping[str, Callable[[UInt8Array], Float32Array]] = {"colours, linear": colours, "motion, linear": motion}


def baseline(name: str, train: Pictures, test: Pictures, labels: int) -> Float32Array:
    """Fit on one part; return S×C probabilities of the other."""
    features = [np.stack([BASELINES[name](one) for one in part.shown]) for part in (train, test)]
    classifier = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))
    classifier.fit(features[0], np.array(train.classes))
    probs = np.zeros((len(test.shown), labels), np.float32)
    probs[:, classifier.classes_] = classifier.predict_proba(features[1])
    return probs
