import numpy as np


def inputs(random, n):
    return {"l": np.tril(random.random((n, n))) / n + np.eye(n), "b": random.random(n)}


def trisolv(l, b):
    """Solves l @ x = b by forward substitution; l is a lower triangle."""
    x = np.zeros_like(b)
    for i in range(len(b)):
        x[i] = (b[i] - l[i, :i] @ x[:i]) / l[i, i]
    return x
