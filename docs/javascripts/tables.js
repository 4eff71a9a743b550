// A table that is wider than its page is stacked instead of scrolled: one cell below the other, each with the heading of
// its column (stylesheets/extra.css). For a screen reader it stays a table: each part has its role by name, because
// browsers take the roles of a table's parts away where they are shown as blocks.
const tables = [...document.querySelectorAll(".md-typeset table:not([class])")]
const roles = { TABLE: "table", THEAD: "rowgroup", TBODY: "rowgroup", TR: "row", TH: "columnheader", TD: "cell" }

for (const table of tables) {
  const headings = [...table.querySelectorAll("thead th")].map((each) => each.textContent)
  for (const row of table.querySelectorAll("tbody tr"))
    [...row.cells].forEach((cell, column) => (cell.dataset.label = headings[column] ?? ""))
  for (const part of [table, ...table.querySelectorAll("thead, tbody, tr, th, td")]) part.setAttribute("role", roles[part.tagName])
}

function stack() {
  for (const table of tables) {
    delete table.dataset.stacked
    const frame = table.closest(".md-typeset__scrollwrap") ?? table.parentElement
    if (Math.max(frame.scrollWidth - frame.clientWidth, table.scrollWidth - table.clientWidth) > 1) table.dataset.stacked = ""
  }
}

stack()
addEventListener("resize", stack)
