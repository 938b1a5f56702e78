"use strict";
// Runs the script of a report's page over a stand-in of the browser, does what a reader would, and tells what came of it as JSON.
const fs = require("fs");
const html = fs.readFileSync(process.argv[2], "utf8");
const data = html.match(/<script type="application\/json" id="data">(.*?)<\/script>/s)[1];
const script = html.match(/<script>\n(.*?)<\/script>/s)[1];

class Thing {
  constructor(textContent = "note") {
    Object.assign(this, { textContent, innerHTML: "", hidden: false, value: "all", dataset: {}, listeners: {}, classList: { add() {}, remove() {} } });
  }
  addEventListener(name, call) { (this.listeners[name] ||= []).push(call); }
  fire(name, event) { this.listeners[name].forEach((call) => call(event)); }
  querySelector() { return (this.found ||= new Thing()); }
  setAttribute() {}
  scrollIntoView() {}
  getBoundingClientRect() { return { left: 0, width: 1000 }; }
}

const ids = new Set([...html.matchAll(/ id="?([\w-]+)/g)].map((match) => match[1]));
const things = { data: new Thing(data) };
const figures = [...html.split("<script")[0].matchAll(/data-chart="(\d+)"/g)].map((match) => Object.assign(new Thing(), { dataset: { chart: match[1] } }));
global.document = {
  activeElement: null,
  getElementById: (id) => (ids.has(id) ? (things[id] ||= new Thing()) : null),
  querySelectorAll: (what) => (what === ".prices" ? figures : []),
};
global.window = { addEventListener() {} };
eval(script);

const count = (text, what) => (text.match(what) || []).length;
const key = (name) => figures[0].fire("keydown", { key: name, preventDefault() {} });
const told = { bad: [] };
const check = () => { if (/NaN|undefined|Infinity/.test(figures[0].innerHTML)) told.bad.push(figures[0].innerHTML); };

told.rows = count(things.trades.innerHTML, /data-trade/g);
told.pages = things.pages.innerHTML;
told.lists = {};
for (const which of ["won", "short"]) {
  things.which.value = which;
  things.which.fire("change");
  told.lists[which] = Number(things.pages.innerHTML.match(/^\d+/)[0]);
}
things.which.value = "all";
things.trades.fire("click", { target: { closest: (what) => (what === "th" ? { dataset: { column: "11" } } : null) } });
told.best = things.trades.innerHTML.match(/class="up">([\d.,]+)</)[1];
told.whole = { bars: count(figures[0].innerHTML, /class="wick/g) };
check();
for (let times = 0; times < 20; times++) key("+");
for (const name of ["ArrowLeft", "ArrowRight", "-", "+"]) { key(name); check(); }
for (let times = 0; times < 20; times++) key("+");
figures[0].fire("pointermove", { clientX: 500, buttons: 0 });
told.price = things["price-note"].textContent;
const drawn = figures[0].innerHTML;
told.near = { bars: count([...drawn.matchAll(/class="(?:wick|body) \w+" d="([^"]*)"/g)].map((match) => match[1]).join(""), /M/g), marks: count(drawn, /class="mark/g) };
things.trades.fire("click", { target: { closest: (what) => (what === "th" ? null : { dataset: { trade: "3" } }) } });
check();
things.equity.fire("pointermove", { clientX: 300 });
told.equity = things["equity-note"].textContent;
console.log(JSON.stringify(told));
