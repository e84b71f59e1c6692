"use strict";
// A click on a heading sorts its table; a second click turns the order round. Unknown values stay last.
// The address can say it, too: #sort=TABLE,COLUMN or #sort=TABLE,COLUMN,descending (columns count from 0).
function sortTable(table, column, descending) {
  const value = (row) => row.cells[column].dataset.value;
  const numeric = table.tHead.rows[0].cells[column].classList.contains("number");
  const compare = (a, b) =>
    numeric ? Number(a) - Number(b) : a.localeCompare(b, "en", { numeric: true, sensitivity: "base" });
  const body = table.tBodies[0];
  const rows = Array.from(body.rows);
  rows.sort((one, two) => {
    const a = value(one), b = value(two);
    if (a === "" || b === "") return (a === "") - (b === "");
    return descending ? compare(b, a) : compare(a, b);
  });
  body.append(...rows);
  Array.from(table.tHead.rows[0].cells).forEach((heading, index) => {
    const order = descending ? "descending" : "ascending";
    heading.setAttribute("aria-sort", index === column ? order : "none");
  });
}

document.addEventListener("click", (event) => {
  const heading = event.target.closest("thead th");
  if (heading) sortTable(heading.closest("table"), heading.cellIndex, heading.ariaSort === "ascending");
});

function sortAsAddressSays() {
  const [name, column, order] = (location.hash.match(/^#sort=(.*)$/)?.[1] ?? "").split(",");
  const table = name && document.getElementById(name);
  if (table?.tHead?.rows[0].cells[column]) sortTable(table, Number(column), order === "descending");
}
addEventListener("hashchange", sortAsAddressSays);
sortAsAddressSays();
