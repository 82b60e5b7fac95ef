"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const filters = document.getElementById("filters");
  const methods = document.getElementById("methods");
  const selects = all("select[data-facet]", filters);

  // Sorting. What has no value comes last whatever the order; equals keep their order.
  const keyOf = (row, place, isNumber) => {
    const cell = row.cells[place];
    if (!isNumber) return cell.textContent.trim() || null;
    const value = parseFloat(cell.dataset.value);
    return Number.isFinite(value) ? value : null;
  };
  const compare = (a, b) => (typeof a === "number" ? a - b : a.localeCompare(b, "en"));
  const sort = (table, header) => {
    const other = { ascending: "descending", descending: "ascending" };
    const order = other[header.getAttribute("aria-sort")] ?? header.dataset.first;
    const sign = order === "ascending" ? 1 : -1;
    const isNumber = header.dataset.sort === "number";
    const body = table.tBodies[0];
    const keyed = [...body.rows].map((row) => [keyOf(row, header.cellIndex, isNumber), row]);
    keyed.sort(([a], [b]) => {
      if (a === null || b === null) return (a === null) - (b === null);
      return sign * compare(a, b);
    });
    body.append(...keyed.map(([, row]) => row));
    for (const one of table.tHead.rows[0].cells) one.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", order);
  };
  for (const table of all("table.sortable")) {
    for (const header of table.tHead.rows[0].cells) {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...header.childNodes);
      button.addEventListener("click", () => sort(table, header));
      header.append(button);
    }
  }

  // Filtering. An element is shown if each of its attributes allows it.
  const isNamed = (name) => {
    const parts = methods.value.toLowerCase().split(/[\s,]+/).filter(Boolean);
    return parts.length === 0 || parts.some((part) => name.toLowerCase().includes(part));
  };
  const isChosen = (element) =>
    selects.every(({ value, dataset: { facet } }) => {
      const own = element.dataset[facet];
      return value === "" || own === undefined || own.split("|").includes(value);
    });
  const columns = all("table.sortable").map((table) => {
    const headers = [...table.tHead.rows[0].cells].filter((header) => header.dataset.source);
    return [table, headers];
  });
  const faceted = all("main section[data-stage], main tbody tr, main [data-method]");
  const filter = () => {
    for (const element of faceted) {
      const name = element.dataset.method;
      element.hidden = !((name === undefined || isNamed(name)) && isChosen(element));
    }
    for (const [table, headers] of columns) {
      for (const header of headers) {
        const isHidden = !isChosen(header);
        if (header.hidden === isHidden) continue;
        header.hidden = isHidden;
        for (const row of table.tBodies[0].rows) row.cells[header.cellIndex].hidden = isHidden;
      }
    }
    const names = new Set(all("tr[data-method]").map((row) => row.dataset.method));
    const count = [...names].filter(isNamed).length;
    document.getElementById("shown").textContent = `${count} of ${names.size} methods`;
  };
  const reset = () => {
    methods.value = "";
    for (const select of selects) select.value = "";
    filter();
  };
  methods.addEventListener("input", filter);
  for (const select of selects) select.addEventListener("change", filter);
  document.getElementById("reset").addEventListener("click", reset);

  // Links lead to what may be folded or filtered away.
  const reveal = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target === null) return;
    if (target.closest("[hidden]")) reset();
    for (let part = target; part; part = part.parentElement) {
      if (part.tagName === "DETAILS") part.open = true;
    }
    if (target.classList.contains("cell")) {
      for (const part of all("details", target)) part.open = true;
    }
    target.scrollIntoView();
  };
  addEventListener("hashchange", reveal);
  document.addEventListener("click", (event) => {
    // The same link again changes no address.
    const link = event.target.closest?.("a[href^='#']");
    if (link && link.getAttribute("href") === location.hash) reveal();
  });

  filters.hidden = false;
  filter(); // a browser may have kept what was chosen before
  if (location.hash) reveal();
})();
