// node page.mjs REPORT.html [FOLDER FOR SCREENSHOTS]: opens the page in Chromium and checks what a reader relies on.
import assert from "node:assert/strict";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";
import { contrasts, structure } from "./inside.mjs";

const [file, pictures] = process.argv.slice(2);
const address = pathToFileURL(path.resolve(file)).href;
const profile = fs.mkdtempSync(path.join(os.tmpdir(), "report-page-"));
const options = {
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  headless: true,
  chromiumSandbox: false,
  args: ["--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
};
if (pictures) fs.mkdirSync(pictures, { recursive: true });

// One browser a setting: scheme and scripting cannot be changed as thoroughly on a page that is open.
async function open(settings, test) {
  const folder = fs.mkdtempSync(path.join(profile, "user-"));
  const context = await chromium.launchPersistentContext(folder, { ...options, ...settings });
  const troubles = [];
  const asked = [];
  await context.route("**/*", (route) => {
    asked.push(route.request().url());
    return route.request().url() === address ? route.continue() : route.abort();
  });
  const page = context.pages()[0] ?? (await context.newPage());
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && troubles.push(message.text()));
  page.on("pageerror", (error) => troubles.push(String(error)));
  try {
    await page.goto(address);
    await test(page);
    assert.deepEqual(asked, [address], "a request left the page");
    assert.deepEqual(troubles, [], "the console complains");
  } finally {
    await context.close();
  }
}

const shoot = async (page, name, whole = true) => {
  if (pictures) await page.screenshot({ path: path.join(pictures, `${name}.png`), fullPage: whole });
};

async function sorting(page) {
  const order = (table, column) =>
    table.evaluate((t, i) => [...t.tBodies[0].rows].map((row) => row.cells[i].dataset.key ?? row.cells[i].textContent.trim()), column);
  const table = page.locator("table.results.sortable:not(.matrix)", { has: page.locator("tbody tr:nth-child(3)") }).first();
  const button = table.getByRole("button", { name: "Ours" });
  const head = button.locator("xpath=..");
  const column = await table.evaluate((t) => [...t.tBodies[0].rows[0].cells].findIndex((c) => c.dataset.label === "Ours"));
  const before = await order(table, column);
  await button.click();
  assert.equal(await head.getAttribute("aria-sort"), "ascending");
  const rising = [...before].filter(Boolean).sort((a, b) => a - b);
  assert.deepEqual((await order(table, column)).filter(Boolean), rising, "ascending by value");
  await button.focus();
  await page.keyboard.press("Enter");
  assert.equal(await head.getAttribute("aria-sort"), "descending");
  assert.deepEqual((await order(table, column)).filter(Boolean), rising.reverse(), "descending by value");
  assert.equal(await table.locator("th[aria-sort]").count(), 1, "one column is sorted");
  await table.getByRole("button", { name: "Method" }).click();
  const names = await order(table, 0);
  assert.deepEqual(names, [...names].sort((a, b) => a.localeCompare(b, "en", { numeric: true })), "ascending by method");
  const matrix = page.locator("table.matrix").first();
  if (await matrix.count()) {
    const last = matrix.getByRole("button").last();
    await last.click();
    const keys = (await order(matrix, await matrix.evaluate((t) => t.tBodies[0].rows[0].cells.length - 1))).map((k) => (k === "" || /not run/.test(k) ? Infinity : Number(k)));
    assert.deepEqual(keys, [...keys].sort((a, b) => a - b), "the matrix by its last column");
  }
}

