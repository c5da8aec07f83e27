#!/usr/bin/env python3
"""untied.py - a phi-4-mini GGUF as ik_llama.cpp can read it: with an output matrix of its own (a copy of the embedding) and
without rope factors, which it expects at another length. As many bytes are read for a token as before.

  bench/peers/untied.py IN.gguf OUT.gguf
"""
import pathlib
import shutil
import struct
import sys

ALIGNMENT = 32
BYTES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}  # of a metadata value, by its type
STRING, ARRAY = 8, 9


class Header:
    """The bytes before the tensors' data."""

    def __init__(self, file):
        self.file = file
        magic, self.version, n_tensors, self.n_values = self.take("4sIQQ")
        if magic != b"GGUF":
            sys.exit(f"untied: {file.name} begins with {magic}, expected GGUF")
        begin = file.tell()
        for _ in range(self.n_values):
            self.string()
            self.skip_value(*self.take("I"))
        end = file.tell()
        file.seek(begin)
        self.values = file.read(end - begin)
        self.tensors = []  # (name, dimensions, type, offset)
        for _ in range(n_tensors):
            name = self.string()
            n_dimensions, = self.take("I")
            self.tensors.append((name, self.take(f"{n_dimensions}Q"), *self.take("IQ")))
        self.data = file.tell() + -file.tell() % ALIGNMENT

    def take(self, form):
        return struct.unpack(f"<{form}", self.file.read(struct.calcsize(f"<{form}")))

    def string(self):
        return self.file.read(*self.take("Q"))

    def skip_value(self, kind):
        if kind == STRING:
            self.string()
        elif kind == ARRAY:
            element, n = self.take("IQ")
            if element == STRING:
                for _ in range(n):
                    self.string()
            else:
                self.file.seek(BYTES[element] * n, 1)
        else:
            self.file.seek(BYTES[kind], 1)


def packed(header, tensors):
    out = struct.pack("<4sIQQ", b"GGUF", header.version, len(tensors), header.n_values) + header.values
    for name, dimensions, kind, offset in tensors:
        out += struct.pack(f"<Q{len(name)}sI{len(dimensions)}QIQ", len(name), name, len(dimensions), *dimensions, kind, offset)
    return out + bytes(-len(out) % ALIGNMENT)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    source = pathlib.Path(sys.argv[1])
    with open(source, "rb") as file, open(sys.argv[2], "wb") as out:
        header = Header(file)
        n_data = source.stat().st_size - header.data
        embedding = next(tensor for tensor in header.tensors if tensor[0] == b"token_embd.weight")
        behind = min([offset for *_, offset in header.tensors if offset > embedding[3]], default=n_data)
        padding = -n_data % ALIGNMENT
        tensors = [tensor for tensor in header.tensors if not tensor[0].startswith(b"rope_factors")]
        out.write(packed(header, tensors + [(b"output.weight", *embedding[1:3], n_data + padding)]))
        file.seek(header.data)
        shutil.copyfileobj(file, out, 1 << 24)
        out.write(bytes(padding))
        file.seek(header.data + embedding[3])
        out.write(file.read(behind - embedding[3]))


if __name__ == "__main__":
    main()
