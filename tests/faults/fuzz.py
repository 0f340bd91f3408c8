"""Send damaged PDFs through the whole service: `python -m tests.faults.fuzz --count 500`, or `make fuzz`.

A seed determines the mutants. They are made from PDFs drawn here, and from real ones if these are next to the checkout.
Every job must end, no answer may be a 5xx, and every worker must be alive afterwards. Count and time are limited.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.support import pdfs
from tests.support.stack import ROOT, Stack, running, wait_for

LIMITS = {"SLIMGEST_PAGE_TIMEOUT": "5", "SLIMGEST_MAX_WORKER_MB": "1024", "SLIMGEST_MAX_PAGE_PIXELS": "4000000"}
_KEYWORDS = [
    b"/Kids",
    b"/Count",
    b"/Length",
    b"/Filter",
    b"/Type",
    b"/Contents",
    b"obj",
    b"stream",
    b"xref",
    b"trailer",
]
_NUMBERS = [b"0", b"-1", b"99999999999", b"2147483648", b"1e309", b"0.0000001"]


def seeds() -> list[bytes]:
    """Return valid PDFs to damage: drawn ones, and small real ones if there are any."""
    drawn = [
        pdfs.text_pages(["One page of text.\nTwo lines.", "Another page."]),
        pdfs.scanned(["a picture of text"]),
        pdfs.numbered(3),
        pdfs.text_pages(["locked"], password="x"),
        pdfs.with_broken_page(["a", "b"], 1),
    ]
    corpus = ROOT.parent / "shared" / "corpus"
    return drawn + [path.read_bytes() for path in sorted(corpus.rglob("*.pdf")) if path.stat().st_size < 300_000]


def mutant(number: int, seed: int, valid: list[bytes]) -> bytes:
    """Return the mutant with this number: the same for the same seed and the same valid PDFs."""
    rng = random.Random(f"{seed}-{number}")
    data = bytearray(rng.choice(valid))
    for _ in range(rng.choice([1, 2, 4, 16, 64])):
        _damage(data, rng)
    return b"%PDF-1.4\n" + bytes(data) if b"%PDF-" not in data[:1024] else bytes(data)


def _damage(data: bytearray, rng: random.Random) -> None:
    at = rng.randrange(len(data) or 1)
    length = rng.choice([1, 4, 64, 1024])
    kind = rng.randrange(6)
    if kind == 0:
        data[at : at + length] = rng.randbytes(min(length, 16))
    elif kind == 1:
        del data[at : at + length]
    elif kind == 2:
        data[at:at] = data[at : at + length] * rng.choice([1, 2, 50])
    elif kind == 3:
        del data[max(at, 100) :]
    elif kind == 4:
        _swap(data, rng.choice(_KEYWORDS), rng.choice(_KEYWORDS), rng)
    else:
        _swap(data, bytes([rng.choice(b"123456789")]), rng.choice(_NUMBERS), rng)


def _swap(data: bytearray, old: bytes, new: bytes, rng: random.Random) -> None:
    found = data.find(old, rng.randrange(len(data) or 1))
    if found >= 0:
        data[found : found + len(old)] = new


def fuzz(stack: Stack, count: int, seed: int, seconds: float) -> Counter[str]:
    """Send mutants, four at a time; count their ends. Raises `AssertionError` for a 5xx or a job without an end."""
    valid, deadline_s, ends = seeds(), time.monotonic() + seconds, Counter[str]()

    def send(number: int) -> str:
        if time.monotonic() > deadline_s:
            return "(not sent: out of time)"
        answer = stack.post("/process-pdf", mutant(number, seed, valid))
        assert answer.status_code < 500, f"mutant {number} of seed {seed}: {answer.status_code} {answer.text[:300]}"
        body = answer.json()
        return str(body["pdfs"][0]["status"] if "pdfs" in body else body["code"])

    with ThreadPoolExecutor(4) as pool:
        ends.update(pool.map(send, range(count)))
    assert stack.get("/").json()["queue"]["pending_jobs"] == 0, "a job has not ended"
    wait_for(lambda: len(stack.ready_workers()) == len(stack.workers), what="all workers again")
    assert stack.post("/process-pdf", pdfs.numbered(1)).status_code == 200
    return ends


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=500, help="how many mutants (default 500)")
    parser.add_argument("--seed", type=int, default=1, help="which ones (default 1)")
    parser.add_argument("--seconds", type=float, default=600, help="stop sending after this time (default 600)")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the stack ends too
    with tempfile.TemporaryDirectory() as folder, running(Path(folder), beat=True, **LIMITS) as stack:
        started_s = time.monotonic()
        ends = fuzz(stack, asked.count, asked.seed, asked.seconds)
        print(
            f"{asked.count} mutants, seed {asked.seed}, {time.monotonic() - started_s:.0f} s; every job ended, no 5xx:"
        )
        for end, how_many in ends.most_common():
            print(f"  {how_many:5}  {end}")
    sys.exit(1 if "(not sent: out of time)" in ends else 0)


if __name__ == "__main__":
    main()
