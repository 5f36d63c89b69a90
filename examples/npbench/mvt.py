import numpy as np


def inputs(random, n):
    vectors = {name: random.random(n) for name in ("x1", "x2", "y1", "y2")}
    return vectors | {"a": random.random((n, n))}


def mvt(x1, x2, y1, y2, a):
    """The products of a matrix and of its transpose with vectors."""
    return x1 + a @ y1, x2 + y2 @ a
