"""What may be typed after `shikra`: no word opens the window; run, backtest, optimise, import, doctor and kill do one thing and end.

Every mistake is one sentence that says what was expected, and the exit code is 2.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from typing import Any, NoReturn

from engine.core.errors import InvalidOption, did_you_mean

COMMANDS = ("run", "backtest", "optimise", "import", "doctor", "kill", "journal", "backup")
PRODUCTS = ("MIS", "CNC", "NRML")
CHARGES = ("zerodha", "none")


class Parser(argparse.ArgumentParser):
    """An argument parser that raises InvalidOption instead of printing a page of usage."""

    def error(self, message: str) -> NoReturn:
        """Raise the sentence; a word that is none of the choices is told with the nearest."""
        wrong = re.fullmatch(r"argument (.+): invalid choice: '(.*)' \(choose from (.*)\)", message)
        if wrong is not None:
            what, word, choices = wrong.groups()
            known = re.findall(r"[^ ,']+", choices)
            raise InvalidOption(f'Unknown {what} "{word}"{did_you_mean(word, known)}')
        raise InvalidOption(f"{message[:1].upper()}{message[1:]}; `{self.prog} --help` lists what there is.")

    def parse(self, words: Sequence[str]) -> argparse.Namespace:
        """Parse all words; an unknown one is refused with the nearest known."""
        arguments, unknown = self.parse_known_args(words)
        if unknown:
            known = set(self.spoken(getattr(arguments, "command", None)))
            name = unknown[0].partition("=")[0]
            raise InvalidOption(f'Unknown argument "{name}"{did_you_mean(name, known)}')
        return arguments

    def spoken(self, command: str | None) -> list[str]:
        """List the option names that make sense here."""
        names = [name for item in self._actions for name in item.option_strings]
        for item in self._actions:
            if isinstance(item, argparse._SubParsersAction) and command in item.choices:
                names += item.choices[command].spoken(None)
        return names


def speed(text: str) -> float:
    """Read `max` as 0 (as fast as it can), else a factor of real time above 0, at most 100,000."""
    if text == "max":
        return 0.0
    try:
        factor = float(text)
    except ValueError:
        factor = 0.0
    if not 0.0 < factor <= 100_000.0:
        raise argparse.ArgumentTypeError(f'expected "max" or a factor above 0 up to 100000, was "{text}"')
    return factor


def words(text: str) -> tuple[str, ...]:
    """Read a list with commas."""
    return tuple(word.strip().upper() for word in text.split(",") if word.strip())


class Symbols(argparse.Action):
    """Puts the words of `--symbols A,B C` in one row."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: str | None = None) -> None:
        """Keep them on the namespace."""
        setattr(namespace, self.dest, tuple(word for each in values for word in each))


def pair(text: str) -> tuple[str, str]:
    """Read `name=value`."""
    name, equals, value = text.partition("=")
    if not equals or not name.strip() or not value.strip():
        raise argparse.ArgumentTypeError(f'expected name=value, was "{text}"')
    return name.strip(), value.strip()


def parser(version: str) -> Parser:
    """Make the parser of the whole command line."""
    top = Parser(prog="shikra", description="A desktop trading terminal for Indian markets.", allow_abbrev=False)
    _everywhere(top, None)
    top.add_argument("--version", action="version", version=f"shikra {version}")
    top.add_argument("--headless", action="store_true", help="trade without a window, with a status on the console")
    top.add_argument("--smoke", action="store_true", help="start, buy and sell one share on the simulated market, exit 0")
    top.add_argument("--live", action="store_true", help="trade with real money, where the broker is one; without it on paper")
    top.add_argument("--api", action="store_true", help="let the REST API answer, too")
    top.add_argument("--replay", metavar="FILE", help="trade on the bars or ticks of a file instead of a generated market")
    top.add_argument("--speed", type=speed, default=None, help="speed of the replay: max, or times real time (default 60)")
    top.add_argument("--symbols", type=words, default=(), help="symbols to replay (default: all of the file)")
    commands = top.add_subparsers(dest="command", metavar="command", parser_class=Parser)
    _run(commands.add_parser("run", help="run a strategy on paper to the end of a file and print what it did", allow_abbrev=False))
    _backtest(commands.add_parser("backtest", help="test a strategy on the bars of a file, with a report", allow_abbrev=False))
    _optimise(commands.add_parser("optimise", help="search for parameters, and judge what was found", allow_abbrev=False))
    _import(commands.add_parser("import", help="take history, or a broker's tradebook, from files", allow_abbrev=False))
    _doctor(commands.add_parser("doctor", help="say what is installed, what is missing and where the data lies", allow_abbrev=False))
    _serve(commands.add_parser("serve", help="trade without a window, driven over the REST API", allow_abbrev=False))
    _token(commands.add_parser("token", help="print a token of the REST API", allow_abbrev=False))
    _login(commands.add_parser("login", help="log in at Zerodha, or out", allow_abbrev=False))
    _kill(commands.add_parser("kill", help="stop a running terminal, or one that hangs, and cancel its orders", allow_abbrev=False))
    _journal(commands.add_parser("journal", help="show, prove or use the order journal", allow_abbrev=False))
    _backup(commands.add_parser("backup", help="list, make or put back copies of the database", allow_abbrev=False))
    return top


