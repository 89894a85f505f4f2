"""What the audience sees: headings, a table that is refreshed in place on a terminal (plain lines elsewhere)."""

import sys

BAR_WIDTH = 40


class Screen:
    def __init__(self, is_plain):
        self.is_terminal = sys.stdout.isatty() and not is_plain
        self.drawn = 0

    def say(self, text=""):
        self.settle()
        print(text, flush=True)

    def heading(self, text):
        self.say()
        self.say(f"\033[1m{text}\033[0m" if self.is_terminal else text)

    def draw(self, lines):
        """Replaces what the last draw() has shown, until settle()."""
        if self.is_terminal and self.drawn:
            sys.stdout.write(f"\033[{self.drawn}F\033[J")
        sys.stdout.write("".join(line + "\n" for line in lines))
        sys.stdout.flush()
        self.drawn = len(lines)

    def settle(self):
        self.drawn = 0

    def bar(self, share, width=BAR_WIDTH):
        filled = round(max(0.0, min(1.0, share)) * width)
        full, empty = ("█", "░") if self.is_terminal else ("#", ".")
        return full * filled + empty * (width - filled)


def split_lines(screen, title, counts, rates, failed):
    """The live table: who got how many requests since the phase began."""
    total = sum(counts.values())
    lines = [f"  {title:<11} {'requests':>9}  {'now/s':>7}  share"]
    for name in ("shop-v1", "shop-v2"):
        share = counts.get(name, 0) / total if total else 0.0
        lines.append(f"  {name:<11} {counts.get(name, 0):>9}  {rates.get(name, 0):>7.0f}  "
                     f"{screen.bar(share)} {100 * share:5.1f} %")
    lines.append(f"  {'not 2xx':<11} {failed:>9}")
    return lines


def comparison_lines(screen, rows):
    """rows: [(name, report)], the first is what the others are compared with."""
    base = rows[0][1]["requests_per_s"]
    lines = [f"  {'':<30} {'requests/s':>10}  {'p50':>9}  {'p99':>9}  against no mesh"]
    for name, report in rows:
        ratio = report["requests_per_s"] / base
        lines.append(f"  {name:<30} {report['requests_per_s']:>10.0f}  {report['p50_ms']:>6.3f} ms  "
                     f"{report['p99_ms']:>6.2f} ms  {screen.bar(ratio, 25)} {ratio:4.2f}")
    return lines
