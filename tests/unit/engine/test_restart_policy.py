"""When an executor that died is started again."""

from app.engine.restart_policy import RestartPolicy


def test_at_once_then_after_1_5_and_30_seconds() -> None:
    policy = RestartPolicy()
    assert [policy.wait_s(lived_s=1) for _ in range(6)] == [0, 1, 5, 30, 30, 30]


def test_long_life_or_a_finished_prompt_starts_a_new_count() -> None:
    policy = RestartPolicy()
    assert [policy.wait_s(1), policy.wait_s(1), policy.wait_s(60), policy.wait_s(1)] == [0, 1, 0, 1]
    policy.worked()
    assert policy.wait_s(1) == 0