def _everywhere(target: Parser, default: Any) -> None:
    target.add_argument("--data-dir", metavar="DIR", default=default, help="folder that everything is kept in (or SHIKRA_HOME)")


def _run(target: Parser) -> None:
    _everywhere(target, argparse.SUPPRESS)
    _strategy(target)
    target.add_argument("--broker", default="simulated", metavar="NAME", help="simulated")
    target.add_argument("--replay", required=True, metavar="FILE", help="bars or ticks: CSV, Parquet or zip")
    target.add_argument("--speed", type=speed, default=0.0, help="max (default), or times real time")
    friction(target)
    target.add_argument("--resume", action="store_true", help="go on where the same run was cut off")


def _backtest(target: Parser) -> None:
    _everywhere(target, argparse.SUPPRESS)
    _strategy(target)
    _history(target)
    target.add_argument("--benchmark", type=str.upper, default=None, metavar="SYMBOL", help="symbol of the file to compare with")
    target.add_argument("--report", default=None, metavar="FILE.html", help="write a page with charts, trades and all figures")
    target.add_argument("--check-look-ahead", action="store_true", help="first look whether the strategy knows what is still to come")


def _optimise(target: Parser) -> None:
    _everywhere(target, argparse.SUPPRESS)
    _strategy(target)
    _history(target)
    target.set_defaults(benchmark=None)
    target.add_argument(
        "--grid", type=pair, action="append", default=[], metavar="K=5:25:1", help="values to try: start:stop:step, stop left out, or a,b,c"
    )
    target.add_argument("--objective", default="sharpe", metavar="METRIC", help="what is to be the best it can (default sharpe)")
    target.add_argument("--objective2", default=None, metavar="METRIC", help="a second one, for --method nsga2, random or grid")
    target.add_argument("--method", default="grid", metavar="grid|random|tpe|nsga2", help="how to search (default grid: everything)")
    target.add_argument("--trials", type=int, default=None, metavar="N", help="how many to try, where not everything is")
    target.add_argument("--seed", type=int, default=0, metavar="N", help="the same seed makes the same choices (default 0)")
    target.add_argument("--walk-forward", default=None, metavar="60d/20d[:anchored]", help="learn on 60 days, trade the 20 after, move on")
    target.add_argument(
        "--workers", type=int, default=None, metavar="N", help="threads, or processes for plain Python (default: all cores)"
    )
    target.add_argument("--scheduler", default=None, metavar="tcp://HOST:8786", help="spread it over the machines of a Dask cluster")
    target.add_argument("--study", default=None, metavar="NAME", help="name it is kept under")
    target.add_argument("--resume", action="store_true", help="go on with what was cut off: that study, or the last of the same words")
    target.add_argument("--yes", action="store_true", help="try a grid of more than ten million combinations without being asked")


def _history(target: Parser) -> None:
    """Add what is asked of every command that tests on bars of a file."""
    target.add_argument("--data", required=True, metavar="FILE", help="bars or ticks: CSV, Parquet or zip")
    friction(target)
    target.add_argument(
        "--repair",
        action="append",
        default=[],
        metavar="RULE",
        help="mend damaged bars: drop, sort, first, last, fill, trim, shift, or for one kind of damage as in gaps=fill (default: refuse)",
    )


def friction(target: Parser) -> None:
    """Add what stands between a wish and its price."""
    target.add_argument("--touch", action="store_true", help="let a limit fill when its price is touched, not only traded through")
    target.add_argument("--slippage-bps", type=float, default=0.0, metavar="N", help="market orders and stops fill worse by N/100 %%")
    target.add_argument("--slippage-ticks", type=int, default=0, metavar="N", help="they fill worse by N ticks")
    target.add_argument("--half-spread-bps", type=float, default=0.0, metavar="N", help="half of the distance of bid and ask")
    target.add_argument("--participation", type=float, default=0.0, metavar="SHARE", help="share of a bar's volume, 0 to 1 (0 = no cap)")
    target.add_argument("--latency-bars", type=int, default=0, metavar="N", help="an order reaches the market N bars late")


