// The rail: linear in time, ink for how much there is. It is the scroll bar of a million pictures; the page itself holds the days around.
(() => {
  const rail = document.querySelector(".rail");
  if (!rail) return;
  const at = rail.querySelector(".at"), label = at.querySelector("b"), track = rail.querySelector(".track"), day = 86400000;
  const first = Date.parse(rail.dataset.first), last = Date.parse(rail.dataset.last), length = Math.max(1, last - first), days = document.querySelector(".days");
  const months = "January February March April May June July August September October November December".split(" ");
  const name = (t, long) => { const d = new Date(t), m = months[d.getUTCMonth()]; return `${d.getUTCDate()} ${long ? m : m.slice(0, 3)} ${d.getUTCFullYear()}`; };
  let now = Date.parse(rail.dataset.at), timer = null;
  function move(t) {
    now = Math.min(last, Math.max(first, t));
    at.style.transform = `translateY(${(last - now) / length * track.clientHeight}px)`;
    label.textContent = name(now);
    const jump = document.querySelector(".jump .now");
    if (jump) jump.textContent = name(now);
    rail.setAttribute("aria-valuenow", String(Math.round((now - first) / day)));
    rail.setAttribute("aria-valuetext", name(now, true));
  }
  function go() {
    const date = new Date(now).toISOString().slice(0, 10), sections = [...(days?.querySelectorAll(".day[data-day]") ?? [])];
    const here = sections.find((section) => section.dataset.day === date);
    if (here) { here.scrollIntoView(); return; }
    const address = new URL(location.href);
    address.searchParams.set("at", date);
    for (const each of ["before", "after"]) address.searchParams.delete(each);
    location.assign(address);
  }
  // The address names the day that is on the screen, so that it can be shared and read again.
  function note(date) {
    if (document.querySelector("dialog[open]")) return;
    const address = new URL(location.href), newest = days.querySelector(".day")?.dataset.day === date && !days.querySelector(".more.newer");
    for (const each of ["at", "before", "after"]) address.searchParams.delete(each);
    if (!newest) address.searchParams.set("at", date);
    if (address.href !== location.href) history.replaceState(history.state, "", address);
  }
  // With a filter, the weeks in which something was found so far are in the accent colour.
  function hits() {
    if (!days?.dataset.filtered) return;
    const svg = track.querySelector("svg"), weeks = new Map(), all = Math.round(length / day) + 1;
    days.querySelectorAll(".day[data-total]").forEach((section) => { const week = Math.floor((Date.parse(section.dataset.day) - first) / day / 7); weeks.set(week, (weeks.get(week) ?? 0) + Number(section.dataset.total)); });
    const most = Math.max(...weeks.values(), 1);
    svg.querySelectorAll(".hit").forEach((mark) => mark.remove());
    weeks.forEach((total, week) => {
      const mark = document.createElementNS("http://www.w3.org/2000/svg", "rect");
      mark.setAttribute("class", "hit");
      for (const [name, value] of Object.entries({ x: 0, y: Math.max(0, all - (week + 1) * 7), width: 8 + 37 * total / most, height: 7.2 })) mark.setAttribute(name, String(value));
      svg.append(mark);
    });
  }
  const pointer = (event) => { const box = track.getBoundingClientRect(); return last - Math.min(1, Math.max(0, (event.clientY - box.top) / box.height)) * length; };
  rail.addEventListener("pointerdown", (event) => { rail.classList.add("moving"); rail.setPointerCapture(event.pointerId); move(pointer(event)); });
  rail.addEventListener("pointermove", (event) => { if (event.buttons) move(pointer(event)); });
  rail.addEventListener("pointerup", (event) => { rail.classList.remove("moving"); move(pointer(event)); go(); }); // pictures are requested on release, not on the way
  rail.addEventListener("keydown", (event) => {
    const by = { ArrowDown: -1, ArrowUp: 1, PageDown: -30, PageUp: 30 }[event.key];
    const to = event.key === "Home" ? last : event.key === "End" ? first : by ? now + by * day : null;
    if (to === null) return;
    event.preventDefault();
    move(to);
    clearTimeout(timer);
    timer = setTimeout(go, 400);
  });
  const eye = new IntersectionObserver((seen) => {
    const top = seen.find((each) => each.isIntersecting)?.target;
    if (!top || rail.classList.contains("moving")) return;
    move(Date.parse(top.dataset.day));
    if (scrollY > 0 || !days.querySelector(".more.newer")) note(top.dataset.day); // an address that was just opened stays as it is
  }, { rootMargin: "-160px 0px -70% 0px" });
  const watch = () => { days?.querySelectorAll(".day[data-day]").forEach((section) => eye.observe(section)); hits(); };
  days?.addEventListener("grown", watch);
  addEventListener("resize", () => move(now));
  watch();
  move(now);
})();
