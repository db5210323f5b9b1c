// What every page does: copying of commands, dialogs, links out of Airflow's frame.
(() => {
  const written = (text) => navigator.clipboard?.writeText(text);
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button.copy");
    if (!button) return;
    const text = button.dataset.text ?? document.getElementById(button.dataset.from)?.textContent ?? "";
    written(text)?.then(() => {
      const label = button.querySelector("span"), status = document.querySelector("dialog[open] [role=status], [role=status]");
      if (status) status.textContent = "Copied";
      if (!label) return;
      const was = label.textContent;
      label.textContent = "Copied";
      setTimeout(() => { label.textContent = was; }, 1600);
    });
  });
  document.addEventListener("click", (event) => event.target.closest("dialog .close")?.closest("dialog").close());
  document.querySelectorAll(".axis.years span, .rail .year").forEach((mark) => {
    // CSSOM: a strict policy allows no style in the markup.
    mark.style[mark.classList.contains("year") ? "top" : "left"] = mark.dataset.at + "%";
  });
  // Airflow shows the page in a sandboxed frame that blocks `target` and, in some versions, downloads. An anchor of the parent may do both.
  const frame = window.frameElement;
  if (!frame) return;
  const outside = (href, download) => {
    const anchor = parent.document.createElement("a");
    anchor.href = href;
    if (download !== null) anchor.download = download;
    parent.document.body.append(anchor);
    anchor.click();
    anchor.remove();
  };
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-outside], a[download]");
    if (!link || event.ctrlKey || event.metaKey || event.button) return;
    const blocked = frame.sandbox.length && !frame.sandbox.contains("allow-downloads");
    if (link.hasAttribute("download") && !blocked) return;
    event.preventDefault();
    outside(link.href, link.getAttribute("download"));
  });
})();
