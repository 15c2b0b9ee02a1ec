"""Bytes straight at the web server as the service starts it: malformed HTTP is refused, and the worker lives on."""

import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import pytest

from service.runtime import serving
from service.settings import Settings
from tree import ROOT

FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"
HERE = b"Host: 127.0.0.1\r\n"
POST = b"POST /sign-in HTTP/1.1\r\n" + HERE + FORM
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"

REFUSED = {
    "chunk of size -1": CHUNKED + b"-1\r\nabc\r\n0\r\n\r\n",
    "chunk of no size": CHUNKED + b"zz\r\nabc\r\n0\r\n\r\n",
    "chunk of 2^70": CHUNKED + b"f" * 18 + b"\r\nabc",
    "chunk with an extension of 70 KB": CHUNKED + b"3;" + b"x" * 70_000 + b"\r\nabc\r\n0\r\n\r\n",
    "chunk that is cut off": CHUNKED + b"5\r\nab",
    "chunk well formed": CHUNKED + b"3\r\na=b\r\n0\r\n\r\n",
    "length and chunks": POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na=b\r\n0\r\n\r\n",
    "chunks twice": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks by another name": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "two lengths": POST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\na=bc",
    "a length below nothing": POST + b"Content-Length: -3\r\n\r\na=b",
    "a length in words": POST + b"Content-Length: three\r\n\r\na=b",
    "a length of 4 GB": POST + b"Content-Length: 4294967296\r\n\r\na=b",
    "a body that is cut off": POST + b"Content-Length: 100\r\n\r\na=b",
    "no host": b"GET /sign-in HTTP/1.1\r\n\r\n",
    "a host too long to be one": b"GET /sign-in HTTP/1.1\r\nHost: " + b"x" * 3000 + b"\r\n\r\n",
    "two hosts": b"GET /sign-in HTTP/1.1\r\n" + HERE + HERE + b"\r\n",
    "space before the colon": b"GET /sign-in HTTP/1.1\r\nHost : 127.0.0.1\r\n\r\n",
    "a folded header": b"GET /sign-in HTTP/1.1\r\n" + HERE + b"A: b\r\n c\r\n\r\n",
    "NUL in a header": b"GET /sign-in HTTP/1.1\r\n" + HERE + b"A: b\0c\r\n\r\n",
    "bare CR in a header": b"GET /sign-in HTTP/1.1\r\n" + HERE + b"A: b\rX: c\r\n\r\n",
    "lines ended by LF": b"GET /sign-in HTTP/1.1\nHost: 127.0.0.1\n\n",
    "HTTP 9": b"GET /sign-in HTTP/9.9\r\n" + HERE + b"\r\n",
    "a line of nothing": b"\r\n\r\n\r\n\r\n",
    "a line of 100 KB": b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\n" + HERE + b"\r\n",
    "a thousand headers": b"GET / HTTP/1.1\r\n" + HERE + b"".join(b"A%d: b\r\n" % n for n in range(1000)) + b"\r\n",
    "TLS": bytes.fromhex("16030100a5010000a10303") + os.urandom(160),
    "noise": bytes(range(256)) * 8,
}
ANSWERED = {
    "a host of somebody else": b"GET /sign-in HTTP/1.1\r\nHost: elsewhere.example\r\n\r\n",
    "a host that is none": b"GET /sign-in HTTP/1.1\r\nHost: a b[::\r\n\r\n",
    "an address with a host in it": b"GET http://elsewhere.example/sign-in HTTP/1.1\r\n" + HERE + b"\r\n",
    "a header with an underscore": b"GET /sign-in HTTP/1.1\r\n" + HERE + b"X_User: admin\r\n\r\n",
    "junk in percent signs": b"GET /%zz%00%ff%u0041/..%2f..%2fetc/passwd HTTP/1.1\r\n" + HERE + b"\r\n",
    "an unknown method": b"BREW /sign-in HTTP/1.1\r\n" + HERE + b"\r\n",
    "an expectation": POST + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\na=b",
    "an upgrade": b"GET /sign-in HTTP/1.1\r\n" + HERE + b"Upgrade: websocket\r\nConnection: upgrade\r\n\r\n",
    "a method smuggled in a header": POST + b"X-HTTP-Method-Override: DELETE\r\nContent-Length: 3\r\n\r\na=b",
    "HTTP 1.0 without a host": b"GET /sign-in HTTP/1.0\r\n\r\n",
}


@pytest.fixture(scope="module")
def server(sqlite_template, tmp_path_factory) -> Iterator[int]:
    """The web server with the words ``serving`` starts it with, one process, over a database of its own."""
    folder = tmp_path_factory.mktemp("raw")
    (folder / "cases.db").write_bytes(sqlite_template.read_bytes())
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    web, _ = serving._commands(replace(Settings(), port=port, web_processes=1))
    environ = os.environ | {"CASEWORK_SECRET_KEY": "s" * 40, "CASEWORK_DATA_FOLDER": str(folder)}
    with (folder / "said.txt").open("w") as out:
        process = subprocess.Popen(web, cwd=ROOT, env=environ, stdout=out, stderr=out)
    try:
        for _ in range(300):
            if process.poll() is None and answers(port, b"GET /sign-in HTTP/1.1\r\n" + HERE + b"\r\n"):
                break
            time.sleep(0.1)
        yield port
        assert process.poll() is None, "the server ended"
        said = (folder / "said.txt").read_text()
        assert "Traceback" not in said, said
        assert "WORKER TIMEOUT" not in said
    finally:
        process.terminate()
        process.wait(20)


def answers(port: int, sent: bytes) -> bytes:
    """Send bytes and no more, and return all that comes back; a closed connection is an empty answer."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=15) as line:
            line.sendall(sent)
            with suppress(OSError):  # refused before all of it was read
                line.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: line.recv(65536), b""))
    except ConnectionError:
        return b""


def status_of(answer: bytes) -> int:
    return int(re.match(rb"HTTP/1\.[01] (\d{3})", answer)[1])


@pytest.mark.parametrize("name", REFUSED)
def test_malformed_http_is_refused(server, name):
    answer = answers(server, REFUSED[name])
    assert answer == b"" or status_of(answer) in {400, 408, 411, 413, 414, 431, 501, 505}, answer[:300]
    assert b"Traceback" not in answer
    assert status_of(answers(server, b"GET /sign-in HTTP/1.1\r\n" + HERE + b"\r\n")) == 200, "the worker lives on"


@pytest.mark.parametrize("name", ANSWERED)
def test_odd_http_is_answered_like_any_other(server, name):
    answer = answers(server, ANSWERED[name])
    assert answer == b"" or status_of(answer) < 500 or status_of(answer) in {501, 505}, answer[:300]
    assert b"Traceback" not in answer
    assert b"elsewhere.example" not in answer
