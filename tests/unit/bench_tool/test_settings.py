"""What changes about the mesh between runs is shown to have changed."""
import pytest
from sluice_bench import settings
from sluice_bench.errors import BenchError


def run(made, arrived, seconds=1.0):
    return {"scenario": "churn", "target": "sluice-off", "changes_made": made, "changes_arrived": arrived, "changed_s": seconds}


@pytest.mark.parametrize("runs", [[], [{"requests_per_s": 9.0}], [run(100, 100)], [run(90, 110), run(100, 80)], [run(50, 50, 0.5)]])
def test_changes_that_were_made_and_arrived_are_churn(runs):
    settings.check_churn(runs)


@pytest.mark.parametrize("runs, complaint", [
    ([run(40, 40)], "churn: sluice-off: 40 of 100 endpoint changes a second were made: the machine is too busy"),
    ([run(100, 100), run(100, 20)], "60 of 100 endpoint changes a second arrived at the proxy: the mesh does not follow"),
])
def test_a_run_without_its_churn_is_refused(runs, complaint):
    with pytest.raises(BenchError) as refusal:
        settings.check_churn(runs)
    assert complaint in str(refusal.value)
