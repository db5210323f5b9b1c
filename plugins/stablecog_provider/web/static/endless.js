// The endless page: older pictures below, newer ones above. A search goes on by itself until the screen is full. At most 300 tiles are in the
// document; lists far away keep their height alone.
(() => {
  const days = document.querySelector(".days");
  if (!days) return;
  const MOST = 300, NEAR = 1200, count = document.querySelector(".count"), nothing = document.querySelector(".nothing");
  let busy = false;
  async function extend(which) {
    const note = days.querySelector(`.more.${which}`), link = note?.querySelector("a");
    if (!link || busy) return;
    busy = true;
    try {
      const answer = await fetch(link.href + "&fragment=1", { headers: { accept: "text/html" } });
      if (!answer.ok) throw new Error(String(answer.status));
      const parsed = new DOMParser().parseFromString(await answer.text(), "text/html"); // parsed, never run: the policy forbids scripts in it
      note.remove();
      add([...parsed.body.children], which);
    } catch {
      link.textContent = "This could not be read. Try again";
      return;
    } finally {
      busy = false;
    }
    watch();
  }
  // A list that is there is not laid again, so that nothing moves: what is added to a day is a list of its own.
  function add(parts, which) {
    const newer = which === "newer", anchor = newer ? days.querySelector(".tiles") : null;
    if (newer && scrollY < 1) scrollTo({ top: 1, behavior: "instant" }); // at the very top, browsers keep the place of the page, not of the pictures
    const top = anchor?.getBoundingClientRect().top;
    for (const part of newer ? parts.reverse() : parts) {
      const edge = newer ? days.querySelector(".day") : [...days.querySelectorAll(".day")].at(-1);
      if (part.matches(".more") && !part.classList.contains(which)) continue;
      if (part.dataset.day && edge?.dataset.day === part.dataset.day) {
        if (newer) edge.querySelector(".tiles").before(part.querySelector(".tiles")); else edge.append(part.querySelector(".tiles"));
      } else if (newer) days.prepend(part); else days.append(part);
    }
    window.gallery.layAll();
    if (anchor && !CSS.supports("overflow-anchor", "auto")) scrollBy({ top: anchor.getBoundingClientRect().top - top, behavior: "instant" });
    fold();
    tell();
    days.dispatchEvent(new CustomEvent("grown"));
  }
  function tell() {
    const more = days.querySelector(".more");
    if (days.dataset.filtered) {
      const found = [...days.querySelectorAll(".day")].reduce((sum, section) => sum + Number(section.dataset.total), 0);
      count.textContent = count.textContent.replace(/^[\d,]+\+?/, found.toLocaleString("en") + (more ? "+" : ""));
    }
    const none = !more && !days.querySelector(".day");
    nothing.hidden = !none;
    days.hidden = none;
  }
  function fold() {
    const lists = [...days.querySelectorAll(".tiles:not(.folded)")].map((list) => { const box = list.getBoundingClientRect(); return [Math.max(box.top - innerHeight, -box.bottom), list, box.height]; });
    let tiles = lists.reduce((sum, [, list]) => sum + list.children.length, 0);
    for (const [far, list, height] of lists.sort((one, other) => other[0] - one[0])) {
      if (tiles <= MOST || far < NEAR * 1.5 || list.contains(document.activeElement)) return;
      tiles -= list.children.length;
      list.kept = [...list.children];
      list.replaceChildren();
      list.style.height = height + "px";
      list.classList.add("folded");
    }
  }
  const back = new IntersectionObserver((seen) => {
    const lists = seen.filter((each) => each.isIntersecting && each.target.kept).map((each) => each.target);
    if (!lists.length) return;
    for (const list of lists) {
      list.replaceChildren(...list.kept);
      list.kept = null;
      list.style.height = "";
      list.classList.remove("folded");
    }
    window.gallery.layAll();
    fold();
    days.dispatchEvent(new CustomEvent("grown"));
  }, { rootMargin: `${NEAR}px 0px` });
  const near = new IntersectionObserver((seen) => { if (seen.some((each) => each.isIntersecting)) extend("older"); }, { rootMargin: `${NEAR}px 0px` });
  function watch() {
    near.disconnect();
    const note = days.querySelector(".more.older");
    if (note) near.observe(note);
    days.querySelectorAll(".tiles").forEach((list) => back.observe(list));
  }
  days.addEventListener("click", (event) => {
    const link = event.target.closest(".more a");
    if (!link || event.ctrlKey || event.metaKey || event.button) return;
    event.preventDefault();
    extend(link.closest(".older") ? "older" : "newer");
  });
  let before = scrollY;
  addEventListener("scroll", () => {
    if (scrollY < before && scrollY < NEAR / 2) extend("newer");
    before = scrollY;
  }, { passive: true });
  watch();
})();
