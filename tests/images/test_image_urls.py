"""Signed URLs: the vectors that JavaScript is tested with too, and what must not matter."""

import json
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimaise.image_urls import canonical_request, is_signature, make_signature, sign_image_url

VECTORS = json.loads(
    (Path(__file__).parents[2] / "web" / "test" / "image-urls.vectors.json").read_text()
)
KEY = VECTORS["key"]
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
PAIRS = st.lists(st.tuples(TEXTS.filter(lambda name: name != "signature"), TEXTS), max_size=6)


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["url"])
def test_a_url_is_signed_as_the_vectors_say(case):
    signed = sign_image_url(case["url"], key=KEY, expires_at=case["expires_at"])
    assert signed == case["signed"]
    parts = urlsplit(signed)
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    canonical = canonical_request(parts.path, pairs)
    assert canonical == case["canonical"]
    assert is_signature(dict(pairs)["signature"], canonical, [KEY.encode()])


def test_signing_needs_nothing_of_the_server():
    code = (
        "import sys, cimaise.image_urls; print([n for n in sys.modules if n.startswith('cimaise')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['cimaise', 'cimaise.image_urls']"


@given(PAIRS, st.randoms())
def test_the_order_of_parameters_does_not_matter(pairs, random):
    shuffled = list(pairs)
    random.shuffle(shuffled)
    assert canonical_request("/a", pairs) == canonical_request("/a", shuffled)


@given(TEXTS.filter(lambda text: "/" not in text), PAIRS)
def test_the_spelling_of_a_path_does_not_matter(segment, pairs):
    everything = "".join(f"%{byte:02x}" for byte in segment.encode())
    assert canonical_request(f"/{everything}", pairs) == canonical_request(
        f"/{quote(segment, safe='')}", pairs
    )


@given(PAIRS, PAIRS)
def test_other_parameters_are_another_request(one, other):
    same = sorted(one) == sorted(other)
    assert (canonical_request("/a", one) == canonical_request("/a", other)) is same


@given(PAIRS)
def test_a_signature_is_good_for_its_keys_alone(pairs):
    canonical = canonical_request("/a", pairs)
    signature = make_signature(b"new", canonical)
    assert is_signature(signature, canonical, [b"new"])
    assert is_signature(make_signature(b"old", canonical), canonical, [b"new", b"old"])
    assert not is_signature(signature, canonical, [b"old"])
    assert not is_signature(signature, canonical, [])
    for wrong in ("", signature[:-1], signature + "A", "é", signature.swapcase()):
        assert not is_signature(wrong, canonical, [b"new"])
