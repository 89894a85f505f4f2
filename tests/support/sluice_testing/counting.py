"""Exact counts of what a process does: system calls (by the kernel's tracepoint) and heap calls (by preloading)."""
import ctypes
import mmap
import os
import shutil
import stat
import struct
import tempfile

from .mesh import programs_dir
from .network import run
from .servers import PROGRAMS_DIR

PERF_TYPE_TRACEPOINT = 2
PERF_EVENT_OPEN = 298  # x86_64
_libc = ctypes.CDLL(None, use_errno=True)


def _sys_enter_id():
    folder = tempfile.mkdtemp(prefix="sluice-test-tracefs-")
    try:
        run("mount", "-t", "tracefs", "tracefs", folder)
        try:
            with open(f"{folder}/events/raw_syscalls/sys_enter/id", encoding="ascii") as file:
                return int(file.read())
        finally:
            run("umount", folder)
    finally:
        os.rmdir(folder)


class SystemCallCount:
    """Counts the system calls of every thread that the process has now. Context manager; `read()` sums."""

    def __init__(self, pid):
        attributes = bytearray(128)
        struct.pack_into("IIQ", attributes, 0, PERF_TYPE_TRACEPOINT, len(attributes), _sys_enter_id())
        raw = (ctypes.c_char * len(attributes)).from_buffer(attributes)
        self.fds = []
        for task in os.listdir(f"/proc/{pid}/task"):
            fd = _libc.syscall(PERF_EVENT_OPEN, raw, int(task), -1, -1, 8)  # 8: close on exec.
            if fd < 0:
                raise OSError(ctypes.get_errno(), f"perf_event_open: {os.strerror(ctypes.get_errno())}")
            self.fds.append(fd)

    def read(self):
        return sum(struct.unpack("Q", os.read(fd, 8))[0] for fd in self.fds)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for fd in self.fds:
            os.close(fd)


class CountedPrograms:
    """A folder of the mesh's programs in which the proxy counts its heap calls. Context manager."""

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="sluice-test-bin-")
        os.chmod(self.folder, 0o755)
        for name in ("sluicectl", "sluice-agent", "sluice-controller"):
            shutil.copy2(os.path.join(programs_dir(), name), self.folder)
        library = os.path.join(self.folder, "count_allocations.so")
        run("cc", "-O2", "-Wall", "-shared", "-fPIC", "-o", library, os.path.join(PROGRAMS_DIR, "count_allocations.c"))
        self.count_path = os.path.join(self.folder, "count")
        with open(self.count_path, "wb") as file:
            file.write(b"\0" * 4096)
        os.chmod(self.count_path, 0o666)
        proxy = os.path.join(self.folder, "sluice-proxy")
        with open(proxy, "w", encoding="ascii") as file:
            file.write(f"#!/bin/sh\nexport LD_PRELOAD={library} SLUICE_ALLOCATION_COUNT_FILE={self.count_path}\n"
                       f'exec {os.path.join(programs_dir(), "sluice-proxy")} "$@"\n')
        os.chmod(proxy, os.stat(proxy).st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
        with open(self.count_path, "r+b") as file:
            self.page = mmap.mmap(file.fileno(), 4096)
        return self

    def allocations(self):
        return struct.unpack_from("Q", self.page)[0]

    def __exit__(self, *_):
        self.page.close()
        shutil.rmtree(self.folder, ignore_errors=True)
