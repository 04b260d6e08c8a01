"""What people write who know cron from elsewhere is taken, or refused by its name."""

import pytest

from workflows.definition.cron import cron_problems, understood


@pytest.mark.parametrize(
    ("cron", "read"),
    [
        ("0 6 * * 7", "0 6 * * 0"),
        ("0 6 ? * MON-FRI", "0 6 * * MON-FRI"),
        ("0 6 1  * ?", "0 6 1 * *"),
        ("0 6 * * 5-7", "0 6 * * 5,6,0"),
        ("0 6 * * fri-7", "0 6 * * 5,6,0"),
        ("0 6 * * 1-7/2", "0 6 * * 1,3,5,0"),
        ("0 6 * * 1,7", "0 6 * * 1,0"),
        ("7 7 7 7 2", "7 7 7 7 2"),
        ("@daily", "@daily"),
        ("0 0 29 2 *", "0 0 29 2 *"),
        ("0 0 31 */6 *", "0 0 31 */6 *"),
        ("0 0 */30 4 *", "0 0 */30 4 *"),
    ],
)
def test_seven_is_sunday_and_a_question_mark_is_any_day(cron: str, read: str) -> None:
    assert list(cron_problems(cron)) == []
    assert understood(cron) == read


@pytest.mark.parametrize(
    ("cron", "why"),
    [
        ("0 6 L * ?", "'L' is no day of month: L, W and # are Quartz"),
        ("0 6 15W * *", "'15W' is no day of month: L, W and # are Quartz"),
        ("0 6 * * 6#3", "'6#3' is no day of week: L, W and # are Quartz"),
        ("0 6 * * FRIL", "'FRIL' is no day of week: L, W and # are Quartz"),
        ("? 6 * * *", "'?' is no minute"),
        ("0 6 ?/2 * *", "'?/2' is no day of month"),
        ("0 6 * * 8", "'8' is no day of week"),
        ("0 0 6 * * *", "not with seconds"),
        ("0 0 31 2 *", "never comes"),
        ("0 0 30,31 FEB ?", "never comes"),
        ("0 0 31 4-6/2,9 *", "never comes"),
        ("0 0 31 2/9 *", "never comes"),
    ],
)
def test_what_has_no_meaning_here_is_refused_by_its_name(cron: str, why: str) -> None:
    (said,) = cron_problems(cron)
    assert why in said
