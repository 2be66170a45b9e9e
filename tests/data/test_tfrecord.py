"""Tests of jaxgan.data.tfrecord."""

import struct

import pytest

from jaxgan.data.tfrecord import TFRecordFile, masked_crc


def frame(data: bytes) -> bytes:
    """Returns one record as TFRecord stores it."""
    length = struct.pack("<Q", len(data))
    return (
        length + struct.pack("<I", masked_crc(length)) + data + struct.pack("<I", masked_crc(data))
    )


def test_crc_is_crc32c():
    crc = 0xE3069283  # The check value of CRC-32C in the catalogues.
    masked = (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF
    assert masked_crc(b"123456789") == masked


def test_reads_in_any_order(tmp_path):
    records = [b"one", b"", b"three" * 100]
    path = tmp_path / "file"
    path.write_bytes(b"".join(map(frame, records)))
    file = TFRecordFile(path)
    assert len(file) == 3
    assert [file[i] for i in (2, 0, 1)] == [records[2], records[0], records[1]]


def test_every_flipped_byte_is_noticed(tmp_path):
    content = frame(b"abc") + frame(b"defgh")
    path = tmp_path / "file"
    for position in range(len(content)):
        damaged = bytearray(content)
        damaged[position] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"damaged|checksum"):
            list(TFRecordFile(path))


@pytest.mark.parametrize("lost", [1, 5, 10, 20])
def test_cut_short(tmp_path, lost):
    path = tmp_path / "file"
    path.write_bytes((frame(b"abc") + frame(b"defgh"))[:-lost])
    with pytest.raises(ValueError, match=r"damaged|cut short"):
        TFRecordFile(path)
