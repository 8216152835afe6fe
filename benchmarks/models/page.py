"""The report as one HTML file that needs no network: plotly's script is in it."""

from __future__ import annotations

from html import escape

from plotly import graph_objects, offline

from benchmarks.models.catalogue import ROWS
from benchmarks.models.charts import COLOURS, FULL, Panel, panels_of
from benchmarks.models.findings import better_choices, promises
from benchmarks.models.results import OTHERS_LIMIT, Outcome, Results
from benchmarks.models.summary import Line, lines_of

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1180px; margin: 2em auto; padding: 0 1em; color: #222 }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 14px }
td, th { padding: .2em .9em .2em 0; text-align: right; border-bottom: 1px solid #e4e0d8; white-space: nowrap }
td:first-child, th:first-child { text-align: left }
tr.ours { font-weight: 600; color: #1f6f8b } .dim { color: #777; font-size: 13px } .void { color: #b2532a }
.wide { overflow-x: auto }
"""
_HEADS = (
    "width", "{unit}s a second", "seconds", "quartiles", "efficiency", "cores used", "memory, MB", "processes",
    "lag, median", "lag, 99th percentile", "main process, µs a {unit}", "server's share of a core",
)  # fmt: skip


def html_of(results: Results) -> str:
    """Return the page."""
    parts = [f"<h1>Threads, processes or coroutines?</h1><p class=dim>{escape(results.machine)}<br>"]
    parts.append(
        f"<code>{escape(results.command)}</code>, {results.runs} interleaved runs, {results.seconds:.0f} s<br>"
    )
    parts.append(f"Memory: {escape(results.memory)}.</p>")
    panels = panels_of(results)
    if panels:
        parts.append("<h2>Who crawls fastest, and where</h2>")
        parts.append(f"<script>{offline.get_plotlyjs()}</script>")
        parts += [_figure(panel) for panel in panels]
    if choices := better_choices(results):
        parts.append("<h2>Where another model is the better choice</h2><ul>")
        parts += [f"<li>{escape(choice)}</li>" for choice in choices] + ["</ul>"]
    if kept := promises(results):
        parts.append("<h2>What the crawler should reach</h2><table>")
        for promise in kept:
            said = "kept" if promise.is_kept else "<span class=void>missed</span>"
            parts.append(f"<tr><td>{escape(promise.what)}<td>{escape(promise.measured)}<td>{said}")
        parts.append("</table>")
    parts += [_section(outcome, results.cores) for outcome in results.outcomes]
    title = "<!doctype html><html lang=en><meta charset=utf-8><title>Models of concurrency</title>"
    return f"{title}<style>{_STYLE}</style>{''.join(parts)}</html>\n"


def _figure(panel: Panel) -> str:
    texts = [[text.replace("\n", "<br>") for text in row] for row in panel.texts]
    heat = graph_objects.Heatmap(
        z=panel.colours, x=panel.latencies, y=panel.cpus, text=texts, texttemplate="%{text}", zmin=-1, zmax=1,
        colorscale=[list(each) for each in COLOURS], xgap=2, ygap=2,
        hovertemplate="latency %{x}, CPU %{y}<br>%{text}<extra></extra>",
        colorbar={
            "title": "crawler beside<br>the best other", "tickvals": [-1, 0, 1],
            "ticktext": [f"{1 / FULL:g} ×", "level", f"{FULL:g} ×"],
        },
    )  # fmt: skip
    figure = graph_objects.Figure(heat)
    figure.update_layout(
        title=f"{panel.concurrency} requests in flight", height=180 + 85 * len(panel.cpus),
        xaxis={"title": "latency of the server", "type": "category"},
        yaxis={"title": "CPU time of a page", "type": "category"},
        margin={"t": 50, "l": 90}, template="plotly_white",
    )  # fmt: skip
    return str(figure.to_html(full_html=False, include_plotlyjs=False, config={"displaylogo": False}))


def _section(outcome: Outcome, cores: int) -> str:
    heads = "".join(f"<th>{head.format(unit=outcome.unit)}" for head in _HEADS)
    rows = "".join(_row(line, cores) for line in lines_of(outcome, cores))
    cpu = f", {outcome.cpu * 1000:.2f} ms of CPU a {outcome.unit}" if outcome.cpu else ""
    flight = f", {outcome.concurrency:,} in flight at most" if outcome.concurrency else ""
    notes = [f"<p class=void>Other work on this machine took {outcome.others:.1f} cores meanwhile."]
    notes = notes if outcome.others > OTHERS_LIMIT else []
    notes += [f"<p class=void>{escape(ROWS[row].title)}: void: {escape(why)}" for row, why in outcome.void.items()]
    notes += [f"<p class=dim>{escape(ROWS[row].title)}: {escape(why)}" for row, why in outcome.missing.items()]
    notes += [f"<p class=dim>{escape(ROWS[row].title)}: on {escape(name)}" for row, name in outcome.elsewhere.items()]
    tried = ", ".join(f"{width} {family}: {rate:,.0f} a second" for family, width, rate in outcome.tuning)
    notes += [f"<p class=dim>Tried: {tried}"] if tried else []
    title = f"<h2 id={outcome.name}>{escape(outcome.name)}: {escape(outcome.title)}{cpu}{flight}</h2>"
    return f"{title}<div class=wide><table><tr><th>{heads}{rows}</table></div>{''.join(notes)}"


def _row(line: Line, cores: int) -> str:
    values = (
        ROWS[line.row].title, f"{line.width:,}", f"{line.rate:,.1f}", f"{line.seconds.median:.3f}",
        f"{line.seconds.low:.3f} to {line.seconds.high:.3f}",
        "" if line.efficiency is None else f"{line.efficiency:.2f}",
        f"{line.utilisation * cores:.2f}", f"{line.memory_bytes / 1e6:.1f}", str(line.processes),
        f"{line.lag_p50 * 1000:.2f} ms", f"{line.lag_p99 * 1000:.1f} ms", f"{line.main_cpu_a_job * 1e6:,.1f}",
        f"{line.server_share:.0%}" + (" (too much)" if line.is_server_bound else ""),
    )  # fmt: skip
    kind = " class=ours" if line.row.startswith("crawler") else ""
    return f"<tr{kind}>" + "".join(f"<td>{escape(value)}" for value in values)
