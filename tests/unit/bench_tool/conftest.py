"""Makes the package of bench/ importable."""
import os
import sys

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
sys.path[:0] = [os.path.join(ROOT, "bench"), os.path.join(ROOT, "tests", "support")]
sys.dont_write_bytecode = True
os.environ.setdefault("SLUICE_BIN_DIR", os.path.join(ROOT, "build", "bin"))
