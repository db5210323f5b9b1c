// Buttons that trigger a DAG. The request goes to Airflow's own API with the reader's own session: Airflow decides, and its audit log knows who asked.
// It is JSON, so that another site cannot send it without a preflight, which Airflow does not grant.
(() => {
  // Airflow may be served under a path.
  const airflow = (path) => new URL(document.documentElement.dataset.outer + path, location.origin);
  const api = (path) => airflow("/api/v2" + path);
  const time = (date) => date.toISOString().slice(11, 19) + " UTC";
  async function trigger(button) {
    const row = button.closest(".row"), status = document.createElement("p");
    status.setAttribute("role", "status");
    row.after(status);
    row.querySelectorAll("button").forEach((each) => { each.disabled = true; });
    const dag = button.dataset.dag, conf = JSON.parse(button.dataset.conf);
    let answer;
    try {
      answer = await fetch(api(`/dags/${encodeURIComponent(dag)}/dagRuns`), { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ logical_date: null, conf }) });
    } catch {
      answer = { ok: false, status: 0 };
    }
    if (!answer.ok) {
      const why = { 0: "Airflow does not answer", 401: "you are not logged in any more", 403: "you may not trigger it", 404: "there is no such DAG here", 409: "a run with these settings exists" }[answer.status] ?? `Airflow answered ${answer.status}`;
      status.textContent = `${dag} was not triggered: ${why}.`;
      row.querySelectorAll("button").forEach((each) => { each.disabled = false; });
      return;
    }
    const run = await answer.json(), asked = new Date();
    const link = document.createElement("a");
    link.href = airflow(`/dags/${encodeURIComponent(dag)}/runs/${encodeURIComponent(run.dag_run_id)}`);
    link.dataset.outside = "";
    link.textContent = "Open the run";
    const word = document.createElement("span");
    status.replaceChildren(word, " ", link);
    follow(dag, run.dag_run_id, asked, word);
  }
  function follow(dag, id, asked, word) {
    const since = () => `Requested at ${time(asked)}`;
    const words = { queued: "waiting for a worker", running: "under way", success: "done; read this page again", failed: "failed" };
    const dagUrl = api(`/dags/${encodeURIComponent(dag)}`), runUrl = api(`/dags/${encodeURIComponent(dag)}/dagRuns/${encodeURIComponent(id)}`);
    let state = "queued", paused = false;
    const look = async () => {
      try {
        const answer = await fetch(runUrl);
        if ([401, 403, 404].includes(answer.status)) {
          word.textContent = `${since()}. Airflow does not show the run any more (status ${answer.status}).`;
          return;
        }
        if (answer.ok) state = (await answer.json()).state;
        if (state === "queued") {
          const about = await fetch(dagUrl);
          if (about.ok) paused = (await about.json()).is_paused;
        }
      } catch { /* the last known state stays; the next request may be answered */ }
      const waits = state === "queued" && paused ? "waiting, because the DAG is paused in Airflow" : words[state] ?? state;
      word.textContent = `${since()}, ${waits}.`;
      if (state === "success" || state === "failed") return;
      setTimeout(look, 5000);
    };
    look();
  }
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button.act");
    if (button) trigger(button);
  });
})();
