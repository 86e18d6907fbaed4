"""The linear SVM that fuses two streams, fitted to what both say of the examples they have learned from.

K. Simonyan, A. Zisserman: Two-Stream Convolutional Networks for Action Recognition in Videos, NIPS 2014.
"""

import numpy as np
import torch
from sklearn.svm import LinearSVC

from pipeline.models.temporal.stream_fusion import NEVER, StreamFusion, svm_features
from pipeline.training.classifier import Classifier, Examples


def fit_svm(net: Classifier, examples: Examples, seed: int) -> None:
    """Fit the SVM of the net's `StreamFusion` in place: each label against the rest.

    Labels that occur in no example, and the background, get a margin that no other is below.
    """
    assert isinstance(net.temporal, StreamFusion)
    net.eval()
    with torch.no_grad():
        said = [(svm_features(net(one.pixels, one.motion)).cpu(), one.targets) for one in examples.plain()]
        features, classes = (torch.cat(part).numpy() for part in zip(*said, strict=True))
        svm = LinearSVC(random_state=seed).fit(features, classes)
        weights, biases = svm.coef_, svm.intercept_
        if len(weights) == 1:  # of two labels the second one's margin alone
            weights, biases = np.concatenate([-weights, weights]), np.concatenate([-biases, biases])
        logits, layer = svm.classes_ + 1, net.temporal.svm  # the first logit is the background's
        layer.weight.zero_()
        layer.bias.fill_(NEVER)
        layer.weight[logits] = torch.from_numpy(weights).to(layer.weight)
        layer.bias[logits] = torch.from_numpy(biases).to(layer.bias)
