import numpy as np


def inputs(random, n, m):
    return {"a": random.random((n, m)), "p": random.random(m), "r": random.random(n)}


def bicg(a, p, r):
    """The two products of a step of the biconjugate gradient method."""
    return r @ a, a @ p
