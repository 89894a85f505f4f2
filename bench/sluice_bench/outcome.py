"""What a result comes to: sentences to print, and the exit code of the tool. Pure.

Exit codes: FINE; WORSE, a bar is missed (--gate) or something is worse than the baseline (--compare); 2, the run failed; NO_VERDICT, what
was asked cannot be said, since nothing was measured or compared, or a bar of the gate has no verdict; 130, Ctrl-C.
"""
FINE, WORSE, FAILED, NO_VERDICT = 0, 1, 2, 3
QUIETLY = "stop what else runs on the machine and measure again, with more --rounds if it is quiet already"


def of_run(document, asked):
    """(sentences, code): scenarios that were asked for and in which nothing was measured."""
    measured = {run["scenario"] for run in document["runs"]}
    silent = [name for name in asked if name not in measured]
    why = {name: reason for what, reason in document["missing"].items() for name in [what.split(":")[0]]}
    return [f"nothing was measured in {name}: {why.get(name, 'none of the chosen targets is there')}" for name in silent], \
        NO_VERDICT if silent or not asked else FINE


def of_bars(document, is_gate):
    """(sentences, code): how many bars are met; with the gate every one has to be."""
    states = [verdict["state"] for verdict in document["verdicts"]]
    noisy = states.count("noisy")
    sentences = [f"{states.count('met')} of {len(states)} bars met, {states.count('missed')} missed, {noisy} without a verdict"
                 + (f" (too noisy: {QUIETLY})" if noisy else "")] if states else []
    if not is_gate or (states and set(states) == {"met"}):
        return sentences, FINE
    if "missed" in states:
        return sentences, WORSE
    return [*sentences, "the gate has no verdict: " + (f"{noisy} bars are without one" if states else "no bar was measured")], NO_VERDICT


def of_comparison(found, path):
    """(sentences, code) of a baseline.Comparison."""
    sentences = [f"worse than the baseline: {sentence}" for sentence in found.worse]
    sentences.append(f"compared {found.compared} of {found.total} ratios with {path}"
                     + (f"; {found.unknown} are not in it" if found.unknown else "") + (f"; {found.noisy} are too noisy" if found.noisy else ""))
    if found.doubt:
        sentences.append(f"the baseline itself is doubtful: {found.doubt}")
    if found.worse:
        return sentences, WORSE
    if not found.compared:
        mend = QUIETLY if found.noisy else "measure scenarios that it holds, or add these with --accept"
        return [*sentences, f"no verdict: nothing could be compared: {mend}"], NO_VERDICT
    return [*sentences, "nothing that was compared is worse"], FINE


def worst(codes):
    """WORSE is certain, so it goes before NO_VERDICT."""
    return next((code for code in (WORSE, NO_VERDICT) if code in codes), FINE)
