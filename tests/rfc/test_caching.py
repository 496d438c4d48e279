"""What caches are told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimaise.rfc.caching import MAX_AGE_LIMIT_S, CachePolicy, format_cache_control


@pytest.mark.parametrize(
    ("policy", "text"),
    [
        (CachePolicy(max_age_s=3600), "private, max-age=3600"),
        (CachePolicy(public=True, max_age_s=3600), "public, max-age=3600"),
        (
            CachePolicy(public=True, max_age_s=31_536_000, immutable=True),
            "public, max-age=31536000, immutable",
        ),
        (CachePolicy(), "private, max-age=0"),
        (CachePolicy(no_store=True), "no-store"),
        (CachePolicy(public=True, max_age_s=9, immutable=True, no_store=True), "no-store"),
        (CachePolicy(max_age_s=-1), "private, max-age=0"),
        (CachePolicy(max_age_s=10**30), f"private, max-age={MAX_AGE_LIMIT_S}"),
    ],
)
def test_a_policy_is_written_as_directives(policy, text):
    assert format_cache_control(policy) == text


@given(st.builds(CachePolicy, st.booleans(), st.integers(), st.booleans(), st.booleans()))
def test_an_answer_is_never_public_and_private(policy):
    directives = format_cache_control(policy).split(", ")
    assert len({"public", "private", "no-store"} & set(directives)) == 1
    assert ("public" in directives) is (policy.public and not policy.no_store)
