"""Ctrl-C that leaves nothing behind.

The work is done in a child that is not in the terminal's process group, so Ctrl-C reaches only us and not the mesh and
the proxies at the same moment as their starter. We pass it on once; the child then stops them in order. If we are
killed, the kernel tells the child.
"""
import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
INTERRUPTED = 130


def _interrupt(*_):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # Once is enough; the second would hit the cleaning up.
    raise KeyboardInterrupt


def _child(work):
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _interrupt)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    code = INTERRUPTED
    try:
        code = work()
    except KeyboardInterrupt:
        print("\nsluice-bench: interrupted; everything it started is stopped", file=sys.stderr)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return code


def shielded(work):
    """The exit code of `work`, which runs in a child."""
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            code = _child(work)
        except SystemExit as leave:
            code = leave.code if isinstance(leave.code, int) else 1 if leave.code else 0
        except BaseException:  # A fault of ours: tell it, and never return into the parent's code.
            import traceback
            traceback.print_exc()
        finally:
            os._exit(code)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: _pass_on(pid))
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


def _pass_on(pid):
    print("\nsluice-bench: stopping", file=sys.stderr)
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        pass
