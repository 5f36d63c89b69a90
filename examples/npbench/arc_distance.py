import numpy as np


def inputs(random, n):
    return {name: random.random(n) for name in ("theta_1", "phi_1", "theta_2", "phi_2")}


def arc_distance(theta_1, phi_1, theta_2, phi_2):
    """Great-circle distances between pairs of points on the unit sphere (haversine formula)."""
    chord = (np.sin((theta_2 - theta_1) / 2) ** 2
             + np.cos(theta_1) * np.cos(theta_2) * np.sin((phi_2 - phi_1) / 2) ** 2)
    return 2 * np.arctan2(np.sqrt(chord), np.sqrt(1 - chord))
