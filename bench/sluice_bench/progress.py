"""How far a long run is: a bar on a terminal, a line for each scenario and case elsewhere. On standard error."""
import sys
import time

from .scenario import INTERLEAVED

WIDTH = 28


class Progress:
    def __init__(self, total, stream=sys.stderr):
        self.total, self.stream, self.finished = max(total, 1), stream, 0
        self.began, self.is_terminal, self.shown = time.monotonic(), stream.isatty(), None

    def begins(self, scenario, target, case):
        where = " ".join(f"{key} {value}" for key, value in case.items())
        self.text = f"{scenario.name} {where} {target}".replace("  ", " ")
        # Cases that take turns are one line together.
        group = " ".join(f"{key} {value}" for key, value in case.items() if key not in INTERLEAVED)
        if not self.is_terminal and self.shown != (scenario.name, group):
            self.shown = (scenario.name, group)
            print(f"# {self.clock()} {scenario.name} {group}".rstrip(), file=self.stream, flush=True)
        self.draw()

    def done(self, _result):
        self.finished += 1
        self.draw()

    def clock(self):
        seconds = int(time.monotonic() - self.began)
        return f"{seconds // 60}:{seconds % 60:02}"

    def draw(self):
        if not self.is_terminal:
            return
        share = min(1.0, self.finished / self.total)
        left = (time.monotonic() - self.began) * (1 / share - 1) if self.finished > 3 else None
        rest = f", about {int(left) // 60}:{int(left) % 60:02} left" if left is not None else ""
        filled = round(share * WIDTH)
        self.stream.write(f"\r\033[K[{'#' * filled}{'.' * (WIDTH - filled)}] {self.clock()}{rest}  {self.text}")
        self.stream.flush()

    def end(self):
        if self.is_terminal:
            self.stream.write("\r\033[K")
            self.stream.flush()
