"use strict";
// Sorting: headers become buttons; rows without a value stay last.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.querySelectorAll("th[data-sort]")];
  for (const head of heads) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const falling = head.getAttribute("aria-sort") === "ascending";
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", falling ? "descending" : "ascending");
      sort(table, column(table, head), head.dataset.sort === "number", falling ? -1 : 1);
    });
  }
}

// The index of a header's column, whatever spans the headers beside it have.
function column(table, head) {
  const taken = [];
  for (const [y, row] of [...table.tHead.rows].entries()) {
    let x = 0;
    for (const cell of row.cells) {
      while (taken[y]?.[x]) x++;
      if (cell === head) return x;
      for (let dy = 0; dy < cell.rowSpan; dy++)
        for (let dx = 0; dx < cell.colSpan; dx++) (taken[y + dy] ??= [])[x + dx] = true;
      x += cell.colSpan;
    }
  }
}

function sort(table, index, numeric, direction) {
  const body = table.tBodies[0];
  const keyed = [...body.rows].map((row) => {
    const cell = row.cells[index];
    const key = cell.dataset.key ?? cell.textContent.trim();
    return { row, key: key === "" ? null : numeric ? Number(key) : key };
  });
  keyed.sort((a, b) => {
    if (a.key === null || b.key === null) return (a.key === null) - (b.key === null);
    return direction * (numeric ? a.key - b.key : a.key.localeCompare(b.key, "en", { numeric: true }));
  });
  body.append(...keyed.map((k) => k.row));
}

// Values under the pointer and under the arrow keys; they are read from the panel's own table.
for (const panel of document.querySelectorAll(".curves .panel")) {
  const plot = panel.querySelector(".plot");
  const svg = plot.querySelector("svg");
  const table = panel.querySelector("table");
  const columns = [...table.tHead.rows[0].cells].slice(1);
  const rows = [...table.tBodies[0].rows].map((row) => {
    const cells = [...row.cells].slice(1);
    const xs = cells.filter((c) => c.dataset.x).map((c) => Number(c.dataset.x));
    return { step: row.cells[0].textContent, cells, x: xs.reduce((a, b) => a + b, 0) / xs.length };
  });
  const make = (name) => document.createElementNS("http://www.w3.org/2000/svg", name);
  const cursor = make("g");
  cursor.setAttribute("class", "cursor");
  const readout = document.createElement("div");
  readout.className = "readout";
  readout.hidden = true;
  svg.append(cursor);
  plot.append(readout);
  const title = panel.querySelector("h5").textContent;
  for (const [name, value] of Object.entries({
    role: "slider", tabindex: 0, "aria-valuemin": 0, "aria-valuemax": rows.length - 1, "aria-valuenow": rows.length - 1,
    "aria-label": `Values of ${title} by meta-iteration`,
  })) plot.setAttribute(name, value);

  // A method that was not evaluated at this very step shows its nearest value, and says where that is.
  const nearest = (index, of) => {
    const has = rows.map((_, i) => i).filter((i) => rows[i].cells[of].dataset.x);
    const far = (i) => Math.abs(rows[i].x - rows[index].x);
    return has.reduce((best, i) => (best === undefined || far(i) < far(best) ? i : best), undefined);
  };
  let shown = rows.length - 1;
  const show = (index) => {
    shown = index;
    cursor.replaceChildren();
    readout.replaceChildren();
    const line = make("path");
    line.setAttribute("d", `M${rows[index].x} ${svg.dataset.top}V${svg.dataset.bottom}`);
    cursor.append(line);
    const head = document.createElement("strong");
    head.textContent = rows[index].step === "final" ? "final evaluation" : `meta-iteration ${rows[index].step}`;
    readout.append(head);
    const told = [];
    columns.forEach((column, of) => {
      const at = rows[index].cells[of].dataset.x ? index : nearest(index, of);
      if (at === undefined) return;
      const cell = rows[at].cells[of];
      const dot = make("circle");
      dot.setAttribute("class", column.dataset.class);
      dot.setAttribute("cx", "level" in column.dataset && at !== index ? rows[index].x : cell.dataset.x);
      dot.setAttribute("cy", cell.dataset.y);
      dot.setAttribute("r", 4.5);
      cursor.append(dot);
      const where = at === index || "level" in column.dataset ? "" : ` (at ${rows[at].step})`;
      const entry = document.createElement("div");
      const key = document.createElement("i");
      key.className = column.dataset.class;
      const value = document.createElement("b");
      value.textContent = cell.textContent;
      entry.append(key, `${column.textContent} `, value, where);
      readout.append(entry);
      told.push(`${column.textContent} ${cell.textContent}${where}`);
    });
    plot.setAttribute("aria-valuenow", index);
    plot.setAttribute("aria-valuetext", `${head.textContent}: ${told.join("; ")}`);
    readout.hidden = false;
    const scale = plot.clientWidth / svg.viewBox.baseVal.width;
    const x = rows[index].x * scale;
    const room = plot.clientWidth - readout.offsetWidth;
    const left = x + 14 <= room ? x + 14 : x - 14 - readout.offsetWidth;
    readout.style.left = `${Math.max(0, Math.min(room, left))}px`;
  };
  const hide = () => {
    readout.hidden = true;
    cursor.replaceChildren();
  };
  const under = (event) => {
    const x = ((event.clientX - svg.getBoundingClientRect().left) / plot.clientWidth) * svg.viewBox.baseVal.width;
    const far = (i) => Math.abs(rows[i].x - x);
    show(rows.reduce((best, _, i) => (far(i) < far(best) ? i : best), 0));
  };
  plot.addEventListener("pointermove", under);
  plot.addEventListener("pointerdown", under);
  plot.addEventListener("pointerleave", () => (document.activeElement === plot ? show(shown) : hide()));
  plot.addEventListener("focus", () => show(shown));
  plot.addEventListener("blur", hide);
  plot.addEventListener("keydown", (event) => {
    const to = { ArrowLeft: shown - 1, ArrowDown: shown - 1, ArrowRight: shown + 1, ArrowUp: shown + 1,
      Home: 0, End: rows.length - 1, PageDown: shown - 5, PageUp: shown + 5 }[event.key];
    if (event.key === "Escape") hide();
    if (to === undefined) return;
    event.preventDefault();
    show(Math.max(0, Math.min(rows.length - 1, to)));
  });
}
