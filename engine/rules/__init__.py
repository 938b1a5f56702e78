"""The rules that every order passes, one file each, and where each control of the account is found.

A rule is a pure function of plain facts; it neither raises nor remembers. An order is asked about once, before anything is sent, whoever
wants it: the hand, a script, a strategy. What only closes a position passes all but the rules that say otherwise. `RETAIL` in
`risk_limits` names the rules of the window and of live trading; each one's default is its own `limit`.

| control | default | where |
|---|---|---|
| finite, typed order | always | `sound_order`, asked first, cannot be switched off; `tick_and_lot` |
| valid instrument | on | `listed` (today's list, expiry), `tick_and_lot` (tradable, lots, tick) |
| largest quantity | 1,000 shares, 10 lots, never above freeze | `max_order_quantity`, `max_order_lots`, `tick_and_lot` |
| largest value | Rs 2 lakh and 20 % of equity, at the worst protected price | `max_order_value`, `max_order_share` |
| price collar | 3 %, options 20 % or Rs 5, inside the exchange's band | `price_collar` |
| market protection | 2 %, options below Rs 100 5 % | `completing` gives it, `market_protection` insists; `remainder` follows the rest |
| stale quote | 5 s liquid, 30 s other, none while the feed is down | `quote_age`; a line that is down lets `trading_state` refuse |
| bad tick | 10 % jump, zero, negative, out of order | put aside by `market_data` before anybody sees it |
| messages a second and a minute | 8 hard, 5 told; 200 | `message_rate`, `messages_a_minute` |
| messages a day | 1,000 told, 3,000, refused ones counted | `messages_a_day` |
| reserve for exits and cancels | 2 a second, 500 a day | what `message_rate` and `messages_a_day` leave |
| changes of an order | 20 | `order_manager` |
| same order again | 3 s; three in a minute stop new risk | `duplicate_order`, `risk_manager` |
| repeated execution | 5 entries in 5 min, 3 rejects a minute | `entries_without_exit`, `broker_rejects` |
| working orders | 20, 5 a symbol, Rs 5 lakh | `max_open_orders`, `max_open_orders_symbol`, `max_open_value` |
| largest position | 20 lots, 30 % of capital, all working entries counted | `max_position_lots`, `max_position_size`, `max_positions` |
| gross exposure and margin | 2 x equity, 70 % of the broker's margin | `gross_exposure`, `margin_use`, `cash` |
| naked short option | refused | `short_option`; shares: `short_selling` |
| loss of the day | 3 % | `max_daily_loss`; the steps towards it: `restraint` |
| drawdown from the day's peak | off | `profit_giveback`; from the account's: `max_drawdown` |
| budget of a strategy | 1 % of equity, 100 orders, quantity off | `strategy_loss`, `strategy_orders`, `strategy_quantity` |
| pause after losses | 4 stops, an hour | `loss_streak` |
| reduce only | on | `reduce_only` |
| trades with oneself | refused | `own_orders`; owners against each other: `opposing_owners` |
| trading state | ACTIVE | `trading_state`; what is not clear: `unclear` |
| kill switch | cancels; closes if asked | `kill`, `kill_latch`, and the gate that every send passes in `session` |
| hours | 09:15:05 to 15:00, by segment | `entry_hours` (dated rows), `market_hours` |
| square-off | some minutes before the broker's | `closing`; no entries after it: `square_off_time` |
| protection at the broker | on | `guard`, `protection` |
| freeze quantity | asked for, ten slices at most | `tick_and_lot`; what slices is the broker's own way |
| arming | each session, with the code that was armed; 1 lot on the first day | `armed`, `first_session_lots` |
| unusual order by hand | 5 x the median value, or 1 % off | `unusual_order`: refused until confirmed, as the ticket asks |
| restricted list, spread | lists forbid or warn; 5 % refused, 2 % told | `restricted` (a file of the trader's), `spread` |
| line down | only exits | `session_life`; compared again before new risk |
| watchdog of loop and strategies | 250 ms told, 2 s stopped | `heartbeat`, `executor.watch`, `host` |
| log-in and address | live needs both | the broker's session |
| audit trail | 5 years | the journal in `store` |
| comparison with the broker | 30 s, and at the close | `reconcile`, `session_books` |
| changes of limits | tighter at once, looser later and confirmed | `restraint` |
| alerts that are read | critical ones to be acknowledged | `alerts` |
"""
