// Filters, selection, and keys of the gallery.
(() => {
  const days = document.querySelector(".days"), form = document.querySelector("form.tools"), bar = document.querySelector(".selection");
  // ---- filters: a menu is sent when it closes, a flag at once, and the address holds them all
  const send = () => {
    const asked = new URLSearchParams();
    new FormData(form).forEach((value, name) => { if (value) asked.append(name, value); });
    location.href = form.action + (String(asked) ? "?" + asked : "");
  };
  form.addEventListener("submit", (event) => { event.preventDefault(); send(); });
  form.querySelectorAll(".flag input").forEach((box) => box.addEventListener("change", send));
  document.addEventListener("click", (event) => form.querySelectorAll("details.menu[open]").forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; }));
  form.addEventListener("keydown", (event) => { if (event.key === "Escape") { const menu = event.target.closest("details[open]"); if (menu) { menu.open = false; menu.querySelector("summary").focus(); } } });
  // ---- dialogs
  const restore = document.querySelector("dialog.restore"), jumper = document.querySelector("dialog.jumper");
  document.querySelector(".jump")?.addEventListener("click", () => jumper.showModal());
  const into = restore?.querySelector("[name=into]"), act = restore?.querySelector(".act");
  into?.addEventListener("input", () => {
    act.disabled = !/^s3:\/\/[^/]+/.test(into.value);
    act.dataset.conf = JSON.stringify({ ...JSON.parse(act.dataset.conf), into: into.value.trim() });
  });
  const offer = (what, command, where) => {
    if (act) act.dataset.conf = JSON.stringify({ ...JSON.parse(act.dataset.conf), where });
    restore.querySelector(".what").textContent = what;
    restore.querySelector("code").textContent = command;
    restore.querySelector("button.copy").dataset.text = command;
    restore.showModal();
  };
  const whole = restore?.querySelector("code").textContent ?? "";
  document.querySelector(".matches")?.addEventListener("click", () => offer("everything that matches the filters", whole, restore.dataset.where));
  if (!days) return;
  // ---- selection
  let anchor = null;
  const boxes = () => [...days.querySelectorAll(".pick input")];
  const chosen = new Set();
  const show = () => {
    bar.hidden = chosen.size === 0;
    days.classList.toggle("picking", chosen.size > 0);
    bar.querySelector("b").textContent = chosen.size + " selected";
  };
  const set = (box, on) => { box.checked = on; chosen[on ? "add" : "delete"](box.closest(".tile").dataset.id); };
  days.addEventListener("click", (event) => {
    const box = event.target.closest(".pick input"), all = event.target.closest("header .all");
    if (all) { all.closest(".day").querySelectorAll(".pick input").forEach((each) => set(each, true)); show(); }
    if (!box) return;
    const list = boxes(), i = list.indexOf(box);
    set(box, box.checked);
    if (event.shiftKey && anchor && list.includes(anchor)) { const k = list.indexOf(anchor); for (let n = Math.min(i, k); n <= Math.max(i, k); n++) set(list[n], box.checked); }
    anchor = box;
    show();
  });
  bar.querySelector(".clear").addEventListener("click", () => { chosen.clear(); boxes().forEach((box) => { box.checked = false; }); show(); });
  bar.querySelector(".restoring").addEventListener("click", () => {
    const where = `output_id IN (${[...chosen].map((id) => "'" + id.replaceAll("'", "''") + "'").join(", ")})`;
    const word = where.replace(/[\\"$`]/g, "\\$&");
    offer(chosen.size === 1 ? "the selected picture" : `${chosen.size} selected pictures`, whole.replace(/ --where .*$/s, "") + ` --where "${word}"`, where);
  });
  // ---- keys: one tab stop for the whole grid, arrows inside it
  const links = () => [...days.querySelectorAll(".tile > a")];
  const focus = (link) => { links().forEach((other) => { other.tabIndex = -1; }); link.tabIndex = 0; link.focus(); link.scrollIntoView({ block: "nearest" }); };
  const prepare = () => {
    const all = links();
    all.forEach((link, i) => { link.tabIndex = all.some((other) => other === document.activeElement) ? (link === document.activeElement ? 0 : -1) : i ? -1 : 0; });
    boxes().forEach((box) => { box.tabIndex = -1; box.checked = chosen.has(box.closest(".tile").dataset.id); }); // reached by Space on the picture
  };
  const upDown = (link, way) => {
    const from = link.getBoundingClientRect(), x = from.left + from.width / 2;
    let best = null, cost = Infinity;
    for (const other of links()) {
      const to = other.getBoundingClientRect(), dy = (to.top - from.top) * way;
      if (dy < from.height / 2) continue;
      const c = dy * 4 + Math.abs(to.left + to.width / 2 - x);
      if (c < cost) { cost = c; best = other; }
    }
    return best;
  };
  days.addEventListener("keydown", (event) => {
    const all = links(), i = all.indexOf(document.activeElement);
    if (i < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const next = { ArrowRight: () => all[i + 1], ArrowLeft: () => all[i - 1], ArrowDown: () => upDown(all[i], 1), ArrowUp: () => upDown(all[i], -1), Home: () => all[0], End: () => all.at(-1) }[event.key]?.();
    if (next) { event.preventDefault(); focus(next); }
    if (event.key === " ") { event.preventDefault(); all[i].parentElement.querySelector("input")?.click(); }
  });
  document.addEventListener("keydown", (event) => {
    if (event.target.matches("input, textarea") || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.key === "/") { event.preventDefault(); form.querySelector("[name=q]").focus(); }
    const step = { "[": -1, "]": 1 }[event.key];
    if (!step) return;
    const sections = [...days.querySelectorAll(".day")], here = sections.findIndex((section) => section.getBoundingClientRect().bottom > 160);
    sections[Math.max(0, here + step)]?.scrollIntoView();
  });
  // ---- no preview: the picture is there, but nothing can be drawn of it
  days.addEventListener("error", (event) => {
    if (!event.target.matches(".tile img") || event.target.classList.contains("broken")) return;
    event.target.classList.add("broken");
    const note = document.createElement("span");
    note.className = "nopreview";
    note.textContent = "No preview";
    event.target.after(note);
  }, true);
  days.addEventListener("grown", prepare);
  prepare();
})();
