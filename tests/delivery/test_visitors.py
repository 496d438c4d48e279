"""What kind of program asks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimaise.delivery.visitors import Visitor, kind_of

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.mark.parametrize(
    ("user_agent", "kind"),
    [
        (FIREFOX, Visitor.BROWSER),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "crawler"),
        ("Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2)", "crawler"),
        ("Mozilla/5.0 (compatible; bingbot/2.0)", "crawler"),
        ("facebookexternalhit/1.1", "crawler"),
        ("Mozilla/5.0 HeadlessChrome/140.0", "crawler"),
        ("CCBot/2.0", "crawler"),
        ("curl/8.5.0", "script"),
        ("Wget/1.21.3", "script"),
        ("python-requests/2.32", "script"),
        ("Go-http-client/2.0", "script"),
        ("aria2/1.36.0", "script"),
        ("", "script"),
        (None, "script"),
        ("  ", "script"),
        ("VLC/3.0.20 LibVLC/3.0.20", "other"),
        ("AppleCoreMedia/1.0.0", "other"),
        ("Cubo Phone", "other"),
    ],
)
def test_programs_are_told_apart_by_what_they_say(user_agent: str | None, kind: str):
    assert kind_of(user_agent, has_fetch_metadata=False) == kind


def test_what_sends_fetch_metadata_is_a_browser_unless_it_says_otherwise():
    assert kind_of("Something/1", has_fetch_metadata=True) is Visitor.BROWSER
    assert kind_of("Googlebot/2.1", has_fetch_metadata=True) is Visitor.CRAWLER


@given(st.none() | st.text(max_size=2000), st.booleans())
def test_any_text_is_of_one_kind(user_agent: str | None, has_fetch_metadata: bool):
    assert kind_of(user_agent, has_fetch_metadata=has_fetch_metadata) in Visitor