def _strategy(target: Parser) -> None:
    """Add what is asked of every command that trades a strategy on a file."""
    target.add_argument("--strategy", required=True, metavar="NAME|FILE.py", help="template, for example ema_crossover, or a file of yours")
    target.add_argument(
        "--symbols", type=words, nargs="+", action=Symbols, default=(), metavar="A,B", help="symbols to trade (default: all of the file)"
    )
    target.add_argument("--param", type=pair, action="append", default=[], metavar="K=V", help="parameter of the strategy")
    target.add_argument("--risk", type=pair, action="append", default=[], metavar="K=V", help="risk limit, for example max_positions=3")
    target.add_argument(
        "--sizing",
        default=None,
        metavar="risk|kelly:F|fixed:N",
        help="how much an order is (default risk where --risk tells how much, else fixed:1)",
    )
    target.add_argument("--product", choices=PRODUCTS, default="MIS", help="how positions are carried (default MIS)")
    target.add_argument("--exit-after", type=float, default=0.0, metavar="MINUTES", help="close a position so long after it was opened")
    target.add_argument("--exit-at", default="", metavar="HH:MM", help="close all at that time of the day, and open nothing after it")
    target.add_argument("--charges", choices=CHARGES, default="zerodha", help="schedule of charges (default zerodha)")
    target.add_argument(
        "--interval", type=int, default=None, metavar="MINUTES", help="bar that decisions are made on (default: the file's own)"
    )
    target.add_argument("--capital", type=float, default=None, metavar="RUPEES", help="same as --risk capital=RUPEES")
    target.add_argument("--strict", action="store_true", help="refuse the file also for rows that are only odd")
    target.add_argument("--json", action="store_true", help="print JSON and nothing else")


def _import(target: Parser) -> None:
    _everywhere(target, argparse.SUPPRESS)
    target.add_argument("files", nargs="+", metavar="FILE", help="CSV (.gz), Parquet or zip; or a tradebook")
    target.add_argument("--symbol", metavar="SYMBOL", default=None, help="symbol of a file that names none, or the only one to take")
    target.add_argument("--statement", metavar="FILE", default=None, help="the broker's profit and loss, to compare a tradebook with")
    odd = target.add_mutually_exclusive_group()
    odd.add_argument("--strict", action="store_true", help="refuse a file also for rows that are only odd")
    odd.add_argument("--skip-bad", action="store_true", help="leave out rows that cannot be true, and take the rest")
    target.add_argument("--json", action="store_true", help="print JSON and nothing else")


def _doctor(target: Parser) -> None:
    _everywhere(target, argparse.SUPPRESS)
    target.add_argument("--json", action="store_true", help="print JSON and nothing else")


def _kill(target: Parser) -> None:
    _everywhere(target, argparse.SUPPRESS)
    target.add_argument("--flatten", action="store_true", help="close all positions, too")
    target.add_argument("--reason", metavar="TEXT", default="", help="why, for the journal and the screen")
    target.add_argument("--json", action="store_true", help="print JSON and nothing else")


def _login(target: Parser) -> None:
    _everywhere(target, argparse.SUPPRESS)
    target.add_argument("--api-key", metavar="KEY", default=None, help="API key of your Kite Connect app (remembered)")
    target.add_argument("--secret", action="store_true", help="ask for the API secret again")
    target.add_argument("--paste", action="store_true", help="open no browser; paste the address that one ended at")
    target.add_argument("--again", action="store_true", help="log in anew although today's session lives")
    target.add_argument("--out", action="store_true", help="log out")


def _serve(target: Parser) -> None:
    _everywhere(target, argparse.SUPPRESS)
    target.add_argument("--demo", action="store_true", help="on the demo market, sixty times as fast as a real one")
    target.add_argument("--arm-live", action="store_true", help="let real money be traded over the API until today's log-in ends")
    target.add_argument("--port", type=int, default=None, metavar="N", help="port (default 8050)")
    target.add_argument("--json", action="store_true", help="say where it answers as JSON")


def _token(target: Parser) -> None:
    _everywhere(target, argparse.SUPPRESS)
    target.add_argument("--scope", default="paper", metavar="read|paper|live", help="what it may do (default paper)")
    target.add_argument("--rotate", action="store_true", help="make another one; the old one is worth nothing any more")
    target.add_argument("--revoke", action="store_true", help="make every token worthless")


def _journal(target: Parser) -> None:
    _everywhere(target, argparse.SUPPRESS)
    target.add_argument(
        "what",
        choices=("verify", "show", "rebuild"),
        help="check every line against the chain, print the last ones, or hold orders, trades and positions against what the lines say",
    )
    target.add_argument("--apply", action="store_true", help="with rebuild: put right what differs, after a backup; no terminal may run")
    target.add_argument("--order", metavar="ID", default=None, help="only the lines of this order")
    target.add_argument("--kind", action="append", default=[], metavar="KIND", help="only lines of this kind, for example INTENT or KILL")
    target.add_argument("--limit", type=int, default=100, metavar="N", help="at most so many lines, the newest (default 100)")
    target.add_argument("--json", action="store_true", help="print one JSON object a line and nothing else")


def _backup(target: Parser) -> None:
    _everywhere(target, argparse.SUPPRESS)
    target.add_argument("what", choices=("list", "make", "restore"), help="what to do")
    target.add_argument("file", nargs="?", default=None, metavar="FILE", help="the copy to put back (default: the newest that is whole)")
    target.add_argument("--json", action="store_true", help="print JSON and nothing else")
