"""Fails on C++ and BPF sources that clang-format 14 would change; `./dev fmt` mends them."""

import concurrent.futures
import os
import shutil
import subprocess
import sys

import sources


def main():
    program = shutil.which("clang-format-14")
    if program is None:
        print("clang-format-14 is missing: ./dev setup")
        return 1
    listed = sources.files(*sources.CXX)

    def differs(path):
        done = subprocess.run([program, "--style=file", str(sources.ROOT / path)], stdout=subprocess.PIPE, check=True)
        return done.stdout != (sources.ROOT / path).read_bytes()

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        differing = [path for path, is_different in zip(listed, pool.map(differs, listed)) if is_different]
    for path in differing:
        print(f"{path}: not as clang-format writes it; run ./dev fmt")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
