// The viewer is a modal <dialog>: Escape, focus trap and the inert page behind come from the browser. Over a gallery, stepping replaces the
// entry of the history and opening adds one, so that Back closes.
(() => {
  const days = document.querySelector(".days");
  let viewer = null, opener = null;
  function begin(dialog) {
    viewer = dialog;
    viewer.removeAttribute("open");
    viewer.showModal();
    (viewer.querySelector(".step.next") ?? viewer.querySelector(".closing")).focus({ focusVisible: false });
    viewer.addEventListener("cancel", (event) => { event.preventDefault(); leave(); });
    viewer.addEventListener("keydown", pressed);
    viewer.addEventListener("click", clicked);
  }
  function end() {
    viewer?.close();
    viewer?.remove();
    viewer = null;
    if (opener?.isConnected) opener.focus();
  }
  const leave = () => { if (days) history.back(); else location.href = viewer.dataset.back; };
  async function show(href, opening) {
    const answer = await fetch(href + (href.includes("?") ? "&" : "?") + "fragment=1", { headers: { accept: "text/html" } });
    if (!answer.ok) { location.href = href; return; }
    const dialog = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("dialog");
    if (!dialog) { location.href = href; return; }
    if (days) history[opening ? "pushState" : "replaceState"]({ viewer: true }, "", href);
    else history.replaceState(null, "", href);
    if (viewer) { viewer.close(); viewer.remove(); }
    (document.querySelector("main") ?? document.body).append(dialog);
    begin(dialog);
  }
  function clicked(event) {
    const step = event.target.closest(".step, .siblings a"), closing = event.target.closest(".closing");
    if (event.ctrlKey || event.metaKey || event.button) return;
    if (closing) { event.preventDefault(); leave(); }
    if (step) { event.preventDefault(); show(step.href, false); }
  }
  function pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, textarea")) return;
    const press = { ArrowLeft: ".step.prev", ArrowRight: ".step.next", c: "[data-key=c]", d: ".download" }[event.key];
    if (press) { event.preventDefault(); viewer.querySelector(press)?.click(); }
  }
  // The picture is recorded as stored, but nothing can be drawn of it.
  document.addEventListener("error", (event) => {
    const image = event.target;
    if (!image.matches?.(".viewer img")) return;
    if (image.closest(".siblings")) {
      const box = document.createElement("span");
      box.className = "nopic";
      image.parentElement.setAttribute("aria-label", image.alt + ", no preview");
      image.replaceWith(box);
      return;
    }
    const note = document.createElement("div"), word = document.createElement("b"), why = document.createElement("span");
    note.className = "gonepic";
    word.textContent = "No preview";
    why.textContent = "Its row says that it is stored. Its object is missing from the bucket, or cannot be drawn here. A verify with --repair finds out, and puts it back if it can.";
    note.append(word, why);
    image.replaceWith(note);
  }, true);
  let swipe = null;
  document.addEventListener("pointerdown", (event) => { swipe = event.target.closest?.(".stage .pic") && event.pointerType === "touch" ? event.clientX : null; });
  document.addEventListener("pointerup", (event) => {
    if (swipe === null || !viewer) return;
    const by = event.clientX - swipe;
    swipe = null;
    if (Math.abs(by) > 60) viewer.querySelector(by < 0 ? ".step.next" : ".step.prev")?.click();
  });
  days?.addEventListener("click", (event) => {
    const link = event.target.closest(".tile > a");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    opener = link;
    show(link.href, true);
  });
  addEventListener("popstate", () => { if (viewer) end(); });
  const alone = document.querySelector("main > dialog.viewer");
  if (alone?.showModal) begin(alone);
})();
