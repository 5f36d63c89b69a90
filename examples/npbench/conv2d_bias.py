import numpy as np


def inputs(random, batch, height, width, channels, k, features):
    return {"x": random.random((batch, height, width, channels)),
            "weights": random.random((k, k, channels, features)), "bias": random.random(features)}


def conv2d_bias(x, weights, bias):
    """A convolution of pictures (batch, height, width, channel) without padding, plus a bias."""
    k = weights.shape[0]
    height, width = x.shape[1] - k + 1, x.shape[2] - k + 1
    total = np.zeros((x.shape[0], height, width, weights.shape[3]))
    for i in range(k):
        for j in range(k):
            total += x[:, i:i + height, j:j + width] @ weights[i, j]
    return total + bias
