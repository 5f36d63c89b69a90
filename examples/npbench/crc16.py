import numpy as np


def inputs(random, n):
    return {"data": random.integers(0, 256, n, dtype=np.uint8), "poly": np.uint16(0x8408)}


def crc16(data, poly):
    """The 16-bit cyclic redundancy check of bytes, least significant bit first, complemented, bytes swapped."""
    poly, crc = int(poly), 0xFFFF
    for byte in data.tobytes():
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ poly if crc & 1 else crc >> 1
    crc = ~crc & 0xFFFF
    return np.uint16((crc << 8 | crc >> 8) & 0xFFFF)
