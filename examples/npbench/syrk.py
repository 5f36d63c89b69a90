import numpy as np


def inputs(random, n, m):
    return {"alpha": 1.5, "beta": 1.2, "c": random.random((n, n)), "a": random.random((n, m))}


def syrk(alpha, beta, c, a):
    """A symmetric update of rank m, of the lower half only."""
    return np.tril(alpha * (a @ a.T) + beta * c) + np.triu(c, 1)
