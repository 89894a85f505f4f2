"""What a run cost, and where."""
import os
import subprocess
import sys

import pytest
from sluice_bench import meter

SPIN = "import time\nwhile time.process_time() < 0.2: pass"


def test_parts_are_the_whole():
    found = meter.breakdown(machine=20.0, proxy=8.0, user_share=0.25, client=5.0, server=4.0)
    assert found == {"proxy_user_us": 2.0, "proxy_system_us": 6.0, "client_us": 5.0, "server_us": 4.0, "rest_us": 3.0}
    assert meter.breakdown(10.0, 8.0, 0.25, 5.0, 4.0)["rest_us"] == 0


def test_a_load_that_has_ended_is_the_client():
    with meter.Meter([os.getpid()], [os.getpid()]) as cost:
        subprocess.run([sys.executable, "-c", SPIN], check=True)
    assert cost.per_request(1)["client_us"] >= 200_000


def test_costs_are_taken_apart_only_where_the_servers_are_known():
    with meter.Meter([]) as cost:
        pass
    assert set(cost.per_request(1)) == {"machine_us"}


def test_a_proxy_that_works_in_user_mode_is_told_so():
    with meter.Meter([os.getpid()], [os.getpid()]) as cost:
        while meter._mode_ticks([os.getpid()])[0] < cost.before[5] + 20:
            pass
    found = cost.per_request(1)
    assert found["proxy_user_us"] > 0
    assert found["proxy_user_us"] + found["proxy_system_us"] == pytest.approx(found["proxy_us"])
