"""Layout of the Windows XML event log format: where each field stands and what its codes mean.

A file is a header block of 4 KiB and chunks of 64 KiB. A chunk has a header of 512 bytes, then records; every offset
inside it counts from its start, so a chunk can be read alone. A record is a header of 24 bytes, binary XML, and its
size once more. Numbers are little endian. Source: the public description of the format by the libevtx project, checked
on real logs.
"""

from __future__ import annotations

import numpy as np

FILE_MAGIC = b"ElfFile\x00"
CHUNK_MAGIC = b"ElfChnk\x00"
RECORD_MAGIC = 0x00002A2A

FILE_HEADER_SIZE = 4096
CHUNK_SIZE = 0x10000
CHUNK_BITS = 16
CHUNK_HEADER_SIZE = 512
RECORD_HEADER_SIZE = 24
INSTANCE_AT = RECORD_HEADER_SIZE + 4  # of a record's template instance, behind the token that begins a fragment
SMALLEST_RECORD = RECORD_HEADER_SIZE + 4  # header and the copy of the size

FLAG_DIRTY = 0x1
FLAG_FULL = 0x2
FLAG_NO_CHECKSUMS = 0x4

FILE_HEADER = np.dtype(
    {
        "names": [
            "magic", "first_chunk", "last_chunk", "next_record_id", "minor", "major", "chunks", "flags", "checksum",
        ],
        "formats": ["S8", "<u8", "<u8", "<u8", "<u2", "<u2", "<u2", "<u4", "<u4"],
        "offsets": [0, 8, 16, 24, 36, 38, 42, 120, 124],
        "itemsize": 128,
    }
)  # fmt: skip

CHUNK_HEADER = np.dtype(
    {
        "names": [
            "magic", "first_number", "last_number", "first_id", "last_id", "header_size",
            "last_record", "free", "data_checksum", "flags", "header_checksum",
        ],
        "formats": ["<u8", "<u8", "<u8", "<u8", "<u8", "<u4", "<u4", "<u4", "<u4", "<u4", "<u4"],
        "offsets": [0, 8, 16, 24, 32, 40, 44, 48, 52, 120, 124],
        "itemsize": 512,
    }
)  # fmt: skip
CHUNK_MAGIC_NUMBER = int.from_bytes(CHUNK_MAGIC, "little")

RECORD = np.dtype(  # header of a record and, as a rule, what follows: an instance of a template that stands elsewhere
    {
        "names": ["size", "id", "written", "fragment", "token", "word", "offset", "count", "desc"],
        "formats": ["<u4", "<u8", "<u8", "u1", "u1", "<u4", "<u4", "<u4", "V16"],
        "offsets": [4, 8, 16, 24, 28, 30, 34, 38, 42],
        "itemsize": 64,
    }
)  # fmt: skip

# tokens of binary XML; 0x40 on top says "attributes follow" or "more values follow"
END_OF_FRAGMENT = 0x00
OPEN_ELEMENT = 0x01
CLOSE_START = 0x02
CLOSE_EMPTY = 0x03
END_ELEMENT = 0x04
TEXT = 0x05
ATTRIBUTE = 0x06
CDATA = 0x07
CHARACTER = 0x08
ENTITY = 0x09
INSTRUCTION_TARGET = 0x0A
INSTRUCTION_DATA = 0x0B
TEMPLATE_INSTANCE = 0x0C
SUBSTITUTION = 0x0D
OPTIONAL_SUBSTITUTION = 0x0E
FRAGMENT = 0x0F
MORE = 0x40
KIND = 0xBF  # the token without that

# types of substituted values
NULL_TYPE = 0x00
STRING_TYPE = 0x01
ANSI_TYPE = 0x02
INT8_TYPE, UINT8_TYPE, INT16_TYPE, UINT16_TYPE = 0x03, 0x04, 0x05, 0x06
INT32_TYPE, UINT32_TYPE, INT64_TYPE, UINT64_TYPE = 0x07, 0x08, 0x09, 0x0A
REAL32_TYPE, REAL64_TYPE = 0x0B, 0x0C
BOOL_TYPE = 0x0D
BINARY_TYPE = 0x0E
GUID_TYPE = 0x0F
SIZE_TYPE = 0x10
FILETIME_TYPE = 0x11
SYSTEMTIME_TYPE = 0x12
SID_TYPE = 0x13
HEX32_TYPE = 0x14
HEX64_TYPE = 0x15
BINXML_TYPE = 0x21
ARRAY = 0x80

TEMPLATE_HEADER_SIZE = 24  # link to the next definition, GUID, size of the data

EPOCH_TICKS = 116_444_736_000_000_000  # FILETIME of 1970-01-01
FIRST_TICKS = 365 * 864_000_000_000  # FILETIME of 1602-01-01; what lies before means "no time"
LAST_TICKS = 2_650_467_743_999_999_999  # FILETIME of the end of the year 9999
