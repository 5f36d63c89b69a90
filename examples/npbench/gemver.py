import numpy as np


def inputs(random, n):
    vectors = {name: random.random(n) for name in ("u1", "v1", "u2", "v2", "w", "x", "y", "z")}
    return {"alpha": 1.5, "beta": 1.2, "a": random.random((n, n))} | vectors


def gemver(alpha, beta, a, u1, v1, u2, v2, w, x, y, z):
    """Two updates of rank 1, and two products of the result with vectors."""
    a = a + np.outer(u1, v1) + np.outer(u2, v2)
    x = x + beta * (y @ a) + z
    w = w + alpha * (a @ x)
    return a, w, x
