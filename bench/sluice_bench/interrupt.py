"""Ctrl-C that leaves nothing behind, at whatever moment.

The work is done in a child that is not in the terminal's process group, so Ctrl-C reaches only us and not the mesh and
the proxies at the same moment as their starter. We pass it on once; the child then stops them in order. If we are
killed, the kernel tells the child. What the child did not come to stop or remove is found by what everything of a run
has in common: the child's session, and one folder that every temporary file lies in.
"""
import ctypes
import os
import shutil
import signal
import sys
import tempfile

from . import busy

PR_SET_PDEATHSIG = 1
INTERRUPTED = 130
PASSED_ON = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}


def _interrupt(*_):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # Once is enough; the second would hit the cleaning up.
    raise KeyboardInterrupt


def _child(work, parent, folder):
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    code = INTERRUPTED
    try:
        signal.signal(signal.SIGTERM, _interrupt)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, PASSED_ON)
        if os.getppid() == parent:
            code = work()
    except KeyboardInterrupt:
        print("\nsluice-bench: interrupted; everything it started is stopped", file=sys.stderr)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        if os.getppid() != parent:  # Killed; nobody else will.
            shutil.rmtree(folder, ignore_errors=True)
    return code


def _run_child(work, parent, folder):
    code = 1
    try:
        os.environ["TMPDIR"] = tempfile.tempdir = folder
        code = _child(work, parent, folder)
    except SystemExit as leave:
        code = leave.code if isinstance(leave.code, int) else 1 if leave.code else 0
    except BaseException:  # A fault of ours: tell it, and never return into the parent's code.
        import traceback
        traceback.print_exc()
    finally:
        os._exit(code)


def shielded(work):
    """The exit code of `work`, which runs in a child; its temporary files are gone afterwards, and so are its processes."""
    sys.stdout.flush()
    signal.pthread_sigmask(signal.SIG_BLOCK, PASSED_ON)  # Until there is somebody to pass it on to.
    folder = tempfile.mkdtemp(prefix="sluice-bench-")
    os.chmod(folder, 0o755)  # Servers drop their privileges.
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        _run_child(work, parent, folder)
    for number in PASSED_ON:
        signal.signal(number, lambda *_: _pass_on(pid))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, PASSED_ON)
    _, status = os.waitpid(pid, 0)
    for left in busy.of_session(pid):
        _kill(left, signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)
    return os.waitstatus_to_exitcode(status)


def _pass_on(pid):
    print("\nsluice-bench: stopping", file=sys.stderr)
    _kill(pid, signal.SIGTERM)


def _kill(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass
