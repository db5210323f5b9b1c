// Rows of nearly equal height, justified, nothing cropped. Also used for what is added later.
window.gallery = window.gallery ?? {};
(() => {
  const css = getComputedStyle(document.documentElement), days = document.querySelector(".days");
  const size = (name) => parseFloat(css.getPropertyValue(name));
  // The server gives the shape of each picture, so that nothing moves when it arrives. Extremes get a cell of at most 2.4 : 1 and at least
  // 1 : 2, and are shown whole inside it. A section fills whole rows: as many as come nearest to the wished height.
  function lay(list, width, wish, gap) {
    const cells = [...list.children].map((tile) => [tile, Math.min(2.4, Math.max(0.5, tile.dataset.w / tile.dataset.h))]);
    const total = cells.reduce((sum, [, ratio]) => sum + ratio, 0), rows = Math.max(1, Math.round(total * wish / width));
    const put = (row, height) => row.forEach(([tile, ratio]) => { tile.style.width = ratio * height + "px"; tile.style.height = height + "px"; });
    let row = [], seen = 0, done = 0, tall = -gap;
    cells.forEach((cell, i) => {
      row.push(cell);
      seen += cell[1];
      const edge = total * (done + 1) / rows, next = cells[i + 1]?.[1] ?? 0, last = i === cells.length - 1;
      if (!last && Math.abs(seen - edge) > Math.abs(seen + next - edge)) return; // the next one comes nearer to a full row
      if (!last && seen < edge - next / 2) return;
      const sum = row.reduce((s, [, ratio]) => s + ratio, 0), full = (width - gap * (row.length - 1)) / sum, height = Math.min(full, wish * 1.6);
      put(row, height);
      tall += height + gap;
      row = [];
      done += 1;
    });
    list.classList.add("laid");
    return tall;
  }
  window.gallery.layAll = () => {
    if (!days) return;
    const box = getComputedStyle(days), width = days.clientWidth - parseFloat(box.paddingLeft) - parseFloat(box.paddingRight) - 0.5;
    if (width <= 0) return;
    const wish = size("--row"), gap = size("--gap");
    // A day that is not on the screen is not rendered, but has its height.
    days.querySelectorAll(".day").forEach((section) => {
      const tall = [...section.querySelectorAll(".tiles")].reduce((sum, list) => sum + gap + (list.kept ? parseFloat(list.style.height) : lay(list, width, wish, gap)), 58 - gap);
      section.style.containIntrinsicHeight = `auto ${tall}px`;
    });
    days.classList.add("ready");
  };
  window.gallery.layAll();
  let width = 0;
  if (days) new ResizeObserver(() => { if (days.clientWidth !== width) { width = days.clientWidth; window.gallery.layAll(); } }).observe(days);
})();
