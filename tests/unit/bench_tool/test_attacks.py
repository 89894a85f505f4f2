"""An attacker beside a load: under way before it, ended after it, and told of."""
import os
import subprocess

import pytest
from sluice_bench import attacks, loads
from sluice_bench.errors import BenchError

CASE = {"attack": "ping"}
TOLD = '{"connections": 4, "connect_errors": 0, "ended_by_peer": 3, "sent_bytes": 2048}'
PLACE = loads.Place(None, "127.0.0.1", 9)


@pytest.fixture
def attacking(tmp_path):
    """Makes a program that stands in for the attacker."""
    def made(script):
        path = tmp_path / "attacker"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return str(path)
    return made


def test_nobody_attacks_where_there_is_no_attacker():
    with attacks.under(None, {}, None) as seen:
        assert seen == {}
    assert seen == {}


def test_an_attack_lasts_as_long_as_the_load_and_is_told(attacking):
    with attacks.under(attacks.Attacker(PLACE, ()), CASE, attacking(f"echo begun; cat; echo '{TOLD}'")) as seen:
        assert seen == {}
    assert seen == {"attack_connections": 4, "attack_kib": 2.0, "attack_ended": 0.75}


def test_memory_is_looked_at_while_the_attack_lasts(attacking):
    with attacks.under(attacks.Attacker(PLACE, (os.getpid(),)), CASE, attacking(f"echo begun; cat; echo '{TOLD}'")) as seen:
        pass
    assert seen["rss_mib"] > 1


def test_an_attack_that_does_not_begin_is_no_measurement(attacking):
    with pytest.raises(BenchError, match="the attack ping on 127.0.0.1:9 has not begun"):
        with attacks.under(attacks.Attacker(PLACE, ()), CASE, attacking("exit 1")):
            raise AssertionError("the load was run")


def test_the_tool_and_the_program_know_the_same_attacks():
    path = os.path.join(os.environ["SLUICE_BIN_DIR"], "sluice-bench-attack")
    if not os.path.exists(path):
        pytest.skip("sluice-bench-attack is not built")
    done = subprocess.run([path, "--address", "127.0.0.1", "--port", "9", "--attack", "none"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert set(done.stderr.strip().rpartition("there are ")[2].split(",")) == set(attacks.ATTACKS)
