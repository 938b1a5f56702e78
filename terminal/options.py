"""What a trader can set, one line each: the settings dialog, the settings file and the command line's defaults follow from this list.

An option is read where it acts, by its name; nothing here knows who reads it.
"""

from __future__ import annotations

from engine.core.options import Option

DEMO_WATCH = (
    "NSE:RELIANCE",
    "NSE:TCS",
    "NSE:HDFCBANK",
    "NSE:INFY",
    "NSE:ICICIBANK",
    "NSE:SBIN",
    "NSE:BHARTIARTL",
    "NSE:ITC",
    "NSE:LT",
    "NSE:AXISBANK",
    "NSE:MARUTI",
    "NSE:SUNPHARMA",
)

TRADING, ALERTS, APPEARANCE, KEYS, API, DATA = "Trading", "Alerts", "Appearance", "Keys", "API", "Data"
CHANNELS = ("window", "sound", "desktop", "remote")
"""Tabs of the dialog, tables of the file."""

OPTIONS: tuple[Option, ...] = (
    Option("capital", 1_000_000.0, "Money the paper account starts with", low=1_000.0, high=1e12, unit="rupees", section=TRADING),
    Option("broker", "simulated", "Where orders go", choices=("simulated", "paper", "zerodha"), section=TRADING),
    Option("api_key", "", "API key of your Kite Connect app; its secret lies in the keyring", section=TRADING),
    Option("charges", "zerodha", "Schedule of charges put on each fill", choices=("zerodha", "none"), section=TRADING),
    Option(
        "market_seed",
        1,
        "Seed of the generated market",
        low=0,
        high=2**31,
        section=TRADING,
    ),
    Option(
        "square_off_early",
        10.0,
        "How long before the broker's own square-off MIS positions are closed",
        low=0.0,
        high=120.0,
        unit="minutes",
        section=TRADING,
    ),
    Option("watch", DEMO_WATCH, "Symbols of the market watch", section=TRADING),
    Option("demo_strategy", True, "Add an EMA crossover on the first start, to see something trade", section=TRADING),
    Option("alert_info", ("window",), "Where alerts that only inform go", choices=CHANNELS, section=ALERTS),
    Option("alert_warning", ("window", "sound"), "Where warnings go", choices=CHANNELS, section=ALERTS),
    Option("alert_critical", CHANNELS, "Where alarms go, which must be acknowledged", choices=CHANNELS, section=ALERTS),
    Option(
        "alert_repeat_s",
        60,
        "An alarm that nobody has acknowledged is repeated every; 0 = never",
        low=0,
        high=3_600,
        unit="seconds",
        section=ALERTS,
    ),
    Option("theme", "dark", "Colours of the window", choices=("dark", "light"), section=APPEARANCE),
    Option("font_size", 10, "Size of the text", low=7, high=24, unit="points", section=APPEARANCE),
    Option("lock_layout", False, "Keep panels from being moved by accident", section=APPEARANCE),
    Option("keymap", "shikra", "Set of keys to begin with", choices=("shikra", "nest", "metatrader"), section=KEYS),
    Option("hold_ms", 800, "How long kill and flatten must be held", low=300, high=3000, unit="milliseconds", section=KEYS),
    Option("api", False, "Let scripts of yours drive strategies over the REST API, on this computer alone", section=API),
    Option("api_port", 8050, "Port of the REST API", low=1024, high=65_535, section=API),
    Option("login_port", 8711, "Port of the redirect URL that is registered for the Kite app", low=1024, high=65_535, section=DATA),
    Option("kite_root", "", "Address of Kite's REST API; empty is Kite's own", section=DATA),
    Option("kite_ws_root", "", "Address of Kite's feed; empty is Kite's own", section=DATA),
    Option("database", "", "Database URL; empty keeps a file in the data folder", section=DATA),
    Option("log_level", "info", "How much the log file tells", choices=("debug", "info", "warning", "error"), section=DATA),
)


def sections() -> dict[str, list[Option]]:
    """Group the options by section, in order."""
    grouped: dict[str, list[Option]] = {}
    for option in OPTIONS:
        grouped.setdefault(option.section, []).append(option)
    return grouped
