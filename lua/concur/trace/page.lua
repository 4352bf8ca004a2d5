-- The page of a trace (trace.lua): one file, with nothing from outside. The trace stands where @TRACE@ is.

return [==[
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Timeline of a concur program</title>
<style>
body { font: 14px/1.45 system-ui, sans-serif; margin: 1.2em; color: #1c2733; background: #fff }
h1 { font-size: 1.25em; margin: 0 0 .2em } h2 { font-size: 1em; margin: 1.4em 0 .3em }
#status { color: #566; margin: 0 0 .8em }
#view { width: 100%; border: 1px solid #ccd; display: block; cursor: crosshair; touch-action: none }
#tip { min-height: 1.5em; font-family: ui-monospace, monospace; font-size: 12px; white-space: pre }
table { border-collapse: collapse } td, th { padding: .15em .9em .15em 0; text-align: left }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums }
.key { display: inline-block; width: .9em; height: .9em; margin: 0 .3em 0 1em; vertical-align: -1px }
</style>
</head>
<body>
<h1>Timeline</h1>
<p id="status">reading…</p>
<div><span class="key" style="background:#9fd3a8"></span>runs
<span class="key" style="background:#e8b04a"></span>waits
<span class="key" style="background:#4f8fd0"></span>task<span class="key" style="background:#b65fa8"></span>lock held
<span class="key" style="background:#8a94a6"></span>items in queues
&nbsp; wheel: zoom, drag: move, double click: all</div>
<canvas id="view" height="200"></canvas>
<div id="tip"></div>
<h2>Threads</h2><table id="threads"></table>
<h2>Locks</h2><table id="locks"></table>
<h2>Queues</h2><table id="queues"></table>
<script id="trace" type="application/json">@TRACE@</script>
<script>
"use strict";
const trace = JSON.parse(document.getElementById("trace").textContent);
const colors = {thread: "#9fd3a8", wait: "#e8b04a", task: "#4f8fd0", lock: "#b65fa8"};
const threads = new Map(), processes = new Map(), locks = new Map(), queues = new Map(), open = new Map();
const nameOf = (map, key, make) => { if (!map.has(key)) map.set(key, make()); return map.get(key); };
const thread = e => nameOf(threads, e.tid, () => ({tid: e.tid, pid: e.pid, name: "thread " + e.tid, slices: [],
  ran: 0, waited: 0, waits: 0, tasks: 0}));
let end = 0;
for (const e of trace.traceEvents) {
  const stop = (e.ts || 0) + (e.dur || 0);
  if (stop > end) end = stop;
  if (e.ph === "M") {
    if (e.name === "thread_name") thread(e).name = e.args.name; else processes.set(e.pid, e.args.name);
  } else if (e.ph === "X") {
    const t = thread(e);
    t.slices.push(e);
    if (e.cat === "thread") t.ran += e.dur;
    if (e.cat === "wait") { t.waited += e.dur; t.waits++; }
    if (e.cat === "task") t.tasks++;
  } else if (e.ph === "b") {
    open.set(e.id + "/" + e.tid, e);
  } else if (e.ph === "e") {
    const b = open.get(e.id + "/" + e.tid);
    const l = nameOf(locks, e.id, () => ({name: e.name, holds: [], time: 0, longest: 0}));
    if (b) {
      const dur = e.ts - b.ts;
      l.holds.push({cat: "lock", name: e.name, ts: b.ts, dur: dur, tid: e.tid});
      l.time += dur;
      l.longest = Math.max(l.longest, dur);
    }
  } else if (e.ph === "C") {
    nameOf(queues, e.name, () => ({name: e.name, points: [], most: 0})).points.push(e);
  }
}
const rank = {thread: 0, task: 1, wait: 2};
const rows = [];
for (const t of [...threads.values()].filter(t => t.slices.length).sort((a, b) => a.pid - b.pid || a.tid - b.tid)) {
  t.slices.sort((a, b) => rank[a.cat] - rank[b.cat] || a.ts - b.ts);
  const where = processes.size > 1 ? "  (" + (processes.get(t.pid) || t.pid) + ")" : "";
  rows.push({label: t.name + where, slices: t.slices});
}
for (const l of locks.values()) rows.push({label: l.name, slices: l.holds});
for (const q of queues.values()) {
  q.points.sort((a, b) => a.ts - b.ts);
  q.most = q.points.reduce((most, p) => Math.max(most, p.args.items), 0);
  rows.push({label: q.name, queue: q});
}
const canvas = document.getElementById("view"), tip = document.getElementById("tip");
const height = 20, left = 190, head = 18;
let from = 0, to = Math.max(end, 1);
const units = [[1e6, " s"], [1e3, " ms"], [1, " µs"]];
const seconds = us => {
  const [size, unit] = units.find(u => us >= u[0]) || units[2];
  return (us / size).toFixed(3) + unit;
};
function draw() {
  const ratio = window.devicePixelRatio || 1, width = canvas.clientWidth || 900, tall = head + rows.length * height + 4;
  canvas.width = width * ratio;
  canvas.height = tall * ratio;
  canvas.style.height = tall + "px";
  const c = canvas.getContext("2d");
  if (!c) return;
  c.setTransform(ratio, 0, 0, ratio, 0, 0);
  const x = t => left + (t - from) / (to - from) * (width - left);
  c.font = "11px system-ui, sans-serif";
  c.fillStyle = "#566";
  for (let i = 0; i < 6; i++) c.fillText(seconds(from + (to - from) * i / 6), left + (width - left) * i / 6, 12);
  rows.forEach((row, i) => {
    const y = head + i * height;
    c.fillStyle = i % 2 ? "#fff" : "#f6f8fa";
    c.fillRect(0, y, width, height);
    c.save();
    c.beginPath();
    c.rect(left, y, width - left, height);
    c.clip();
    if (row.queue) {
      c.fillStyle = "#8a94a6";
      const p = row.queue.points;
      for (let k = 0; k < p.length; k++) {
        const a = x(p[k].ts), b = x(k + 1 < p.length ? p[k + 1].ts : end);
        const h = row.queue.most ? p[k].args.items / row.queue.most * (height - 3) : 0;
        if (b >= left && a <= width) c.fillRect(a, y + height - 1 - h, Math.max(b - a, 1), h);
      }
    } else {
      for (const s of row.slices) {
        const a = x(s.ts), b = x(s.ts + s.dur);
        if (b < left || a > width) continue;
        c.fillStyle = colors[s.cat];
        const inset = s.cat === "thread" ? 2 : 5;
        c.fillRect(a, y + inset, Math.max(b - a, 1), height - 2 * inset);
      }
    }
    c.restore();
    c.fillStyle = "#1c2733";
    c.save();
    c.beginPath();
    c.rect(0, y, left - 6, height);
    c.clip();
    c.fillText(row.label, 4, y + 14);
    c.restore();
  });
}
function at(event) {
  const box = canvas.getBoundingClientRect(), width = box.width;
  return {row: Math.floor((event.clientY - box.top - head) / height),
    time: from + (event.clientX - box.left - left) / (width - left) * (to - from), scale: (to - from) / (width - left)};
}
canvas.addEventListener("wheel", event => {
  const p = at(event), factor = event.deltaY > 0 ? 1.25 : 0.8;
  from = Math.max(0, p.time - (p.time - from) * factor);
  to = Math.min(Math.max(end, 1), p.time + (to - p.time) * factor);
  event.preventDefault();
  draw();
}, {passive: false});
let drag = null;
canvas.addEventListener("pointerdown", event => { drag = {x: event.clientX, from: from, to: to}; });
window.addEventListener("pointerup", () => { drag = null; });
canvas.addEventListener("dblclick", () => { from = 0; to = Math.max(end, 1); draw(); });
canvas.addEventListener("pointermove", event => {
  const p = at(event);
  if (drag) {
    const move = (drag.x - event.clientX) * p.scale;
    from = drag.from + move;
    to = drag.to + move;
    draw();
    return;
  }
  const row = rows[p.row];
  tip.textContent = "";
  if (!row) return;
  if (row.queue) {
    const before = row.queue.points.filter(q => q.ts <= p.time).pop();
    tip.textContent = row.label + ": " + (before ? before.args.items : 0) + " items";
    return;
  }
  const hits = row.slices.filter(s => s.ts - 2 * p.scale <= p.time && p.time <= s.ts + s.dur + 2 * p.scale);
  const s = hits[hits.length - 1];
  if (!s) return;
  const who = s.cat === "lock" && threads.has(s.tid) ? " by " + threads.get(s.tid).name : "";
  tip.textContent = s.name + who + ": " + seconds(s.dur) + " from " + seconds(s.ts);
});
window.addEventListener("resize", draw);
function table(id, heads, lines) {
  const t = document.getElementById(id);
  for (const [k, line] of [heads, ...lines].entries()) {
    const tr = t.insertRow();
    line.forEach((cell, i) => {
      const td = document.createElement(k === 0 ? "th" : "td");
      td.textContent = cell;
      if (i > 0) td.className = "n";
      tr.appendChild(td);
    });
  }
}
const shown = [...threads.values()].filter(t => t.slices.length);
table("threads", ["thread", "time", "waited", "waits", "tasks"],
  shown.map(t => [t.name, seconds(t.ran), seconds(t.waited), t.waits, t.tasks]));
table("locks", ["lock", "holds", "time", "longest"],
  [...locks.values()].map(l => [l.name, l.holds.length, seconds(l.time), seconds(l.longest)]));
table("queues", ["queue", "most items"], [...queues.values()].map(q => [q.name, q.most]));
document.getElementById("status").textContent = shown.length + " threads, " + processes.size + " processes, " +
  locks.size + " locks, " + queues.size + " queues, " + trace.traceEvents.length + " events in " +
  trace.otherData.seconds.toFixed(3) + " s" +
  (trace.otherData.dropped ? "; " + trace.otherData.dropped + " events were left out" : "");
draw();
</script>
</body>
</html>
]==]
