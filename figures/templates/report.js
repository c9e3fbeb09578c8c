"use strict";
(() => {
  const table = document.getElementById("table-of-checks");
  if (!table) return;
  const body = table.tBodies[0];
  const rows = Array.from(body.rows);
  const columns = Array.from(table.tHead.rows[0].cells);

  // What has no number comes last, in either direction; rows that agree keep the order of the file.
  const key = (row, column) => row.cells[column].dataset.sort ?? row.cells[column].textContent.trim();
  const compare = (column, numeric, sign) => (one, other) => {
    const [a, b] = [key(one, column), key(other, column)];
    if (!numeric) return sign * a.localeCompare(b, "en", { numeric: true });
    if (a === "" || b === "") return (a === "") - (b === "");
    return sign * (Number(a) - Number(b));
  };

  const sortBy = (column) => {
    const next = { none: "ascending", ascending: "descending", descending: "none" };
    const order = next[columns[column].getAttribute("aria-sort")];
    columns.forEach((cell) => cell.setAttribute("aria-sort", "none"));
    columns[column].setAttribute("aria-sort", order);
    const numeric = columns[column].dataset.kind !== "text";
    const sorted = rows.slice();
    if (order !== "none") sorted.sort(compare(column, numeric, order === "ascending" ? 1 : -1));
    body.append(...sorted);
  };

  columns.forEach((cell, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...cell.childNodes);
    button.title = "Sort";
    button.addEventListener("click", () => sortBy(column));
    cell.setAttribute("aria-sort", "none");
    cell.append(button);
  });

  const controls = document.getElementById("controls");
  const verdict = document.getElementById("verdict");
  const search = document.getElementById("search");
  const count = document.getElementById("count");

  const filter = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const text = row.dataset.text.toLowerCase();
      const fits = (!verdict.value || row.dataset.verdict === verdict.value) && words.every((word) => text.includes(word));
      row.classList.toggle("filtered", !fits);
      shown += fits;
    }
    count.value = `${shown} of ${rows.length} checks`;
  };

  verdict.addEventListener("change", filter);
  search.addEventListener("input", filter);
  controls.addEventListener("submit", (event) => event.preventDefault());
  controls.hidden = false;
  filter();
})();
