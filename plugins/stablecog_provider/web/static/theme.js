// Before the first paint: Airflow's theme where we are inside it (same origin, localStorage "theme"), else the system's.
// CSS needs one attribute only; a page without JavaScript is light.
(() => {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    let stored = null;
    try { stored = localStorage.getItem("theme"); } catch { /* a locked-down frame */ }
    const theme = stored === "light" || stored === "dark" ? stored : system.matches ? "dark" : "light";
    document.documentElement.dataset.theme = theme;
  };
  apply();
  document.documentElement.classList.add("js");
  system.addEventListener("change", apply);
  addEventListener("storage", (event) => { if (event.key === "theme") apply(); }); // Airflow's switch, without a reload
})();
