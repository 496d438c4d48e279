import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimaise.errors import Invalid
from cimaise.storage.s3 import Credentials, parse_location

KEY = "objects/ab/cd/id"


def test_a_bucket_of_aws_stands_in_the_hosts_name():
    location = parse_location("s3://bucket?region=eu-west-3")
    assert location.host == "bucket.s3.eu-west-3.amazonaws.com"
    assert location.endpoint == "https://s3.eu-west-3.amazonaws.com"
    assert location.path(KEY) == f"/{KEY}"
    assert not location.path_style
    assert location.url("/x", "a=b") == "https://bucket.s3.eu-west-3.amazonaws.com/x?a=b"


def test_with_an_endpoint_it_stands_in_the_path():
    location = parse_location("s3://bucket/some/prefix/?endpoint=http://127.0.0.1:7071")
    assert (location.scheme, location.host) == ("http", "127.0.0.1:7071")
    assert location.region == "us-east-1"
    assert location.path(KEY) == f"/bucket/some/prefix/{KEY}"
    assert location.name(KEY) == f"some/prefix/{KEY}"
    assert location.url("/x", "") == "http://127.0.0.1:7071/x"


def test_the_style_can_be_chosen():
    hosted = parse_location("s3://bucket?endpoint=https://s3.example&path_style=0")
    assert hosted.host == "bucket.s3.example"
    pathed = parse_location("s3://bucket?path_style=1")
    assert pathed.host == "s3.us-east-1.amazonaws.com"


def test_the_schemes_own_port_is_left_out_as_clients_leave_it_out():
    assert parse_location("s3://bucket?endpoint=https://h:443").host == "h"
    assert parse_location("s3://bucket?endpoint=http://h:80/").host == "h"
    assert parse_location("s3://bucket?endpoint=https://h:80").host == "h:80"


@pytest.mark.parametrize(
    "url",
    [
        "s3://",
        "s3:///prefix",
        "s3://b",
        "s3://user@bucket",
        "s3://bucket:80",
        "s3://bucket/../etc",
        "s3://bucket/a//b",
        "s3://bucket/a b",
        "s3://bucket/a?endpoint=ftp://h",
        "s3://bucket?endpoint=https://",
        "s3://bucket?endpoint=https://h/path",
        "s3://bucket?endpoint=https://user:pw@h",
        "s3://bucket?region=",
        "s3://bucket?region=a b",
        "s3://bucket?path_style=yes",
        "s3://bucket?regoin=us-east-1",
    ],
)
def test_what_is_wrong_is_refused_with_what_is_expected(url):
    with pytest.raises(ValueError, match=r"^expected"):
        parse_location(url)


def test_a_hostile_key_never_becomes_a_path():
    with pytest.raises(Invalid):
        parse_location("s3://bucket").path("../other-bucket/x")


@given(st.from_regex(r"[A-Za-z0-9_-]{4,100}", fullmatch=True))
def test_a_path_never_needs_an_escape(new_id):
    path = parse_location("s3://bucket/prefix").path(f"incoming/{new_id}")
    assert all(character.isalnum() or character in "/-_." for character in path)


def test_a_secret_is_not_shown():
    assert "hidden" not in repr(Credentials("key", "hidden"))
