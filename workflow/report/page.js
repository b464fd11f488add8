"use strict";
(() => {
  // Everything on the page can be read without this; it sorts, filters and tries thresholds.
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];

  const sortTable = (table, index, numbers) => {
    const headings = all("thead th", table);
    const down = headings[index].getAttribute("aria-sort") === "ascending";
    headings.forEach((th) => th.hasAttribute("data-sort") && th.setAttribute("aria-sort", "none"));
    headings[index].setAttribute("aria-sort", down ? "descending" : "ascending");
    const key = (row) => row.cells[index].dataset.value ?? "";
    const rows = all("tbody tr", table).map((row) => [row, key(row)]);
    rows.sort(([, a], [, b]) => {
      if (numbers) {
        // Empty cells stay at the end, whichever way the rest is sorted.
        if (a === "" || b === "") return (a === "") - (b === "");
        return (down ? -1 : 1) * (Number(a) - Number(b));
      }
      return (down ? -1 : 1) * a.localeCompare(b, "en", { numeric: true });
    });
    table.tBodies[0].append(...rows.map(([row]) => row));
  };
  for (const table of all("table.sortable")) {
    all("thead th", table).forEach((th, index) => {
      if (!th.dataset.sort) return;
      const button = document.createElement("button");
      button.type = "button";
      button.append(...th.childNodes);
      th.append(button);
      th.setAttribute("aria-sort", "none");
      button.addEventListener("click", () => sortTable(table, index, th.dataset.sort === "number"));
    });
  }

  for (const input of all("input[data-table]")) {
    const rows = all(`#${input.dataset.table} tbody tr`);
    const count = input.parentElement.querySelector("[aria-live]");
    input.parentElement.hidden = false;
    input.addEventListener("input", () => {
      const wanted = input.value.trim().toLowerCase();
      let shown = 0;
      for (const row of rows) {
        row.hidden = !row.textContent.toLowerCase().includes(wanted);
        shown += !row.hidden;
      }
      count.textContent = wanted ? `${shown} of ${rows.length}` : "";
    });
  }

  const slider = document.getElementById("threshold");
  if (slider) {
    const rows = all("#threshold-table tbody tr");
    const output = document.getElementById("matrix-threshold");
    const note = document.getElementById("matrix-note");
    const atHome = note.innerHTML;
    const home = rows.findIndex((row) => row.classList.contains("chosen"));
    const number = (row, i) => Number(row.cells[i].textContent.replaceAll(",", ""));
    const share = (part, whole) => {
      const digits = whole >= 1000 ? 1 : 0;
      const least = 10 ** -digits;
      const percent = (100 * part) / whole;
      if (part > 0 && Number(percent.toFixed(digits)) === 0) return `< ${least} %`;
      if (part < whole && Number(percent.toFixed(digits)) === 100) return `> ${100 - least} %`;
      return `${percent.toFixed(digits)} %`;
    };
    const show = () => {
      const row = rows[slider.value];
      const [found, missed, alarms, rest] = [1, 2, 3, 4].map((i) => number(row, i));
      const cells = {
        true_positives: [found, found + missed],
        false_negatives: [missed, found + missed],
        false_positives: [alarms, alarms + rest],
        true_negatives: [rest, alarms + rest],
      };
      for (const [name, [part, whole]] of Object.entries(cells)) {
        document.getElementById(`cell-${name}`).textContent = part.toLocaleString("en");
        document.getElementById(`share-${name}`).textContent = share(part, whole);
      }
      output.textContent = row.dataset.t;
      slider.setAttribute("aria-valuetext", `threshold ${row.dataset.t}`);
      if (Number(slider.value) === home) note.innerHTML = atHome;
      else {
        const [precision, recall, f1] = [6, 7, 8].map((i) => row.cells[i].textContent);
        note.textContent = `precision ${precision}, recall ${recall}, F1 ${f1} on these rows`;
      }
    };
    slider.value = home;
    slider.closest(".slider").hidden = false;
    slider.addEventListener("input", show);
    document.getElementById("threshold-home").addEventListener("click", () => {
      slider.value = home;
      show();
    });
    slider.setAttribute("aria-valuetext", `threshold ${rows[home].dataset.t}`);
  }

  // A link into something folded unfolds it; all is unfolded for printing.
  const unfold = () => {
    let place = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (; place; place = place.parentElement) if (place.tagName === "DETAILS") place.open = true;
  };
  addEventListener("hashchange", unfold);
  unfold();
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = all("details:not([open])");
    folded.forEach((details) => (details.open = true));
  });
  addEventListener("afterprint", () => folded.forEach((details) => (details.open = false)));

  const links = all(".contents a");
  for (const link of all(".contents.narrow a")) {
    link.addEventListener("click", () => link.closest("details").removeAttribute("open"));
  }
  if ("IntersectionObserver" in window && links.length) {
    const seen = new Map();
    const observer = new IntersectionObserver((entries) => {
      entries.forEach((entry) => seen.set(entry.target.id, entry.isIntersecting));
      const current = all("main > section").find((section) => seen.get(section.id))?.id;
      links.forEach((link) => {
        if (link.hash === `#${current}`) link.setAttribute("aria-current", "true");
        else link.removeAttribute("aria-current");
      });
    }, { rootMargin: "-10% 0px -70% 0px" });
    all("main > section").forEach((section) => observer.observe(section));
  }

  // Inside Snakemake's own report a page has no folder that its links could start from.
  if (location.protocol === "data:") {
    all('a[href$=".html"]').forEach((link) => link.removeAttribute("href"));
  }
})();
