// Rows of nearly equal height, justified, nothing cropped. Also used for what is appended later.
window.gallery = window.gallery ?? {};
(() => {
  const css = getComputedStyle(document.documentElement);
  // The server gives the shape of each picture, so that nothing moves when it arrives. Extremes get a cell of at most 2.4 : 1 and at least
  // 1 : 2, and are shown whole inside it. A section fills whole rows: as many as come nearest to the wished height.
  function lay(list) {
    const width = list.clientWidth - 0.5, wish = parseFloat(css.getPropertyValue("--row")), gap = parseFloat(css.getPropertyValue("--gap"));
    if (width <= 0) return;
    const cells = [...list.children].map((tile) => [tile, Math.min(2.4, Math.max(0.5, tile.dataset.w / tile.dataset.h))]);
    const total = cells.reduce((sum, [, ratio]) => sum + ratio, 0), rows = Math.max(1, Math.round(total * wish / width));
    const put = (row, height) => row.forEach(([tile, ratio]) => { tile.style.width = ratio * height + "px"; tile.style.height = height + "px"; });
    let row = [], seen = 0, done = 0;
    cells.forEach((cell, i) => {
      row.push(cell);
      seen += cell[1];
      const edge = total * (done + 1) / rows, next = cells[i + 1]?.[1] ?? 0, last = i === cells.length - 1;
      if (!last && Math.abs(seen - edge) > Math.abs(seen + next - edge)) return; // the next one comes nearer to a full row
      if (!last && seen < edge - next / 2) return;
      const sum = row.reduce((s, [, ratio]) => s + ratio, 0), full = (width - gap * (row.length - 1)) / sum;
      put(row, Math.min(full, wish * 1.6));
      row = [];
      done += 1;
    });
    list.classList.add("laid");
  }
  window.gallery.layAll = () => document.querySelectorAll(".tiles").forEach(lay);
  window.gallery.layAll();
  let width = 0;
  const days = document.querySelector(".days");
  if (days) new ResizeObserver(() => { if (days.clientWidth !== width) { width = days.clientWidth; window.gallery.layAll(); } }).observe(days);
})();
