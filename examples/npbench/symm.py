import numpy as np


def inputs(random, n, m):
    return {"alpha": 1.5, "beta": 1.2, "c": random.random((n, m)),
            "a": random.random((n, n)), "b": random.random((n, m))}


def symm(alpha, beta, c, a, b):
    """The product with a symmetric matrix of which only the lower half is read."""
    return alpha * ((np.tril(a) + np.tril(a, -1).T) @ b) + beta * c
