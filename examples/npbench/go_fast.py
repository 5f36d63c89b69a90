import numpy as np


def inputs(random, n):
    return {"a": random.random((n, n))}


def go_fast(a):
    """A matrix plus the sum of the hyperbolic tangents of its diagonal."""
    return a + np.tanh(np.diagonal(a)).sum()
