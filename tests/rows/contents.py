"""Writes a file for each form in which contents may hold a word. Reads lines of a form and the word, and writes into the folder."""
import base64, bz2, email.message, gzip, io, json, lzma, os, sqlite3, struct, subprocess, sys, tarfile, tempfile
import zipfile, zlib

folder = sys.argv[1]


def line(word):
    return f"the first line\ntoken = {word}\n".encode()


def zipped(members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return out.getvalue()


def tarred(name, content):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        info = tarfile.TarInfo(name)
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def docx(word):
    runs = "".join(f"<w:r><w:t>{part}</w:t></w:r>" for part in (word[:9], word[9:20], word[20:]))
    text = f'<?xml version="1.0"?><w:document xmlns:w="w"><w:body><w:p>{runs}</w:p></w:body></w:document>'
    return zipped([("[Content_Types].xml", "<Types/>"), ("word/document.xml", text)])


def notebook(word):
    cell = {"cell_type": "code", "source": ["token = '" + word[:15], word[15:] + "'\n"], "outputs": [], "metadata": {}}
    return json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


def pdf(word):
    shown = f"BT /F1 12 Tf 72 720 Td [({word[:12]}) -2 ({word[12:]})] TJ ET".encode()
    packed = zlib.compress(shown)
    parts = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R"
        b" /Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>",
        b"<< /Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream" % (len(packed), packed),
    ]
    out, places = b"%PDF-1.4\n", []
    for number, part in enumerate(parts, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, part)
    start = len(out)
    out += b"xref\n0 5\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % place for place in places)
    return out + b"trailer << /Size 5 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % start


def database(word):
    with tempfile.TemporaryDirectory() as place:
        path = os.path.join(place, "a.db")
        with sqlite3.connect(path) as connection:
            connection.execute("pragma encoding = 'UTF-16'")
            connection.execute("create table settings (name text, value text)")
            connection.execute("insert into settings values ('token', ?)", (word,))
        connection.close()
        with open(path, "rb") as file:
            return file.read()


def mail(word):
    message = email.message.EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@one.example", "b@one.example", "The token"
    message.set_content("It is attached.")
    message.add_attachment(gzip.compress(line(word)), maintype="application", subtype="gzip", filename="token.txt.gz")
    return bytes(message)


def png(word):
    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    text = b"Comment\0\0" + zlib.compress(line(word))
    pixels = zlib.compress(b"\0\0")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        chunk(*part) for part in [(b"IHDR", head), (b"zTXt", text), (b"IDAT", pixels), (b"IEND", b"")]
    )


def bundle(word):
    with tempfile.TemporaryDirectory() as place:
        environment = dict(os.environ, GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_NOSYSTEM="1")

        def git(*arguments):
            who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com"]
            return subprocess.run(["git", *who, *arguments], cwd=place, env=environment, check=True, stdout=-1).stdout

        git("init", "-q", "-b", "main")
        with open(os.path.join(place, "app.env"), "wb") as file:
            file.write(line(word))
        git("add", ".")
        git("commit", "-q", "-m", "Begin")
        return git("bundle", "create", "-q", "-", "main")


FORMS = {
    "base64": lambda word: base64.encodebytes(line(word) * 2),
    "hex": lambda word: f"data: {line(word).hex()}\n".encode(),
    "percent": lambda word: ("https://one.example/?q=" + "".join(f"%{ord(c):02X}" for c in word) + "\n").encode(),
    "c": lambda word: ('char *token = "' + "".join(f"\\x{ord(c):02x}" for c in word) + '";\n').encode(),
    "json": lambda word: ('{"token": "' + "".join(f"\\u{ord(c):04x}" for c in word) + '"}\n').encode(),
    "entities": lambda word: ("token: " + "".join(f"&#{ord(c)};" for c in word) + "\n").encode(),
    "numbers": lambda word: ("char token[] = {" + ", ".join(str(ord(c)) for c in word) + "};\n").encode(),
    "literals": lambda word: f'token = "{word[:10]}" + "{word[10:25]}" + "{word[25:]}"\n'.encode(),
    "characters": lambda word: f"token: {json.dumps(list(word))}\n".encode(),
    "folded": lambda word: f"token: >-\n  {word[:9]}\n  {word[9:]}\n".encode(),
    "quoted": lambda word: f"{'what the service asks us for at night is':<50}{word[:20]}=\n{word[20:]}\n".encode(),
    "utf16": lambda word: line(word).decode().encode("utf-16"),
    "gzip": lambda word: gzip.compress(line(word)),
    "bzip2": lambda word: bz2.compress(line(word)),
    "xz": lambda word: lzma.compress(line(word) * 8),
    "thrice": lambda word: base64.b64encode(gzip.compress(base64.b64encode(line(word)))),
    "nested": lambda word: tarred("inner.zip", zipped([("conf/app.env", line(word))])),
    "docx": docx,
    "ipynb": notebook,
    "pdf": pdf,
    "sqlite": database,
    "mail": mail,
    "html": lambda word: f"<!doctype html><html><body>\n<p>{word[:8]}<b>{word[8:21]}</b>{word[21:]}</p></body></html>".encode(),
    "png": png,
    "bundle": bundle,
}

for request in sys.stdin.read().splitlines():
    form, word = request.split()
    content = FORMS[form](word)
    assert word.encode() not in content, form
    with open(os.path.join(folder, form), "wb") as out:
        out.write(content)
