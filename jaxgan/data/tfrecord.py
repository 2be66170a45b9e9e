"""Random access to the records of a TFRecord file, without TensorFlow.

Each record is: length (uint64), masked CRC of the length (uint32), data, masked
CRC of the data (uint32), all little-endian; the CRC is CRC-32C.
"""

import struct
from pathlib import Path

import numpy as np


def _crc_table() -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


_TABLE = _crc_table()


def masked_crc(data: bytes) -> int:
    """Returns the masked CRC-32C of `data`, as TFRecord stores it."""
    crc, table = 0xFFFFFFFF, _TABLE
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


class TFRecordFile:
    """The records of one file, as a sequence of bytes."""

    def __init__(self, path: str | Path):
        """Finds where each record starts.

        Args:
            path: the file.

        Raises:
            ValueError: if the file is damaged or cut short.
        """
        self._bytes = np.memmap(path, dtype=np.uint8, mode="r")
        self._spans = []  # (start, stop) of each record's data
        position = 0
        while position < len(self._bytes):
            head = self._bytes[position : position + 12].tobytes()
            if len(head) < 12 or masked_crc(head[:8]) != struct.unpack("<I", head[8:])[0]:
                raise ValueError(f"{Path(path).name} is damaged at byte {position}")
            start = position + 12
            stop = start + struct.unpack("<Q", head[:8])[0]
            position = stop + 4
            self._spans.append((start, stop))
        if position > len(self._bytes):
            raise ValueError(f"{Path(path).name} is cut short")

    def __len__(self) -> int:
        return len(self._spans)

    def __getitem__(self, index: int) -> bytes:
        start, stop = self._spans[index]
        data = self._bytes[start:stop].tobytes()
        if masked_crc(data) != struct.unpack("<I", self._bytes[stop : stop + 4].tobytes())[0]:
            raise ValueError(f"the checksum of record {index} does not match")
        return data
