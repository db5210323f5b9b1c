// Outputs and bytes a day for a chosen range. The first drawing comes from the server; this redraws it. Without JavaScript: the last 90 days.
(() => {
  const root = document.querySelector("[data-outputs]");
  if (!root) return;
  const outputs = root.dataset.outputs.split(",").map(Number), bytes = root.dataset.bytes.split(",").map(Number);
  const first = Date.parse(root.dataset.first + "T00:00:00Z"), n = outputs.length, gaps = (root.dataset.gaps || "").split(",").filter(Boolean).map((g) => g.split("-").map(Number));
  const unknown = (x, y) => gaps.some(([from, to]) => from <= x && to >= y); // never read is not none: it is drawn, and said
  const read = document.querySelector(".readout"), brush = document.querySelector(".brush i"), plot = document.querySelector(".drag");
  const number = new Intl.NumberFormat("en"), months = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
  const when = (i, { day = true, year = true, week = false } = {}) => { const d = new Date(first + i * 86400000); return [week && ["Sunday,", "Monday,", "Tuesday,", "Wednesday,", "Thursday,", "Friday,", "Saturday,"][d.getUTCDay()], day && d.getUTCDate(), months[d.getUTCMonth()], year && d.getUTCFullYear()].filter(Boolean).join(" "); };
  const size = (b) => b >= 1e12 ? (b / 1e12).toFixed(1) + " TB" : b >= 1e9 ? (b / 1e9).toFixed(1) + " GB" : b >= 1e6 ? (b / 1e6).toFixed(1) + " MB" : (b / 1e3).toFixed(1) + " kB";
  let a = Math.max(0, n - 90), b = n, step = 1, bins = [];
  const svg = (name, attributes) => { const e = document.createElementNS("http://www.w3.org/2000/svg", name); for (const k in attributes) e.setAttribute(k, attributes[k]); return e; };
  function bars(selector, values, unit) {
    const target = document.querySelector(selector), top = Math.max(...values, 1);
    target.setAttribute("viewBox", `0 0 ${values.length} 100`);
    target.replaceChildren(...bins.flatMap(([x, y], i) => unknown(x, y) ? [svg("rect", { class: "unknown", x: i, y: 0, width: 1, height: 100 })] : []), ...values.map((v, i) => svg("rect", { x: i + 0.12, y: 100 - v / top * 100, width: 0.76, height: v / top * 100 })), svg("line", { class: "base", x1: 0, x2: values.length, y1: 100, y2: 100 }));
    target.closest(".chart").querySelector(".max").textContent = "most " + unit(top);
  }
  function draw() {
    step = b - a > 400 ? 7 : 1; bins = [];
    for (let i = a; i < b; i += step) bins.push([i, Math.min(i + step, b)]);
    const sum = (list) => bins.map(([x, y]) => list.slice(x, y).reduce((s, v) => s + v, 0));
    bars(".bars.outputs", sum(outputs), (v) => number.format(v)); bars(".bars.bytes", sum(bytes), size);
    brush.style.left = a / n * 100 + "%"; brush.style.right = (1 - b / n) * 100 + "%"; // CSSOM: allowed by a strict CSP
    const axis = document.querySelector(".axis.range"); axis.replaceChildren(...[0, 1, 2, 3, 4].map((k) => { const s = document.createElement("span"); s.textContent = when(Math.round(a + (b - 1 - a) * k / 4), b - a > 300 ? { day: false } : { year: false }); return s; }));
    document.querySelectorAll(".per").forEach((e) => { e.textContent = step === 7 ? "a week" : "a day"; }); rest();
  }
  function rest() {
    const total = (list) => list.slice(a, b).reduce((s, v) => s + v, 0);
    read.textContent = `${when(a)} to ${when(b - 1)}: ${number.format(total(outputs))} outputs, ${size(total(bytes))}`;
    document.querySelectorAll("rect.is").forEach((e) => e.classList.remove("is"));
  }
  document.querySelectorAll(".bars").forEach((chart) => {
    chart.addEventListener("pointermove", (event) => {
      const box = chart.getBoundingClientRect(), k = Math.min(bins.length - 1, Math.max(0, Math.floor((event.clientX - box.left) / box.width * bins.length)));
      document.querySelectorAll(".bars").forEach((c) => [...c.querySelectorAll("rect:not(.unknown)")].forEach((e, i) => e.classList.toggle("is", i === k)));
      const [x, y] = bins[k], add = (list) => list.slice(x, y).reduce((s, v) => s + v, 0);
      read.textContent = unknown(x, y) ? `${when(x, { week: true })}: never read` : `${step === 7 ? "Week of " : ""}${when(x, { week: step !== 7 })}: ${number.format(add(outputs))} outputs, ${size(add(bytes))}`;
    });
    chart.addEventListener("pointerleave", rest);
  });
  document.querySelectorAll("[data-days]").forEach((button) => button.addEventListener("click", () => {
    document.querySelectorAll("[data-days]").forEach((e) => e.setAttribute("aria-pressed", String(e === button)));
    a = Math.max(0, n - Number(button.dataset.days)); b = n; draw();
  }));
  let from = null;
  const least = Math.min(14, n);
  const at = (event) => { const box = plot.getBoundingClientRect(); return Math.round(Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) * n); };
  plot.addEventListener("pointerdown", (event) => { from = at(event); plot.setPointerCapture(event.pointerId); });
  plot.addEventListener("pointermove", (event) => { if (from === null) return; const to = at(event); a = Math.max(0, Math.min(from, to)); b = Math.min(n, Math.max(from, to, a + least)); a = Math.min(a, b - least);
    document.querySelectorAll("[data-days]").forEach((e) => e.setAttribute("aria-pressed", "false")); draw(); });
  plot.addEventListener("pointerup", () => { from = null; });
  draw();
})();
