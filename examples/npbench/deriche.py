import numpy as np


def inputs(random, width, height):
    return {"alpha": 0.25, "picture": random.random((width, height))}


def smooth_rows(x, alpha):
    """The sum of a causal and an anticausal filter of second order along each row."""
    k = (1 - np.exp(-alpha)) ** 2 / (1 + 2 * alpha * np.exp(-alpha) - np.exp(2 * alpha))
    b1, b2 = 2 ** -alpha, -np.exp(-2 * alpha)
    m = x.shape[1]
    forward, backward = np.zeros_like(x), np.zeros_like(x)
    forward[:, 0] = k * x[:, 0]
    forward[:, 1] = k * x[:, 1] + k * np.exp(-alpha) * (alpha - 1) * x[:, 0] + b1 * forward[:, 0]
    for j in range(2, m):
        forward[:, j] = (k * x[:, j] + k * np.exp(-alpha) * (alpha - 1) * x[:, j - 1]
                         + b1 * forward[:, j - 1] + b2 * forward[:, j - 2])
    backward[:, -2] = k * np.exp(-alpha) * (alpha + 1) * x[:, -1]
    for j in range(m - 3, -1, -1):
        backward[:, j] = (k * np.exp(-alpha) * (alpha + 1) * x[:, j + 1] - k * np.exp(-2 * alpha) * x[:, j + 2]
                          + b1 * backward[:, j + 1] + b2 * backward[:, j + 2])
    return forward + backward


def deriche(alpha, picture):
    """Deriche's recursive smoothing of a picture: along its rows, then along its columns."""
    return smooth_rows(smooth_rows(picture, alpha).T, alpha).T
