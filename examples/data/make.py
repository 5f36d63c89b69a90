"""Makes the data of the examples: two pictures of one landscape, and a year of a weather station's temperatures.

    python examples/data/make.py
"""

import pathlib

import numpy as np

FOLDER = pathlib.Path(__file__).resolve().parent
HEIGHT, WIDTH = 120, 160


def landscape(random, sky_top, sky_bottom, sun_row, sun_column, sun_colour, light):
    """A sky, a sun and three ranges of hills, with a camera's noise: u8[120, 160, 3]."""
    row = np.linspace(0, 1, HEIGHT)[:, None, None]
    column = np.linspace(0, 1, WIDTH)[None, :, None]
    picture = np.array(sky_top) * (1 - row) + np.array(sky_bottom) * row + 0 * column
    distance = np.hypot((row - sun_row) * HEIGHT / WIDTH, column - sun_column)
    picture = picture + np.array(sun_colour) * (np.exp(-(distance / 0.05) ** 4) + 0.5 * np.exp(-(distance / 0.2) ** 2))
    for depth, (level, height, colour) in enumerate([(0.55, 0.10, 0.55), (0.70, 0.08, 0.38), (0.84, 0.05, 0.22)]):
        ridge = level - height * (np.sin(7 * column + 2 * depth) + 0.5 * np.sin(17 * column + depth)) / 1.5
        shade = colour * light * np.array([0.8, 1.0, 0.75]) * (1 + 0.3 * (row - ridge))
        picture = np.where(row > ridge, shade, picture)
    picture = picture + random.normal(0, 0.015, picture.shape)
    return (np.clip(picture, 0, 1) * 255).round().astype(np.uint8)


def temperatures(random):
    """Each hour of a year, in degrees Celsius, with a few readings that the sensor lost: f32[365, 24]."""
    day, hour = np.arange(365)[:, None], np.arange(24)[None, :]
    season = 9 - 10 * np.cos(2 * np.pi * (day - 20) / 365)
    swing = -(3 + 2 * np.sin(2 * np.pi * (day - 80) / 365)) * np.cos(2 * np.pi * (hour - 3) / 24)
    weather = np.zeros(365)
    for index in range(1, 365):
        weather[index] = 0.8 * weather[index - 1] + random.normal(0, 1.8)
    readings = season + swing + weather[:, None] + random.normal(0, 0.3, (365, 24))
    readings[random.integers(0, 365, 40), random.integers(0, 24, 40)] = np.nan
    return readings.round(1).astype(np.float32)


def main():
    random = np.random.default_rng(2024)
    np.save(FOLDER / "dawn.npy", landscape(random, (0.35, 0.45, 0.75), (0.95, 0.75, 0.60), 0.45, 0.25, (0.9, 0.7, 0.4), 0.9))
    np.save(FOLDER / "dusk.npy", landscape(random, (0.10, 0.10, 0.30), (0.70, 0.30, 0.35), 0.50, 0.80, (0.8, 0.3, 0.1), 0.5))
    np.save(FOLDER / "temperatures.npy", temperatures(random))


if __name__ == "__main__":
    main()
