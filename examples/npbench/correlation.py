import numpy as np


def inputs(random, n, m):
    column = np.arange(m)
    return {"data": random.random((n, m)) * np.where(column % 7 == 3, 0.05, 1 + column % 3) - column % 5}


def correlation(data):
    """The correlations between the columns; a column that hardly varies is not scaled."""
    n = len(data)
    deviation = data.std(axis=0)
    deviation = np.where(deviation <= 0.1, 1.0, deviation)
    scores = (data - data.mean(axis=0)) / (np.sqrt(n) * deviation)
    table = scores.T @ scores
    np.fill_diagonal(table, 1.0)
    return table