async function values(page) {
  const panel = page.locator("figure.chart", { has: page.locator("table[data-panel]") }).first();
  const plot = panel.locator(".plot");
  const readout = panel.locator(".readout");
  await plot.scrollIntoViewIfNeeded();
  assert.equal(await readout.isVisible(), false);
  const box = await plot.boundingBox();
  const shown = new Set();
  // Places within the first plot of the drawing that is seen.
  const [left, top, right, bottom] = await plot.evaluate((p) => {
    const svg = [...p.querySelectorAll("svg.drawn")].find((s) => s.getClientRects().length);
    const scale = (svg.clientWidth * Number(svg.dataset.grid)) / svg.viewBox.baseVal.width;
    return svg.dataset.plots.split(",")[0].split(" ").map((v) => Number(v) * scale);
  });
  for (const part of [0.15, 0.4, 0.7]) {
    await page.mouse.move(box.x + left + (right - left) * part, box.y + (top + bottom) / 2);
    assert.ok(await readout.isVisible(), "the readout follows the pointer");
    shown.add(await readout.innerText());
    const inside = await readout.boundingBox();
    assert.ok(inside.x >= -1 && inside.x + inside.width <= page.viewportSize().width + 1, "the readout stays on the page");
  }
  assert.equal(shown.size, 3, "other places show other values");
  await page.mouse.move(0, 0);
  assert.equal(await readout.isVisible(), false, "it goes with the pointer");
  await plot.focus();
  assert.ok(await readout.isVisible(), "focus shows the final values");
  const last = Number(await plot.getAttribute("aria-valuenow"));
  await page.keyboard.press("ArrowLeft");
  assert.equal(Number(await plot.getAttribute("aria-valuenow")), last - 1);
  const cells = await panel.locator("table.data").first().locator("tbody tr").nth(last - 1).locator("td[data-x]").allTextContents();
  const told = await plot.getAttribute("aria-valuetext");
  for (const cell of cells) assert.ok(told.includes(cell) && (await readout.innerText()).includes(cell), `${cell} in ${told}`);
  await page.keyboard.press("Home");
  assert.equal(await plot.getAttribute("aria-valuenow"), "0");
  await page.keyboard.press("Escape");
  assert.equal(await readout.isVisible(), false);
}

async function fits(page, what) {
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  assert.ok(wide <= 0, `${what}: the page is ${wide} px wider than the window`);
  const { worst, count } = await page.evaluate(contrasts);
  assert.ok(count > 100, `${what}: only ${count} texts measured`);
  assert.ok(worst.ratio >= 4.5, `${what}: ${JSON.stringify(worst)}`);
  console.log(`${what}: ${count} texts, least contrast ${worst.ratio.toFixed(2)} ("${worst.text}")`);
}

try {
  for (const colorScheme of ["light", "dark"]) {
    for (const width of [1920, 1400, 1280, 390, 360]) {
      const settings = { colorScheme, viewport: { width, height: width < 400 ? 740 : 900 } };
      await open(settings, async (page) => {
        const what = `${width} px, ${colorScheme}`;
        await page.evaluate(() => document.querySelectorAll("details").forEach((d) => (d.open = true)));
        await fits(page, what);
        await page.evaluate(() => document.querySelectorAll("details").forEach((d) => (d.open = false)));
        await shoot(page, `${colorScheme}-${width}`);
        await shoot(page, `${colorScheme}-${width}-top`, false);
        await values(page);
        await page.locator("figure.chart:has(table) .plot").first().hover();
        await page.locator("figure.chart:has(table)").first().scrollIntoViewIfNeeded();
        await shoot(page, `${colorScheme}-${width}-values`, false);
        if (width === 1400) await sorting(page);
        await page.keyboard.press("Tab");
        const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
        assert.notEqual(outline, "none", "the focus can be seen");
      });
    }
  }
  await open({ javaScriptEnabled: true }, async (page) => {
    assert.deepEqual(await page.evaluate(structure), [], "structure");
  });
  await open({ javaScriptEnabled: false }, async (page) => {
    for (const table of await page.locator("table.results.sortable").all()) assert.ok(await table.isVisible());
    assert.ok((await page.locator("table.results tbody tr").count()) > 0);
    assert.equal(await page.getByRole("button").count(), 0, "no button that does nothing");
    assert.ok(await page.locator("svg.drawn.wide").first().isVisible());
  });
  await open({ reducedMotion: "reduce", colorScheme: "dark" }, async (page) => {
    assert.equal(await page.evaluate(() => getComputedStyle(document.documentElement).scrollBehavior), "auto");
    const pdf = await page.pdf({ format: "A4", printBackground: true });
    assert.equal(pdf.subarray(0, 5).toString(), "%PDF-");
    if (pictures) fs.writeFileSync(path.join(pictures, "print.pdf"), pdf);
    await page.emulateMedia({ media: "print", colorScheme: "dark" });
    await page.setViewportSize({ width: 720, height: 1000 });
    const ink = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    assert.equal(ink, "rgb(255, 255, 255)", "paper stays white");
    await fits(page, "print");
  });
  console.log("the page is sound");
} finally {
  fs.rmSync(profile, { recursive: true, force: true });
}
