import numpy as np


def inputs(random, n, steps):
    return {"mass": 20 * (0.5 + random.random(n)) / n, "position": random.standard_normal((n, 3)),
            "velocity": random.standard_normal((n, 3)), "steps": steps, "dt": 0.01, "g": 1.0, "softening": 0.1}


def acceleration(position, mass, g, softening):
    apart = position[np.newaxis, :, :] - position[:, np.newaxis, :]
    cube = (np.sum(apart ** 2, axis=2) + softening ** 2) ** -1.5
    return g * np.sum(apart * (cube * mass)[:, :, np.newaxis], axis=1)


def energies(position, velocity, mass, g):
    kinetic = 0.5 * np.sum(mass[:, np.newaxis] * velocity ** 2)
    i, j = np.triu_indices(len(mass), 1)
    distance = np.sqrt(np.sum((position[i] - position[j]) ** 2, axis=1))
    return kinetic, -g * np.sum(mass[i] * mass[j] / distance)


def nbody(mass, position, velocity, steps, dt, g, softening):
    """Bodies that attract each other, by leapfrog steps: the kinetic and the potential energy after each."""
    velocity = velocity - np.mean(mass[:, np.newaxis] * velocity, axis=0) / np.mean(mass)
    kinetic, potential = np.zeros(steps + 1), np.zeros(steps + 1)
    kinetic[0], potential[0] = energies(position, velocity, mass, g)
    pull = acceleration(position, mass, g, softening)
    for step in range(steps):
        velocity = velocity + pull * dt / 2
        position = position + velocity * dt
        pull = acceleration(position, mass, g, softening)
        velocity = velocity + pull * dt / 2
        kinetic[step + 1], potential[step + 1] = energies(position, velocity, mass, g)
    return kinetic, potential
