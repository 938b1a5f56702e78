"""In which order figures are read: the few that a trader looks at first, and then all of them, group by group.

A metric that is not named here is shown all the same, after the others of its group.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.core.registry import METRICS, Metric

FIRST = (
    ("net_profit", "total_return"),
    ("annual_return", "buy_and_hold"),
    ("sharpe", "sortino"),
    ("max_drawdown", "max_drawdown_rupees"),
    ("win_rate", "trades"),
    ("profit_factor", "expectancy"),
    ("charges", "charges_pct_of_gross"),
    ("exposure_time", "trades_per_day"),
)
"""Tiles at the top: a figure, and a smaller one beneath."""

GROUPS = {
    "Returns": "net_profit gross_profit total_return annual_return cagr simple_annual_return daily_return daily_net_profit final_equity "
    "peak_equity lowest_equity",
    "Risk": "sharpe ewm_sharpe sortino calmar omega rgr volatility downside_deviation max_drawdown max_drawdown_rupees average_drawdown "
    "max_drawdown_duration average_drawdown_duration time_under_water recovery_factor return_drawdown_ratio ulcer_index value_at_risk "
    "conditional_value_at_risk stability tail_ratio skew kurtosis",
    "Benchmark": "buy_and_hold benchmark_cagr excess_cagr alpha beta information_ratio up_capture down_capture",
    "Days": "trading_days profit_days loss_days flat_days profitable_days best_day worst_day best_day_rupees worst_day_rupees",
    "Trades": "trades open_trades long_trades short_trades winning_trades losing_trades breakeven_trades win_rate profit_factor "
    "payoff_ratio expectancy expectancy_pct expectancy_ratio average_trade median_trade average_win average_loss best_trade worst_trade "
    "best_trade_rupees worst_trade_rupees long_profit short_profit consecutive_wins consecutive_losses sqn kelly p_value average_duration "
    "average_duration_winners average_duration_losers max_duration min_duration exposure_time max_open_positions average_stake "
    "average_mae average_mfe edge_ratio",
    "Costs": "charges charges_pct_of_gross charges_pct_of_turnover daily_charges cost_drag turnover daily_turnover turnover_ratio",
    "Orders": "signals orders rejected_orders unsized_orders fills fills_per_day trades_per_day",
}


def in_groups() -> Iterator[tuple[str, list[Metric]]]:
    """Walk over the groups and their metrics, in reading order."""
    known = dict(METRICS.items())
    groups = dict.fromkeys([*GROUPS, *(metric.group for metric in known.values())])
    for group in groups:
        named = [known[name] for name in GROUPS.get(group, "").split() if name in known]
        yield group, named + [metric for metric in known.values() if metric.group == group and metric not in named]
