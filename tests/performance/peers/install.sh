#!/bin/sh
# Makes one virtual environment for each engine that Shikra is compared with: sh install.sh DIR [name ...]
# PYTHON and PYTHON13 name the interpreters; nautilus_trader needs 3.12 or later.
set -e
folder=$1
shift
for name in ${@:-vbt btpy bt vnpy nautilus}; do
    python=${PYTHON:-python3}
    case $name in
        vbt) wanted="vectorbt==1.2.0 vectorbt-rust==1.2.0" ;;
        btpy) wanted="backtesting==0.6.6" ;;
        bt) wanted="backtrader==1.9.78.123 numpy pandas" ;;
        vnpy) wanted="vnpy==4.5.0 vnpy_ctastrategy==1.4.1 vnpy_sqlite==1.1.3" ;;
        nautilus) wanted="nautilus_trader==1.231.0" python=${PYTHON13:-python3.13} ;;
        *) echo "Expected vbt, btpy, bt, vnpy or nautilus, was $name." >&2; exit 2 ;;
    esac
    [ -x "$folder/$name/bin/python" ] || "$python" -m venv "$folder/$name"
    "$folder/$name/bin/pip" install --quiet $wanted
done
