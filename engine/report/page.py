"""The page of a report: one file of HTML that needs no other, reads by day and by night, on a screen and on paper.

Nothing is loaded from outside; text that a user may have written is escaped; without a script all charts are there all the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from html import escape
from importlib.resources import files
from pathlib import Path

from engine.core.figures import in_lakhs
from engine.core.model import UNITS
from engine.core.registry import METRICS
from engine.report import charts
from engine.report.order import FIRST, in_groups
from engine.report.page_data import charted, script_data
from engine.report.report import Report
from engine.report.tables import HEADS, MONTHS, breakdowns, deepest_falls, monthly_returns
from engine.report.text import Cell, day, figure, gain, number, percent, rupees, table, tone, written

POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"


def write_page(report: Report, path: Path) -> None:
    """Write the page into a file."""
    path.write_text(page_of(report), encoding="utf-8")


def page_of(report: Report) -> str:
    """Return the whole page."""
    title = escape(f"{report.title} on {_names(report)}")
    body = "\n".join(_sections(report))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>
{_resource("page.css")}</style>
</head>
<body>
<main>
{body}
</main>
<script type="application/json" id="data">{script_data(report)}</script>
<script>
{_resource("page.js")}</script>
</body>
</html>
"""


def _resource(name: str) -> str:
    return (files("resources") / "report" / name).read_text(encoding="utf-8")


def _names(report: Report) -> str:
    symbols = report.symbols
    return ", ".join(symbols[:5]) + (f" and {len(symbols) - 5} more" if len(symbols) > 5 else "")


def _sections(report: Report) -> Iterator[str]:
    yield _head(report)
    yield _tiles(report)
    compared = f"; the dashed line is {escape(report.benchmark)}, held from the same start" if report.benchmark else ""
    yield _section(
        "Equity", charts.equity_chart(report.run, bool(report.benchmark)), f"After charges, over every bar{compared}.", "equity-note"
    )
    yield _section("Drawdown", charts.drawdown_chart(report.run) + _falls(report), "Below the highest equity so far.")
    yield _section("Months", _months(report), "Return of each month in percent.")
    if len(report.run.trades):
        yield _section(
            "Prices and trades", _prices(report), "Each line goes from entry to exit: green won, red lost, after charges.", "price-note"
        )
        yield _section("How far trades ran", _excursions(report))
        yield _section("Where it was won and lost", _breakdowns(report))
    yield _section("Costs", _costs(report))
    yield _section("All figures", _figures(report), _footnote())
    if len(report.run.trades):
        yield _section("Trades", _trade_list(report))
    yield _section("What was tested", _setup(report))
    yield f"<footer>Shikra {escape(report.version)}, data {report.fingerprint}</footer>"


def _section(title: str, body: str, note: str = "", name: str = "") -> str:
    told = f'<p class="note"{f" id={name}" if name else ""}>{note}</p>' if note or name else ""
    return f"<section><h2>{title}</h2>{told}{body}</section>"


def _head(report: Report) -> str:
    bars, terms = report.result.bars, report.terms
    days = len(report.run.daily_equity)
    facts = (
        f"{day(int(bars['time_ns'][0]))} to {day(int(bars['time_ns'][-1]))}",
        f"{days} trading day{'' if days == 1 else 's'}",
        f"{in_lakhs(len(bars))} bars",
        f"decisions every {terms['interval_minutes']:g} min" if "interval_minutes" in terms else "",
        f"capital {rupees(report.run.capital_units / UNITS, 0)}",
        *(str(terms[name]) for name in ("product", "sizing") if name in terms),
        f"charges {terms['charges']}" if "charges" in terms else "",
    )
    line = " · ".join(escape(fact) for fact in facts if fact)
    warning = f'<p class="warning">{escape(report.warning)}</p>' if report.warning else ""
    name = "" if report.strategy == report.title else f" <small>{escape(report.strategy)}</small>"
    named = f"<h1>{escape(report.title)}{name}</h1><p class='on'>{escape(_names(report))}</p>"
    return f"<header>{named}<p class='note'>{line}</p>{warning}</header>"


