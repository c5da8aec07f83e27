"""split_gguf.py - a GGUF file as two files, each with half of the tensors, as llama.cpp's splitter names and marks them."""
import struct

SCALARS = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
STRING, ARRAY, UINT16, INT32 = 8, 9, 2, 5
ALIGNMENT = 32


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, form):
        value, = struct.unpack_from("<" + form, self.data, self.at)
        self.at += struct.calcsize(form)
        return value

    def skip(self, n_bytes):
        self.at += n_bytes

    def skip_value(self, kind):
        if kind == STRING:
            self.skip(self.take("Q"))
        elif kind == ARRAY:
            item, n = self.take("I"), self.take("Q")
            for _ in range(n):
                self.skip_value(item)
        else:
            self.skip(SCALARS[kind])


def pad(data):
    return data + bytes(-len(data) % ALIGNMENT)


def text(value):
    return struct.pack("<Q", len(value)) + value


def split(data):
    """The bytes of both parts."""
    reader = Reader(data)
    assert reader.take("I") == 0x46554747 and reader.take("I") == 3
    n_tensors, n_fields = reader.take("Q"), reader.take("Q")
    begin = reader.at
    for _ in range(n_fields):
        reader.skip(reader.take("Q"))
        reader.skip_value(reader.take("I"))
    fields = data[begin:reader.at]
    tensors = []
    for _ in range(n_tensors):
        begin = reader.at
        reader.skip(reader.take("Q"))
        reader.skip(8 * reader.take("I") + 4)
        head = data[begin:reader.at]
        tensors.append((reader.take("Q"), head))
    base = reader.at + -reader.at % ALIGNMENT
    ends = sorted([offset for offset, _ in tensors] + [len(data) - base])
    half = n_tensors // 2

    def part(number, some, own_fields, n_own):
        heads, body = b"", b""
        for offset, head in some:
            heads += head + struct.pack("<Q", len(body))
            body = pad(body + data[base + offset:base + ends[ends.index(offset) + 1]])
        marks = b""
        for name, kind, value in ((b"split.no", UINT16, struct.pack("<H", number)), (b"split.count", UINT16, struct.pack("<H", 2)),
                                  (b"split.tensors.count", INT32, struct.pack("<i", n_tensors))):
            marks += text(name) + struct.pack("<I", kind) + value
        return pad(struct.pack("<IIQQ", 0x46554747, 3, len(some), n_own + 3) + own_fields + marks + heads) + body

    return part(0, tensors[:half], fields, n_fields), part(1, tensors[half:], b"", 0)
