"""Small charts as SVG text: no script, no font or style from elsewhere. Readable on light and dark pages. Pure."""
import html
import math

WIDTH, LEFT, RIGHT, ROW = 720, 150, 110, 26
PALETTE = {"direct": "#7a7a7a", "sluice-full": "#0b7a75", "sluice-off": "#58b4ae", "haproxy": "#c98a1b", "nginx": "#5b8c3a", "envoy": "#a4508b"}
OTHER = "#4a6fa5"
STYLE = "font-family:system-ui,sans-serif;font-size:12px;fill:#808080"


def colour(target):
    return PALETTE.get(target, OTHER)


def _text(x, y, text, anchor="start", extra=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" style="{STYLE}{extra}">{html.escape(str(text))}</text>'


def _document(height, parts, title):
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{html.escape(title)}">'
            + "".join(parts) + "</svg>")


def bar_chart(title, rows, unit="", mark=None):
    """`rows`: [(target, value, low, high)]; low and high None: no interval. `mark`: a line at this value."""
    largest = max([value if high is None else high for _, value, _, high in rows] + [mark or 0]) or 1
    scale, height = (WIDTH - LEFT - RIGHT) / largest, 34 + ROW * len(rows) + 8
    parts = [_text(0, 16, title, extra=";font-weight:600")]
    for number, (target, value, low, high) in enumerate(rows):
        y = 30 + ROW * number
        parts += [_text(LEFT - 8, y + 14, target, "end"),
                  f'<rect x="{LEFT}" y="{y}" width="{max(value * scale, 0.5):.1f}" height="18" rx="2" fill="{colour(target)}"/>']
        end = value
        if low is not None and high is not None and high > low:
            end = max(end, high)
            x1, x2, middle = LEFT + low * scale, LEFT + high * scale, y + 9
            parts.append(f'<path d="M{x1:.1f} {middle - 4}v8M{x1:.1f} {middle}H{x2:.1f}M{x2:.1f} {middle - 4}v8" stroke="#202020" fill="none"/>')
        parts.append(_text(LEFT + end * scale + 8, y + 14, f"{number_text(value)} {unit}".strip()))
    if mark is not None:
        x = LEFT + mark * scale
        parts.append(f'<path d="M{x:.1f} 26V{height - 6}" stroke="#808080" stroke-dasharray="4 3"/>')
    return _document(height, parts, title)


def stacked_chart(title, rows, names, unit):
    """`rows`: [(target, [part, ...])]; the first part has the target's colour, each further one is paler."""
    largest = max(sum(parts) for _, parts in rows) or 1
    scale, height = (WIDTH - LEFT - RIGHT) / largest, 34 + ROW * len(rows) + 8
    drawn = [_text(0, 16, f"{title} ({' + '.join(names)})", extra=";font-weight:600")]
    for number, (target, parts) in enumerate(rows):
        x, y = float(LEFT), 30 + ROW * number
        drawn.append(_text(LEFT - 8, y + 14, target, "end"))
        for index, part in enumerate(parts):
            width = max(part * scale, 0)
            drawn.append(f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="18" fill="{colour(target)}" opacity="{0.7 ** index:.2f}"/>')
            x += width
        drawn.append(_text(x + 8, y + 14, f"{number_text(sum(parts))} {unit}"))
    return _document(height, drawn, title)


def curve_chart(title, curves, unit):
    """Latency by percentile, both axes by their logarithm: `curves` {target: {percent: value}}."""
    height, top, bottom, legend, left = 330, 30, 290, 130, 72
    plot = WIDTH - left - legend
    percents = sorted({percent for curve in curves.values() for percent in curve})
    values = [value for curve in curves.values() for value in curve.values() if value > 0]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)) + 1e-9)
    nines = {percent: -math.log10(1 - percent / 100) for percent in percents}

    def x_of(percent):
        return left + plot * (nines[percent] - nines[percents[0]]) / max(nines[percents[-1]] - nines[percents[0]], 1e-9)

    def y_of(value):
        return bottom - (bottom - top) * (math.log10(max(value, 10 ** low)) - low) / max(high - low, 1)

    parts = [_text(0, 16, title, extra=";font-weight:600")]
    for power in range(low, high + 1):
        y = y_of(10 ** power)
        parts += [f'<path d="M{left} {y:.1f}H{left + plot}" stroke="#808080" opacity="0.3"/>', _text(left - 6, y + 4, f"{number_text(10 ** power)} {unit}", "end")]
    for percent in percents:
        parts.append(_text(x_of(percent), bottom + 18, f"p{percent:g}", "middle", ";font-size:10px"))
    for number, (target, curve) in enumerate(curves.items()):
        points = " ".join(f"{x_of(percent):.1f},{y_of(value):.1f}" for percent, value in sorted(curve.items()))
        y = top + 12 + 20 * number
        parts += [f'<polyline points="{points}" fill="none" stroke="{colour(target)}" stroke-width="2"/>',
                  f'<rect x="{left + 15 + plot}" y="{y - 9}" width="12" height="12" fill="{colour(target)}"/>', _text(left + 33 + plot, y + 1, target)]
    return _document(height, parts, title)


def number_text(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