def _tiles(report: Report) -> str:
    tiles = []
    for first, second in FIRST:
        metric, below = METRICS.get(first), METRICS.get(second)
        value = report.metrics[first]
        kind = tone(value) if first in ("net_profit", "annual_return") else ""
        tiles.append(
            f'<div class="tile"><h3>{escape(metric.title)}</h3><b class="{kind}">{figure(metric, value)}</b>'
            f"<span>{escape(below.title)} {figure(below, report.metrics[second])}</span></div>"
        )
    return f'<div class="tiles">{"".join(tiles)}</div>'


def _falls(report: Report) -> str:
    found = deepest_falls(report.run)
    rows = [
        [
            written(fall.height),
            written(fall.lowest),
            written(fall.back) if fall.back else "not yet",
            f"{fall.days}",
            percent(fall.depth_pct),
        ]
        for fall in found
    ]
    note = "<p class='note'>The deepest of closing equity.</p>"
    return note + table(("From the height of", "Lowest on", "Back on", "Days", "Depth"), rows) if rows else ""


def _months(report: Report) -> str:
    found = monthly_returns(report.run)
    most = max((abs(value) for values in found.values() for value in values[:12] if math.isfinite(value)), default=0.0) or 1.0
    rows = []
    for year, values in found.items():
        cells = "".join(_month(value, most) for value in values[:12])
        rows.append(f'<tr><th>{year}</th>{cells}<td class="sum {tone(values[12])}">{percent(values[12])}</td></tr>')
    head = "".join(f"<th>{name}</th>" for name in ("", *MONTHS, "Year"))
    return f'<div class="wide"><table class="months"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def _month(value: float, most: float) -> str:
    if not math.isfinite(value):
        return "<td></td>"
    return f'<td class="heat {tone(value)}" style="--heat:{abs(value) / most:.2f}">{number(value)}</td>'


def _prices(report: Report) -> str:
    run, made = report.run, []
    for number_, instrument in enumerate(charted(report)):
        symbol = report.symbols[instrument]
        bars, trades = run.bars[run.bars["instrument"] == instrument], run.trades[run.trades["instrument"] == instrument]
        hidden = "" if number_ == 0 else " hidden"
        made.append(f'<figure class="prices" data-chart="{number_}"{hidden}>{charts.price_chart(bars, trades, symbol)}</figure>')
    options = "".join(f"<option value={number_}>{escape(report.symbols[k])}</option>" for number_, k in enumerate(charted(report)))
    choice = f'<select id="instrument" aria-label="Instrument">{options}</select>' if len(made) > 1 else ""
    left_out = len(report.symbols) - len(made)
    told = f"<p class='note'>{left_out} more instruments with fewer trades have no chart here.</p>" if left_out > 0 else ""
    buttons = "".join(f'<button data-zoom="{key}">{word}</button>' for key, word in (("in", "+"), ("out", "−"), ("all", "All")))
    return f'<div class="tools">{choice}<span id="zoom" hidden>{buttons}</span></div>{"".join(made)}{told}'


def _excursions(report: Report) -> str:
    trades, days = report.run.trades, report.run.daily_pnl
    shown = (
        ("Against the holder", "Largest loss while held, against net gain (MAE).", charts.excursion_chart(trades, "mae")),
        ("For the holder", "Largest gain while held, against net gain (MFE).", charts.excursion_chart(trades, "mfe")),
        ("Trades", "How many came out how large, in rupees after charges.", charts.spread_chart(trades["net"] / UNITS, "trades")),
        ("Days", "How many came out how large; days without a change are left out.", charts.spread_chart(days[days != 0] / UNITS, "days")),
    )
    return '<div class="pair">' + "".join(f'<div><h3>{a}</h3><p class="note">{b}</p>{c}</div>' for a, b, c in shown) + "</div>"


