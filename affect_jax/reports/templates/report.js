"use strict";
// A click on a head sorts a table by that column: by its first number where there is one, else as text.
const number = (text) => {
  const found = /^[^\d−+-]{0,2}([−+-]?(?:\d+\.?\d*|\.\d+)(?:e[−+-]?\d+)?)/.exec(text.trim());
  return found ? Number(found[1].replace(/−/g, "-")) : NaN;
};

for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.querySelectorAll("tr.names th")];
  const body = table.tBodies[0];
  heads.forEach((head, column) => {
    head.querySelector("button").addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") !== "descending";
      const cells = [...body.rows].map((row) => ({ row, text: row.cells[column].textContent }));
      const numeric = cells.some(({ text }) => !Number.isNaN(number(text)))
        && cells.every(({ text }) => !text.trim() || !Number.isNaN(number(text)));
      cells.sort((a, b) => {
        const empty = Number(!a.text.trim()) - Number(!b.text.trim());  // what is not there comes last either way
        if (empty) return empty;
        const order = numeric ? number(a.text) - number(b.text) : a.text.localeCompare(b.text);
        return down ? -order : order;
      });
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      body.append(...cells.map(({ row }) => row));
    });
  });
}
