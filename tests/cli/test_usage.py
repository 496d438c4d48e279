import json

import pytest

from cimaise.cli.usage import cost_of
from cimaise.usage import DayOfAccount, UsageReport
from tests.cli.conftest import Cimaise

GB = 10**9
MARCH = UsageReport(
    month="2026-03",
    days=(DayOfAccount("2026-03-09", "ann", 5, 10 * GB, 3),),
    operations={"write": 2_000_000},
    bucket_requests={
        "PutObject": 1_900_000,
        "CopyObject": 100_000,
        "HeadObject": 1_000_000,
        "ListObjectsV2": 500_000,
        "DeleteObjects": 9,
    },
    stored_bytes=100 * GB,
    popular=(),
)


@pytest.mark.parametrize(
    ("provider", "classes", "dollars"),
    [
        ("none", {"free": 3_500_009}, {"stored": 0.0, "sent": 0.0, "operations": 0.0}),
        (
            "s3",
            {"A": 2_500_000, "B": 1_000_000, "free": 9},
            {"stored": 2.3, "sent": 0.9, "operations": 12.9},
        ),
        (
            "b2",
            {"free": 1_900_009, "B": 1_000_000, "C": 600_000},
            {"stored": 0.6, "sent": 0.1, "operations": 2.8},
        ),
    ],
)
def test_the_cost_is_by_the_providers_classes(
    provider: str, classes: dict[str, int], dollars: dict[str, float]
):
    cost = cost_of(MARCH, provider)
    assert cost["classes"] == classes
    total = cost["dollars"].pop("total")
    assert cost["dollars"] == pytest.approx(dollars)
    assert total == pytest.approx(sum(dollars.values()))


def test_a_new_installation_has_used_nothing(cimaise: Cimaise):
    report = json.loads(cimaise("usage", "--month", "2026-03", "--json").output)
    assert report["month"] == "2026-03"
    assert report["days"] == []
    assert report["cost"]["dollars"]["total"] == 0
    assert "Stored: 0 bytes" in cimaise("usage").output


def test_a_month_that_is_none_is_wrong_usage(cimaise: Cimaise):
    assert cimaise("usage", "--month", "2026-13").exit_code == 2
