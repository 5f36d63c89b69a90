import numpy as np


def inputs(random, batch):
    def weights(*shape):
        return (random.random(shape) - 0.5) / np.sqrt(np.prod(shape[:-1]))
    return {"x": random.random((batch, 28, 28, 1)),
            "conv1": weights(5, 5, 1, 6), "bias1": weights(6), "conv2": weights(5, 5, 6, 16), "bias2": weights(16),
            "full1": weights(256, 120), "bias3": weights(120), "full2": weights(120, 84), "bias4": weights(84),
            "full3": weights(84, 10), "bias5": weights(10)}


def convolution(x, weights):
    k = weights.shape[0]
    height, width = x.shape[1] - k + 1, x.shape[2] - k + 1
    total = np.zeros((x.shape[0], height, width, weights.shape[3]))
    for i in range(k):
        for j in range(k):
            total += x[:, i:i + height, j:j + width] @ weights[i, j]
    return total


def pooled(x):
    """The greatest of each two by two pixels."""
    n, height, width, channels = x.shape
    return x.reshape(n, height // 2, 2, width // 2, 2, channels).max(axis=(2, 4))


def relu(x):
    return np.maximum(x, 0)


def lenet(x, conv1, bias1, conv2, bias2, full1, bias3, full2, bias4, full3, bias5):
    """LeNet-5: two convolutions with pooling, and three full layers, from pictures of 28 by 28 to ten scores."""
    x = pooled(relu(convolution(x, conv1) + bias1))
    x = pooled(relu(convolution(x, conv2) + bias2))
    x = x.reshape(len(x), -1)
    x = relu(x @ full1 + bias3)
    x = relu(x @ full2 + bias4)
    return x @ full3 + bias5
