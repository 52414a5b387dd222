"""Writes archives of every kind that Python knows into the folder that is named."""
import bz2, io, lzma, os, stat, struct, sys, tarfile, zipfile

folder = sys.argv[1]
A, B = b"a\nthe word is mellon\n", b"more words " * 40
LONG = "a-long-folder/" * 14 + "name"


def put(name, data):
    with open(os.path.join(folder, name), "wb") as out:
        out.write(data)


for name, form in [("ustar", tarfile.USTAR_FORMAT), ("gnu", tarfile.GNU_FORMAT), ("pax", tarfile.PAX_FORMAT)]:
    for mode in ["", "gz", "bz2", "xz"]:
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w:" + mode, format=form) as tar:
            for path, data in [("conf/app.env", A), (LONG, B)]:
                info = tarfile.TarInfo(path)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
            link = tarfile.TarInfo("a-link")
            link.type, link.linkname = tarfile.SYMTYPE, "where/it/leads"
            tar.addfile(link)
        put(f"{name}.tar.{mode}", out.getvalue())

for name, method in [("stored", 0), ("deflated", 8), ("bzip2", 12), ("lzma", 14)]:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as zip:
        zip.writestr("conf/app.env", A)
        zip.writestr(LONG, B)
        zip.comment = b"a comment"
    put(f"{name}.zip", out.getvalue())


class Pipe(io.RawIOBase):
    """What cannot be gone back in, so that sizes come behind the members."""

    def __init__(self):
        self.data = b""

    def writable(self):
        return True

    def write(self, data):
        self.data += bytes(data)
        return len(data)


for name, method in [("pipe-stored", 0), ("pipe-deflated", 8), ("pipe-bzip2", 12)]:
    out = Pipe()
    with zipfile.ZipFile(out, "w", method) as zip:
        zip.writestr("conf/app.env", A)
        zip.writestr(LONG, B)
    put(f"{name}.zip", out.data)
