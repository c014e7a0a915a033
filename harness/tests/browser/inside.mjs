// Functions that run inside the page; each stands alone.

// The least contrast (WCAG 2) of any visible text with what lies behind it, and how many texts were measured.
export function contrasts() {
  const parse = (text) => {
    const [r, g, b, a = 1] = text.match(/[\d.]+/g).map(Number);
    return { r, g, b, a };
  };
  const over = (top, under) => {
    const mix = (c) => top[c] * top.a + under[c] * (1 - top.a);
    return { r: mix("r"), g: mix("g"), b: mix("b"), a: 1 };
  };
  const luminance = ({ r, g, b }) => {
    const linear = (c) => ((c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  };
  const ground = (element) => {
    const layers = [];
    for (let e = element; e; e = e.parentElement) {
      const colour = parse(getComputedStyle(e).backgroundColor);
      layers.push(colour);
      if (colour.a === 1) break;
    }
    return layers.reverse().reduce((under, top) => over(top, under), { r: 255, g: 255, b: 255, a: 1 });
  };
  let worst = { ratio: 21, text: "" };
  let count = 0;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim();
    const element = walker.currentNode.parentElement;
    if (!text || ["SCRIPT", "STYLE"].includes(element.tagName) || element.closest(".hidden, .skip, svg.drawn")) continue;
    if (!element.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    const style = getComputedStyle(element);
    const back = ground(element);
    const ink = over(parse(element.closest("svg") ? style.fill : style.color), back);
    const [a, b] = [luminance(ink), luminance(back)];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    count++;
    if (ratio < worst.ratio) worst = { ratio, text: text.slice(0, 60), colour: style.color, element: element.outerHTML.slice(0, 120) };
  }
  return { worst, count };
}

// What a screen reader needs and would miss, one line each.
export function structure() {
  const missing = [];
  const all = (query) => [...document.querySelectorAll(query)];
  const need = (good, words) => good || missing.push(words);
  need(document.documentElement.lang === "en", "lang");
  need(document.title.length > 5, "title");
  need(all("h1").length === 1, "one h1");
  let level = 0;
  for (const heading of all("h1,h2,h3,h4,h5,h6")) {
    const next = Number(heading.tagName[1]);
    need(next <= level + 1, `heading ${heading.textContent} jumps from ${level} to ${next}`);
    level = next;
  }
  const ids = all("[id]").map((e) => e.id);
  need(new Set(ids).size === ids.length, "ids are unique");
  for (const table of all("table")) {
    need(table.caption?.textContent.trim(), "a table without a caption");
    for (const head of table.querySelectorAll("th")) need(head.scope, `th without scope: ${head.textContent}`);
    const widths = new Set([...table.tBodies[0].rows].map((row) => row.cells.length));
    need(widths.size <= 1, `rows of different length: ${table.caption?.textContent}`);
  }
  for (const svg of all("svg")) {
    const named = svg.getAttribute("role") === "img" && svg.getAttribute("aria-label");
    need(named || svg.getAttribute("aria-hidden") === "true", `a picture without a name: ${svg.outerHTML.slice(0, 80)}`);
  }
  for (const link of all("a[href]")) {
    const to = link.getAttribute("href");
    need(to.startsWith("#") && document.getElementById(decodeURIComponent(to.slice(1))), `a link to nowhere: ${to}`);
  }
  return missing;
}
