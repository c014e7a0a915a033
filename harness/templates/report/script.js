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

// Values under the pointer and under the arrow keys; they are read from the tables beneath the drawing.
for (const figure of document.querySelectorAll("figure.chart")) {
  const tables = [...figure.querySelectorAll("table[data-panel]")];
  if (!tables.length) continue;
  const plot = figure.querySelector(".plot");
  const svgs = [...plot.querySelectorAll("svg.drawn")];
  // Every row of every panel: a place to stop at.
  const panels = tables.map((table) => {
    const columns = [...table.tHead.rows[0].cells];
    const rows = [...table.tBodies[0].rows].map((row) => {
      const cells = [...row.cells].slice(1);
      const xs = cells.filter((c) => c.dataset.x).map((c) => Number(c.dataset.x));
      return { step: row.cells[0].textContent, cells, x: xs.reduce((a, b) => a + b, 0) / xs.length };
    });
    return { index: Number(table.dataset.panel), of: columns[0].textContent, columns: columns.slice(1), rows };
  });
  const stops = panels.flatMap((panel) => panel.rows.map((_, row) => ({ panel, row })));
  const make = (name) => document.createElementNS("http://www.w3.org/2000/svg", name);
  const cursors = svgs.map((svg) => {
    const cursor = make("g");
    cursor.setAttribute("class", "cursor");
    svg.append(cursor);
    return cursor;
  });
  const readout = document.createElement("div");
  readout.className = "readout";
  readout.hidden = true;
  plot.append(readout);
  // The drawing that is seen, and its plots: left, top, right and bottom in units of its view box.
  const seen = () => {
    const at = svgs.findIndex((svg) => svg.getClientRects().length);
    const svg = svgs[at];
    const grid = Number(svg.dataset.grid);
    const plots = svg.dataset.plots.split(",").map((text) => text.split(" ").map((v) => Number(v) * grid));
    return { svg, cursor: cursors[at], plots, grid };
  };
  for (const [name, value] of Object.entries({
    role: "slider", tabindex: 0, "aria-valuemin": 0, "aria-valuemax": stops.length - 1,
    "aria-valuenow": panels[0].rows.length - 1, "aria-label": `Values of ${svgs[0].getAttribute("aria-label")}`,
  })) plot.setAttribute(name, value);

  // A method that was not evaluated at this very step shows its nearest value, and says where that is.
  const nearest = (rows, index, of) => {
    const has = rows.map((_, i) => i).filter((i) => rows[i].cells[of].dataset.x);
    const far = (i) => Math.abs(rows[i].x - rows[index].x);
    return has.reduce((best, i) => (best === undefined || far(i) < far(best) ? i : best), undefined);
  };
  let shown = panels[0].rows.length - 1;
  const hide = () => {
    readout.hidden = true;
    cursors.forEach((cursor) => cursor.replaceChildren());
  };
  const show = (stop) => {
    shown = stop;
    hide();
    readout.replaceChildren();
    const { panel, row } = stops[stop];
    const { svg, cursor, plots, grid } = seen();
    const [left, top, right, bottom] = plots[panel.index];
    const across = (x) => left + x * (right - left);
    const x = across(panel.rows[row].x);
    const line = make("path");
    line.setAttribute("d", `M${x} ${top}V${bottom}`);
    cursor.append(line);
    const head = document.createElement("strong");
    head.textContent = panel.rows[row].step === "final" ? "final evaluation" : `${panel.of} ${panel.rows[row].step}`;
    readout.append(head);
    const told = [];
    panel.columns.forEach((column, of) => {
      const at = panel.rows[row].cells[of].dataset.x ? row : nearest(panel.rows, row, of);
      if (at === undefined) return;
      const cell = panel.rows[at].cells[of];
      const level = "level" in column.dataset;
      const dot = make("circle");
      dot.style.stroke = column.dataset.colour;
      dot.setAttribute("cx", level && at !== row ? x : across(Number(cell.dataset.x)));
      dot.setAttribute("cy", top + Number(cell.dataset.y) * (bottom - top));
      dot.setAttribute("r", 4.5 * grid);
      cursor.append(dot);
      const where = at === row || level ? "" : ` (at ${panel.rows[at].step})`;
      const entry = document.createElement("div");
      const key = document.createElement("i");
      key.style.background = column.dataset.colour;
      const value = document.createElement("b");
      value.textContent = cell.textContent;
      entry.append(key, `${column.textContent} `, value, where);
      readout.append(entry);
      told.push(`${column.textContent} ${cell.textContent}${where}`);
    });
    plot.setAttribute("aria-valuenow", stop);
    plot.setAttribute("aria-valuetext", `${head.textContent}: ${told.join("; ")}`);
    readout.hidden = false;
    const at = (x * svg.clientWidth) / svg.viewBox.baseVal.width;
    const room = plot.clientWidth - readout.offsetWidth;
    const beside = at + 14 <= room ? at + 14 : at - 14 - readout.offsetWidth;
    readout.style.left = `${Math.max(0, Math.min(room, beside))}px`;
  };
  const under = (event) => {
    const { svg, plots } = seen();
    const box = svg.getBoundingClientRect();
    const unit = svg.viewBox.baseVal.width / box.width;
    const [x, y] = [(event.clientX - box.left) * unit, (event.clientY - box.top) * unit];
    const inside = ({ panel }) => {
      const [left, top, right, bottom] = plots[panel.index];
      return x >= left && x <= right && y >= top && y <= bottom;
    };
    const here = stops.map((_, i) => i).filter((i) => inside(stops[i]));
    const far = (i) => {
      const [left, , right] = plots[stops[i].panel.index];
      return Math.abs(left + stops[i].panel.rows[stops[i].row].x * (right - left) - x);
    };
    if (here.length) show(here.reduce((best, i) => (far(i) < far(best) ? i : best)));
    else hide();
  };
  plot.addEventListener("pointermove", under);
  plot.addEventListener("pointerdown", under);
  plot.addEventListener("pointerleave", () => (document.activeElement === plot ? show(shown) : hide()));
  plot.addEventListener("focus", () => show(shown));
  plot.addEventListener("blur", hide);
  plot.addEventListener("keydown", (event) => {
    const to = { ArrowLeft: shown - 1, ArrowDown: shown - 1, ArrowRight: shown + 1, ArrowUp: shown + 1,
      Home: 0, End: stops.length - 1, PageDown: shown - 5, PageUp: shown + 5 }[event.key];
    if (event.key === "Escape") hide();
    if (to === undefined) return;
    event.preventDefault();
    show(Math.max(0, Math.min(stops.length - 1, to)));
  });
}
