"""Runs scenarios: phases (one mesh each), groups of cases, rounds that take turns. Gives a list of runs.

A run is a flat dictionary: scenario, target, case, turn, and what was measured. Two runs of one scenario with the same
turn were made seconds apart and may be compared.
"""
import contextlib
import os
import time

from . import busy, facts, loads, memory, meter, ratios
from .errors import BenchError, Missing
from .progress import Progress
from .settings import check_churn
from .targets import Direct, PeerTarget, Sluice, served_by
from .town import affinity

PEERS = ("haproxy", "nginx", "envoy")
COUNTED_S = 0.5


class Runner:
    def __init__(self, town, options, missing):
        self.town, self.options = town, options
        self.missing = missing   # {target: why}
        self.runs, self.spins, self.left_out = [], [], {}
        self.busy = {}           # {scenario: [share of a CPU that others had in a round, ...]}
        self.peaks = {}          # {(scenario, connections): requests per second that no hop at all reaches}

    def targets_of(self, scenario):
        return [name for name in scenario.targets if name in self.options.targets and name not in self.missing]

    def phases(self, scenario):
        """[[target name, ...], ...]: a machine runs one mesh at a time, so each level has a phase with all the others."""
        names = self.targets_of(scenario)
        others = [name for name in names if not name.startswith("sluice-")]
        meshes = [name for name in names if name.startswith("sluice-")]
        return [[*others, mesh] for mesh in meshes] or [others]

    def rounds_of(self, scenario):
        return scenario.rounds or self.options.rounds

    def run_count(self, scenario):
        """How many runs there will be, for the progress bar."""
        cases = sum(map(len, scenario.groups(self.options.quick)))
        turns = self.rounds_of(scenario) + (2 if scenario.tool in loads.TIMED else 0)
        return sum(len(phase) for phase in self.phases(scenario)) * cases * turns

    def run_all(self, picked):
        self.progress = Progress(sum(map(self.run_count, picked)))
        for scenario in picked:
            try:
                self.town.serve(served_by(scenario))
                if "attack" in scenario.vary:
                    self.town.serve("nginx")  # That is what is attacked.
            except Missing as error:
                self.left_out[scenario.name] = str(error)
                continue
            groups = scenario.groups(self.options.quick)
            # Memory is that of a process which has not served anything else before.
            parts = [groups] if scenario.tool in loads.TIMED else [[group] for group in groups]
            for phase in self.phases(scenario):
                for part in parts:
                    self._phase(scenario, phase, part)
        self.progress.end()

    def _made(self, name, scenario):
        if name == "direct":
            return Direct(self.town)
        if name in PEERS:
            return PeerTarget(name, self.town, scenario, self.options.peers_dir, self.options.workers)
        return Sluice(name.removeprefix("sluice-"), self.town, self.options.workers)

    def _phase(self, scenario, names, groups):
        """Starts the targets, measures groups of cases, and stops the targets."""
        targets = []
        with contextlib.ExitStack() as stack:  # Whatever happens, every target is stopped.
            stack.callback(affinity, self.town.server_pids(), self.options.cpus)
            for name in names:
                try:
                    target = self._made(name, scenario)
                    stack.callback(target.stop)
                    target.start()
                    targets.append(target)
                except Missing as error:
                    self.left_out[f"{scenario.name}: {name}"] = str(error)
            for number, group in enumerate(groups):
                try:
                    self._group(scenario, targets, group, f"{names[-1]}.{number}")
                except Missing as error:
                    self.left_out[scenario.name] = str(error)

    def _group(self, scenario, targets, group, phase):
        units = [(target, case) for case in group for target in targets
                 if target.name.startswith("sluice-") or case.get("setting", "plain") == "plain"]
        if scenario.tool not in loads.TIMED:
            for turn in range(self.rounds_of(scenario)):
                for target, case in units:
                    self._count_memory(scenario, target, case, f"{phase}.{turn}")
            return
        units = [(target, _with_rate(case, self._peak(scenario, targets, case))) for target, case in units]
        for target, case in units:
            self._timed(scenario, target, case, None)  # Pools and caches fill up.
        for turn in range(self.rounds_of(scenario)):
            self.spins.append(facts.spin_s())
            with busy.Others() as others:
                for target, case in ratios.alternate(units, turn):
                    self._timed(scenario, target, case, f"{phase}.{turn}")
            self.busy.setdefault(scenario.name, []).append(others.share)
        for target, case in units:
            check_churn([run for run in self.runs if run["scenario"] == scenario.name and run["target"] == target.name])
            self._counted(scenario, target, case, phase)

    def _peak(self, scenario, targets, case):
        """What no hop at all reaches in a closed loop, if the case asks for a share of it."""
        if "rate_of_direct" not in case:
            return None
        key = (scenario.name, case["connections"])
        if key not in self.peaks:
            closed = {name: value for name, value in case.items() if name != "rate_of_direct"}
            place = next((target for target in targets if target.name == "direct"), targets[0]).place(scenario, closed)
            self.peaks[key] = loads.own(place, scenario, closed, 1.0)["requests_per_s"]
        return self.peaks[key]

    def _load(self, scenario):
        """wrk counts in whole seconds, too long for a quick look: our own load stands in for it there."""
        return loads.TIMED["own" if self.options.quick and scenario.tool == "wrk" else scenario.tool]

    def _prepare(self, target, case):
        if "cpus" in case:
            affinity([*self.town.server_pids(), *target.pids()], set(sorted(self.options.cpus)[:case["cpus"]]))
        target.prepare(case)

    def _timed(self, scenario, target, case, turn):
        """One run; `turn` None: a warm-up, which is dropped."""
        self.progress.begins(scenario, target.name, case)
        self._prepare(target, case)
        place = target.place(scenario, case)
        if turn is None and scenario.tool in loads.CHECKS:
            loads.CHECKS[scenario.tool](place)
        before, began = target.counters(case), time.monotonic()
        with meter.Meter(target.pids(), self.town.server_pids()) as cost:
            result = self._load(scenario)(place, scenario, case, self.options.seconds if turn else min(0.5, self.options.seconds))
        if turn:
            costs = cost.per_request(result["requests"])
            costs |= {name: count - before[name] for name, count in target.counters(case).items()}
            if before:
                costs["changed_s"] = time.monotonic() - began
            self.runs.append({"scenario": scenario.name, "target": target.name, "case": _told(case), "turn": turn, **result, **costs})
        self.progress.done(result)

    def _counted(self, scenario, target, case, phase):
        """What counting slows down, in a run that is not timed; memory at its end."""
        self.progress.begins(scenario, target.name, case)
        found, pids = {}, target.pids()
        if pids and "attack" not in case:  # An attacker's system calls are nobody's requests'.
            self._prepare(target, case)
            with meter.Counters(pids, target.bpf_holder_pid) as counters:
                result = self._load(scenario)(target.place(scenario, case), scenario, case, min(COUNTED_S, self.options.seconds))
            found = counters.per_request(result["requests"])
            found |= {"pss_mib": meter.proportional_bytes(pids) / (1 << 20), **target.memory(case)}
            for what, why in counters.unavailable.items():
                self.left_out[what] = why
        if found:
            self.runs.append({"scenario": scenario.name, "target": target.name, "case": _told(case), "turn": f"{phase}.counted", **found})
        self.progress.done(found)

    def _count_memory(self, scenario, target, case, turn):
        self.progress.begins(scenario, target.name, case)
        place = target.place(scenario, case)
        if scenario.tool == "unread":
            found = memory.unread(self.town, place)
        elif not target.pids():
            found = {}
        else:
            found = memory.hold(target, place, scenario, case)
        if found:
            self.runs.append({"scenario": scenario.name, "target": target.name, "case": _told(case), "turn": turn, **found})
        self.progress.done(found)


def _with_rate(case, peak):
    return case if peak is None else {**case, "rate_per_s": max(1, round(peak * case["rate_of_direct"]))}


def _told(case):
    """A case as the scenario's file names it: a rate that follows from a share is left to the run's own figures."""
    return {key: value for key, value in case.items() if not (key == "rate_per_s" and "rate_of_direct" in case)}


def check_needs():
    """What a run needs of this machine; says how to mend it."""
    for name in ("sluicectl", "sluice-bench-server", "sluice-bench-load"):
        loads.program(name)
    if os.geteuid() != 0:
        raise BenchError("needs root: it makes network namespaces and starts a mesh; use sudo, or --target URL, which does not")