def _breakdowns(report: Report) -> str:
    made = []
    for what, parts in breakdowns(report.run.trades, report.symbols):
        rows: list[list[Cell]] = [
            [part.name, in_lakhs(part.trades), percent(part.win_rate, 1), gain(part.net, 0), gain(part.average), number(part.profit_factor)]
            for part in parts
        ]
        made.append(f"<div>{table((what, 'Trades', 'Won', 'Net', 'Average', 'Profit factor'), rows)}</div>")
    return f'<div class="pair">{"".join(made)}</div>'


def _costs(report: Report) -> str:
    total = sum(report.heads.values())
    gross = report.result.gross_units / UNITS
    rows: list[list[Cell]] = [
        [HEADS[head], rupees(value), percent(100 * value / total, 1) if total else "–"] for head, value in report.heads.items()
    ]
    rows.append([("All charges", "sum"), (rupees(total), "sum"), ""])
    rows.append(["Profit before charges", gain(gross), ""])
    rows.append(["Net profit", gain(gross - total), ""])
    friction = report.terms.get("friction") or {}
    told = ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in friction.items())
    besides = f"In the prices besides: {escape(told)}." if told else "No slippage or spread was asked for."
    return f"{table(('', 'Rupees', 'Share'), rows, 'narrow')}<p class='note'>{besides}</p>"


def _figures(report: Report) -> str:
    made = []
    for group, metrics in in_groups():
        rows = [[metric.title, figure(metric, report.metrics[metric.name])] for metric in metrics]
        made.append(f"<div><h3>{escape(group)}</h3>{table(('', ''), rows, 'plain')}</div>")
    return f'<div class="columns">{"".join(made)}</div>'


def _footnote() -> str:
    return (
        "Yearly figures take 252 trading days a year, of daily returns at closing equity, without a risk-free rate. "
        "A dash: too little to tell."
    )


def _trade_list(report: Report) -> str:
    kinds = (("all", "All trades"), ("won", "Winners"), ("lost", "Losers"), ("long", "Long"), ("short", "Short"))
    options = "".join(f"<option value={kind}>{words}</option>" for kind, words in kinds)
    return (
        f'<div class="tools"><select id="which" aria-label="Which trades">{options}</select><span id="pages"></span></div>'
        '<div class="wide"><table id="trades"><tbody></tbody></table></div>'
        f"<noscript><p class='note'>{len(report.run.trades)} trades; their list needs scripts to be allowed.</p></noscript>"
    )


def _setup(report: Report) -> str:
    parameters: list[list[Cell]] = [[name, f"{value:g}"] for name, value in report.parameters.items()]
    terms: list[list[Cell]] = []
    for name, value in report.terms.items():
        shown = (
            ", ".join(f"{key.replace('_', ' ')} {number_:g}" for key, number_ in value.items())
            if isinstance(value, dict)
            else _plain(value)
        )
        terms.append([name.replace("_", " ").capitalize(), shown or "none"])
    data: list[list[Cell]] = [["Source", report.source], ["Fingerprint", report.fingerprint], ["Engine", f"Shikra {report.version}"]]
    data += [["Benchmark", report.benchmark or "what was traded, in equal parts"], ["Replayed in", f"{report.result.run_s:.3f} s"]]
    data += [["Note", note] for note in report.notes] or [["Notes", "nothing odd was found in the bars"]]
    parts = (("Parameters", parameters or [["none", ""]]), ("Terms", terms), ("Data", data))
    return (
        '<div class="columns">'
        + "".join(f"<div><h3>{name}</h3>{table(('', ''), rows, 'plain words')}</div>" for name, rows in parts)
        + "</div>"
    )


def _plain(value: object) -> str:
    return number(value, 0 if value.is_integer() else 2) if isinstance(value, float) else str(value)
