"use strict";
// Draws prices and trades at any zoom, reads values off the curves, and lists trades page by page. Everything it needs is in #data.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const LEFT = 74, RIGHT = 14, TOP = 10, BOTTOM = 24, WIDTH = 1000, HEIGHT = 380, ROWS = 50;
  const PLAIN = 160, MARKED = 240, LINES = 2500;
  const summed = (steps) => { let sum = 0; return steps.map((step) => (sum += step)); };
  const text = (value) => String(value).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
  const figure = (value, decimals = 2) => {
    const parts = Math.abs(value).toFixed(decimals).split(".");
    const grouped = parts[0].replace(/(\d)(?=(\d\d)+\d$)/g, "$1,");
    return (value < 0 && Number(parts.join(".")) ? "−" : "") + grouped + (parts[1] ? "." + parts[1] : "");
  };
  const rupees = (paise, decimals = 2) => figure(paise / 100, decimals).replace(/^(−?)/, "$1₹");
  const two = (number) => String(number).padStart(2, "0");
  const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
  const india = (seconds) => new Date((seconds + 19800) * 1000);
  const day = (s) => { const d = india(s); return `${d.getUTCDate()} ${MONTHS[d.getUTCMonth()]} ${d.getUTCFullYear()}`; };
  const clock = (s) => { const d = india(s); return `${two(d.getUTCHours())}:${two(d.getUTCMinutes())}`; };
  const moment = (s) => `${day(s)} ${clock(s)}`;
  const stay = (value, low, high) => Math.min(Math.max(value, low), high);
  const at = (times, time) => { // the last that is not after it
    let low = 0, high = times.length;
    while (low < high) { const middle = (low + high) >> 1; if (times[middle] <= time) low = middle + 1; else high = middle; }
    return Math.max(low - 1, 0);
  };

  // ---- what was traded
  const raw = data.trades, entries = summed(raw.t), prices = summed(raw.p);
  const trades = entries.map((entry, k) => ({
    k, instrument: raw.i[k], entry, exit: entry + raw.d[k], quantity: raw.q[k], bought: prices[k], sold: prices[k] + raw.x[k],
    net: raw.n[k], charges: raw.c[k], mae: raw.a[k], mfe: raw.f[k], bars: raw.b[k], reason: data.reasons[raw.r[k]],
  }));

  // ---- round steps of an axis
  const steps = (low, high, count) => {
    if (!(high > low)) return [low];
    const rough = (high - low) / count, base = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 2.5, 5, 10].map((f) => f * base).find((s) => s >= rough * 0.999);
    const made = [];
    for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++) made.push(k * step);
    return made;
  };

  // ---- prices and trades
  const note = document.getElementById("price-note"), told = note ? note.textContent : "";
  class Prices {
    constructor(figure, chart) {
      this.figure = figure;
      this.number = chart.instrument;
      this.t = summed(chart.t);
      this.c = summed(chart.c);
      for (const key of ["o", "h", "l"]) this[key] = chart[key].map((apart, k) => this.c[k] + apart);
      this.trades = trades.filter((trade) => trade.instrument === chart.instrument)
        .map((trade) => ({ ...trade, from: at(this.t, trade.entry), to: at(this.t, trade.exit) }));
      this.whole = figure.innerHTML;
      this.begin = 0;
      this.end = this.t.length - 1;
      this.listen();
    }
    x(k) { return LEFT + ((k - this.begin + 0.5) / (this.end - this.begin + 1)) * (WIDTH - LEFT - RIGHT); }
    k(clientX) {
      const box = this.figure.getBoundingClientRect();
      const x = ((clientX - box.left) / box.width) * WIDTH;
      return this.begin + ((x - LEFT) / (WIDTH - LEFT - RIGHT)) * (this.end - this.begin + 1) - 0.5;
    }
    show(begin, end) {
      const last = this.t.length - 1, wide = stay(end - begin, Math.min(12, last), last);
      this.begin = Math.round(stay(begin, 0, last - wide));
      this.end = Math.round(this.begin + wide);
      this.draw();
    }
    zoom(factor, around = (this.begin + this.end) / 2) {
      this.show(around - (around - this.begin) * factor, around + (this.end - around) * factor);
    }
    draw() {
      const { begin, end } = this;
      let low = Infinity, high = -Infinity;
      for (let k = begin; k <= end; k++) { low = Math.min(low, this.l[k]); high = Math.max(high, this.h[k]); }
      const room = 0.05 * (high - low) || 1;
      this.low = low - room;
      this.high = high + room;
      const y = (price) => HEIGHT - BOTTOM - ((price - this.low) / (this.high - this.low)) * (HEIGHT - BOTTOM - TOP);
      const parts = [];
      for (const value of steps(this.low / 100, this.high / 100, 6)) {
        const row = y(value * 100).toFixed(1);
        const name = figure(value, this.high - this.low < 500 ? 2 : value % 1 ? 1 : 0);
        parts.push(`<path class="grid" d="M${LEFT} ${row}H${WIDTH - RIGHT}"/><text class="tick" x="${LEFT - 8}" y="${row}" dy="4" text-anchor="end">${name}</text>`);
      }
      this.axis(parts);
      this.bars(parts, y);
      this.lines(parts, y);
      parts.push('<path class="cross" d=""/>');
      this.figure.innerHTML = `<svg class="chart" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="Prices with trades">${parts.join("")}</svg>`;
    }
    axis(parts) {
      let before = "";
      for (let part = 0; part <= 6; part++) {
        const k = Math.round(this.begin + ((this.end - this.begin) * part) / 6), date = day(this.t[k]);
        const name = this.t[this.end] - this.t[this.begin] > 4 * 86400 ? date : date === before ? clock(this.t[k]) : moment(this.t[k]);
        before = date;
        const anchor = part === 0 ? "start" : part === 6 ? "end" : "middle";
        parts.push(`<text class="tick" x="${this.x(k).toFixed(1)}" y="${HEIGHT - 7}" text-anchor="${anchor}">${name}</text>`);
      }
    }
    bars(parts, y) {
      const { begin, end } = this;
      if (end - begin < PLAIN) {
        const half = Math.max(((this.x(1) - this.x(0)) * 0.7) / 2, 0.5);
        for (const side of ["up", "down"]) {
          let wicks = "", bodies = "";
          for (let k = begin; k <= end; k++) {
            if ((this.c[k] >= this.o[k] ? "up" : "down") !== side) continue;
            const x = this.x(k), top = y(Math.max(this.o[k], this.c[k])), foot = Math.max(y(Math.min(this.o[k], this.c[k])), top + 0.8);
            wicks += `M${x.toFixed(1)} ${y(this.h[k]).toFixed(1)}V${y(this.l[k]).toFixed(1)}`;
            bodies += `M${(x - half).toFixed(1)} ${top.toFixed(1)}h${(2 * half).toFixed(1)}V${foot.toFixed(1)}h${(-2 * half).toFixed(1)}Z`;
          }
          parts.push(`<path class="wick ${side}" d="${wicks}"/><path class="body ${side}" d="${bodies}"/>`);
        }
        return;
      }
      const step = Math.max(1, (end - begin + 1) / 900);
      let up = "", down = "", line = "";
      for (let from = begin; from <= end; from += step) {
        const first = Math.floor(from), last = Math.min(Math.floor(from + step) - 1, end);
        let low = Infinity, high = -Infinity;
        for (let k = first; k <= Math.max(last, first); k++) { low = Math.min(low, this.l[k]); high = Math.max(high, this.h[k]); }
        const x = this.x((first + Math.max(last, first)) / 2).toFixed(1);
        up += `${up ? "L" : "M"}${x} ${y(high).toFixed(1)}`;
        down = `L${x} ${y(low).toFixed(1)}` + down;
        line += `${line ? "L" : "M"}${x} ${y(this.c[Math.max(last, first)]).toFixed(1)}`;
      }
      parts.push(`<path class="range" d="${up}${down}Z"/><path class="line price" d="${line}"/>`);
    }
    lines(parts, y) {
      let seen = this.trades.filter((trade) => trade.to >= this.begin && trade.from <= this.end);
      this.seen = seen;
      if (seen.length > LINES) seen = [...seen].sort((a, b) => Math.abs(b.net) - Math.abs(a.net)).slice(0, LINES);
      parts.push(`<clipPath id="inside${this.number}"><path d="M${LEFT} ${TOP}H${WIDTH - RIGHT}V${HEIGHT - BOTTOM}H${LEFT}Z"/></clipPath><g clip-path="url(#inside${this.number})">`);
      for (const side of ["up", "down"]) {
        const mine = seen.filter((trade) => (trade.net > 0) === (side === "up"));
        const drawn = mine.map((t) => `M${this.x(t.from).toFixed(1)} ${y(t.bought).toFixed(1)}L${this.x(t.to).toFixed(1)} ${y(t.sold).toFixed(1)}`);
        parts.push(`<path class="trade ${side}" d="${drawn.join("")}"/>`);
        if (seen.length <= MARKED) parts.push(`<path class="mark ${side}" d="${mine.map((t) => this.marks(t, y)).join("")}"/>`);
      }
      parts.push("</g>");
    }
    marks(trade, y) { // an arrow in the direction of the entry, a small square at the exit
      const x = this.x(trade.from), tip = y(trade.bought), way = trade.quantity > 0 ? 1 : -1, out = this.x(trade.to), end = y(trade.sold);
      const arrow = `M${x.toFixed(1)} ${tip.toFixed(1)}l-4.5 ${8 * way}h9Z`;
      return `${arrow}M${(out - 3).toFixed(1)} ${(end - 3).toFixed(1)}h6v6h-6Z`;
    }
    read(clientX) {
      const k = stay(Math.round(this.k(clientX)), this.begin, this.end);
      const cross = this.figure.querySelector(".cross");
      if (cross) cross.setAttribute("d", `M${this.x(k).toFixed(1)} ${TOP}V${HEIGHT - BOTTOM}`);
      const bar = ["o", "h", "l", "c"].map((key) => `${key.toUpperCase()} ${figure(this[key][k] / 100)}`).join("  ");
      const held = (this.seen || []).find((trade) => trade.from <= k && k <= trade.to);
      const traded = held
        ? `  ·  ${held.quantity > 0 ? "long" : "short"} ${figure(Math.abs(held.quantity), 0)}, ${figure(held.bought / 100)} to ${figure(held.sold / 100)}, net ${rupees(held.net)} (${held.reason})`
        : "";
      note.textContent = `${moment(this.t[k])}  ${bar}${traded}`;
    }
    listen() {
      const { figure } = this;
      let grip = null;
      figure.tabIndex = 0;
      figure.addEventListener("wheel", (event) => {
        if (!event.ctrlKey && !event.shiftKey && document.activeElement !== figure) return; // the page scrolls until the chart was clicked
        event.preventDefault();
        this.zoom(event.deltaY > 0 ? 1.25 : 0.8, this.k(event.clientX));
      }, { passive: false });
      figure.addEventListener("pointerdown", (event) => { grip = { x: event.clientX, begin: this.begin, end: this.end }; });
      figure.addEventListener("pointermove", (event) => {
        if (grip && event.buttons) {
          const moved = ((event.clientX - grip.x) / figure.getBoundingClientRect().width) * (grip.end - grip.begin + 1) * (WIDTH / (WIDTH - LEFT - RIGHT));
          if (Math.abs(event.clientX - grip.x) > 3) { figure.classList.add("dragged"); this.show(grip.begin - moved, grip.end - moved); }
        } else { grip = null; this.read(event.clientX); }
      });
      window.addEventListener("pointerup", () => { grip = null; figure.classList.remove("dragged"); });
      figure.addEventListener("pointerleave", () => { note.textContent = told; const cross = figure.querySelector(".cross"); if (cross) cross.setAttribute("d", ""); });
      figure.addEventListener("dblclick", () => this.show(0, this.t.length - 1));
      figure.addEventListener("keydown", (event) => {
        const wide = this.end - this.begin;
        const moves = { ArrowLeft: () => this.show(this.begin - wide / 5, this.end - wide / 5), ArrowRight: () => this.show(this.begin + wide / 5, this.end + wide / 5),
          "+": () => this.zoom(0.7), "=": () => this.zoom(0.7), "-": () => this.zoom(1.4), Home: () => this.show(0, this.t.length - 1) };
        if (moves[event.key]) { event.preventDefault(); moves[event.key](); }
      });
    }
  }
  const charts = [...document.querySelectorAll(".prices")].map((figure) => new Prices(figure, data.charts[Number(figure.dataset.chart)]));
  let shown = 0;
  const choose = (number) => {
    shown = number;
    charts.forEach((chart, k) => { chart.figure.hidden = k !== number; });
    const list = document.getElementById("instrument");
    if (list) list.value = String(number);
    charts[number].draw();
  };
  if (charts.length) {
    choose(0);
    document.getElementById("zoom").hidden = false;
    const verbs = { in: (chart) => chart.zoom(0.5), out: (chart) => chart.zoom(2), all: (chart) => chart.show(0, chart.t.length - 1) };
    document.querySelectorAll("[data-zoom]").forEach((button) => button.addEventListener("click", () => verbs[button.dataset.zoom](charts[shown])));
    const list = document.getElementById("instrument");
    if (list) list.addEventListener("change", () => choose(Number(list.value)));
  }

  // ---- values read off the curves
  const curve = data.curve, index = summed(curve.i), times = summed(curve.t), equity = summed(curve.e);
  const curveNote = document.getElementById("equity-note"), curveTold = curveNote.textContent;
  for (const name of ["equity", "drawdown"]) {
    const chart = document.getElementById(name);
    chart.addEventListener("pointermove", (event) => {
      const box = chart.getBoundingClientRect(), x = ((event.clientX - box.left) / box.width) * WIDTH;
      const k = at(index, stay((x - LEFT) / (WIDTH - LEFT - RIGHT), 0, 1) * curve.last + 0.5);
      curveNote.textContent = `${moment(times[k])}  equity ${rupees(equity[k])}  drawdown ${figure(curve.d[k] / 100)}%`;
    });
    chart.addEventListener("pointerleave", () => { curveNote.textContent = curveTold; });
  }

  // ---- the list of trades
  const list = document.getElementById("trades");
  if (!list) return;
  const COLUMNS = [
    ["Entry", (t) => t.entry, (t) => moment(t.entry)], ["Symbol", (t) => data.symbols[t.instrument], (t) => data.symbols[t.instrument]],
    ["Quantity", (t) => t.quantity, (t) => figure(t.quantity, 0)], ["Price", (t) => t.bought, (t) => figure(t.bought / 100)],
    ["Exit", (t) => t.exit, (t) => (day(t.exit) === day(t.entry) ? clock(t.exit) : moment(t.exit))], ["Price", (t) => t.sold, (t) => figure(t.sold / 100)],
    ["Reason", (t) => t.reason, (t) => t.reason], ["Bars", (t) => t.bars, (t) => figure(t.bars, 0)], ["Worst", (t) => t.mae, (t) => figure(t.mae / 100)],
    ["Best", (t) => t.mfe, (t) => figure(t.mfe / 100)], ["Charges", (t) => t.charges, (t) => figure(t.charges / 100)], ["Net ₹", (t) => t.net, (t) => figure(t.net / 100)],
  ];
  const WANTED = { all: () => true, won: (t) => t.net > 0, lost: (t) => t.net < 0, long: (t) => t.quantity > 0, short: (t) => t.quantity < 0 };
  let page = 0, order = 0, falls = false;
  const fill = () => {
    const key = COLUMNS[order][1], which = document.getElementById("which").value;
    const wanted = trades.filter(WANTED[which]).sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : a.k - b.k) * (falls ? -1 : 1));
    const pages = Math.max(Math.ceil(wanted.length / ROWS), 1);
    page = stay(page, 0, pages - 1);
    const head = COLUMNS.map(([name], k) => `<th tabindex="0" data-column="${k}" aria-sort="${k === order ? (falls ? "descending" : "ascending") : "none"}">${name}${k === order ? (falls ? " ↓" : " ↑") : ""}</th>`);
    const rows = wanted.slice(page * ROWS, (page + 1) * ROWS).map((t) => {
      const cells = COLUMNS.map(([, , write], k) => `<td${k === COLUMNS.length - 1 ? ` class="${t.net > 0 ? "up" : t.net < 0 ? "down" : ""}"` : ""}>${text(write(t))}</td>`);
      return `<tr data-trade="${t.k}">${cells.join("")}</tr>`;
    });
    list.innerHTML = `<thead><tr>${head.join("")}</tr></thead><tbody>${rows.join("")}</tbody>`;
    const missing = data.all - trades.length;
    document.getElementById("pages").innerHTML = `${figure(wanted.length, 0)} trades${missing > 0 ? ` of the last ${figure(trades.length, 0)}` : ""}, page ${page + 1} of ${pages} `
      + `<button data-page="-1"${page ? "" : " disabled"}>Back</button><button data-page="1"${page < pages - 1 ? "" : " disabled"}>Next</button>`;
  };
  const sort = (head) => {
    const column = Number(head.dataset.column);
    falls = column === order ? !falls : column > 1;
    order = column;
    page = 0;
    fill();
  };
  list.addEventListener("click", (event) => {
    const head = event.target.closest("th"), row = event.target.closest("tr[data-trade]");
    if (head) return sort(head);
    if (!row) return;
    const trade = trades[Number(row.dataset.trade)], number = data.charts.findIndex((chart) => chart.instrument === trade.instrument);
    if (number < 0) return;
    choose(number);
    const chart = charts[number], from = at(chart.t, trade.entry), to = at(chart.t, trade.exit), room = Math.max(30, to - from);
    chart.show(from - room, to + room);
    chart.figure.scrollIntoView({ behavior: "smooth", block: "center" });
  });
  list.addEventListener("keydown", (event) => { if (event.key === "Enter" && event.target.closest("th")) sort(event.target.closest("th")); });
  document.getElementById("pages").addEventListener("click", (event) => {
    const button = event.target.closest("[data-page]");
    if (button) { page += Number(button.dataset.page); fill(); }
  });
  document.getElementById("which").addEventListener("change", () => { page = 0; fill(); });
  fill();
})();
