// Looks at the pages of the journal as people do: node check.mjs PAGES [PICTURES]
//
// PAGES is a folder that the example `pages` of pool-watchdog has filled; pictures of them go to PICTURES.

import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

// The packages are in the folder that this is run in.
const require = createRequire(join(process.cwd(), "package.json"));
const { default: puppeteer } = await import(pathToFileURL(require.resolve("puppeteer-core")));
const AXE = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const [pages, pictures] = process.argv.slice(2).map((path) => resolve(path));
const NAMES = ["empty", "typical", "thousand", "foreign"];
const WIDTHS = { phone: 320, screen: 1280 };
const LONGEST_PAGE = 4_000_000;
const MOST_TABS = 150;

let checks = 0;
const faults = [];

function check(what, is_good, detail = "") {
    checks += 1;
    if (!is_good) faults.push(`${what}${detail && `: ${detail}`}`);
}

const browser = await puppeteer.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--font-render-hinting=none"],
});
try {
    for (const name of NAMES) await look_at(name);
} finally {
    await browser.close();
}
console.log(`${checks} checks, ${faults.length} failed`);
for (const fault of faults) console.log(`FAILED: ${fault}`);
process.exitCode = faults.length === 0 ? 0 : 1;

async function look_at(name) {
    const path = join(pages, name, "PROJECT_STATE.html");
    check(`${name}: is not too long`, statSync(path).size < LONGEST_PAGE);
    for (const scheme of ["light", "dark"]) {
        for (const [device, width] of Object.entries(WIDTHS)) {
            // A long page is looked at once for each theme: its parts are those of the others.
            if (name === "thousand" && (scheme === "light") !== (device === "screen")) continue;
            const page = await open(path, { name, scheme, width });
            await fits(page, `${name}, ${scheme}, ${device}`, width);
            await is_accessible(page, `${name}, ${scheme}, ${device}`);
            await take_picture(page, `${name}-${scheme}-${device}`);
            await page.close();
        }
    }
    await can_be_used_by_keyboard(path, name);
    await can_be_printed(path, name);
}

/// A page that may load nothing, and has nothing to say to the console.
async function open(path, { name, scheme = "light", width = WIDTHS.screen, scripts = true }) {
    const page = await browser.newPage();
    const url = pathToFileURL(path).href;
    page.on("request", (request) => {
        check(`${name}: asks for nothing`, request.url().split("#")[0] === url, request.url());
    });
    page.on("console", (message) => check(`${name}: says nothing`, false, message.text()));
    page.on("pageerror", (error) => check(`${name}: has no error`, false, error.message));
    await page.setJavaScriptEnabled(scripts);
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
    await page.setViewport({ width, height: 900 });
    await page.goto(url);
    check(`${name}: has no script`, (await page.$$("script, [onclick], [onload]")).length === 0);
    return page;
}

async function fits(page, what, width) {
    const widest = await page.evaluate(() => document.documentElement.scrollWidth);
    check(`${what}: does not scroll sideways`, widest <= width, `${widest} px`);
}

async function is_accessible(page, what) {
    await page.evaluate(AXE);
    // Of many tasks that are alike, some are enough.
    await page.evaluate(() => document.querySelectorAll(".task:nth-of-type(n+20)").forEach((task) => task.remove()));
    // With everything open, since what is folded is not looked at.
    await page.evaluate(() => document.querySelectorAll("details").forEach((details) => (details.open = true)));
    const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
    const told = violations.map(({ id, nodes }) => `${id} at ${nodes[0].html.slice(0, 120)} (${nodes.length} places): ${nodes[0].failureSummary}`);
    check(`${what}: axe finds nothing`, violations.length === 0, told.join("; "));
}

/// Tabs through the page without a script, and opens what is folded: every summary must come, in order, and then all can be read.
async function can_be_used_by_keyboard(path, name) {
    const page = await open(path, { name, scripts: false });
    const reached = [];
    await page.keyboard.press("Tab");
    check(`${name}: begins with a link past what is not needed`, (await focused(page)).text.startsWith("Skip to"));
    for (let tab = 0; tab < MOST_TABS; tab += 1) {
        const { kind, index, is_open, has_ring } = await focused(page);
        if (kind === "BODY") break;
        check(`${name}: shows where the focus is`, has_ring, `${kind} ${index}`);
        if (kind === "SUMMARY") {
            reached.push(index);
            if (!is_open) await page.keyboard.press("Enter");
        }
        await page.keyboard.press("Tab");
    }
    const summaries = (await page.$$("summary")).length;
    const expected = [...Array(Math.min(summaries, reached.length || summaries)).keys()];
    check(`${name}: every summary is reached in order`, reached.join() === expected.join(), `${reached} of ${summaries}`);
    if (name !== "thousand") {
        check(`${name}: all summaries are reached`, reached.length === summaries, `${reached.length} of ${summaries}`);
        check(`${name}: all can be read`, (await unseen(page)).length === 0, (await unseen(page)).join(" | "));
    }
    await page.close();
}

function focused(page) {
    return page.evaluate(() => {
        const element = document.activeElement;
        return {
            kind: element.tagName,
            index: [...document.querySelectorAll("summary")].indexOf(element),
            is_open: element.parentElement?.open ?? false,
            has_ring: getComputedStyle(element).outlineStyle !== "none",
            text: element.textContent,
        };
    });
}

/// The texts that nobody sees.
function unseen(page) {
    return page.evaluate(() => {
        const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
        const unseen = [];
        for (let node = walker.nextNode(); node; node = walker.nextNode()) {
            const element = node.parentElement;
            const is_text = node.data.trim() && !element.closest("style, .skip");
            if (is_text && !element.checkVisibility({ visibilityProperty: true, opacityProperty: true })) unseen.push(node.data.trim());
        }
        return unseen;
    });
}

/// Everything is on paper, also what was folded.
async function can_be_printed(path, name) {
    const page = await open(path, { name, scheme: "dark" });
    await page.emulateMediaType("print");
    check(`${name}: all is printed`, (await unseen(page)).length === 0, (await unseen(page)).slice(0, 5).join(" | "));
    // Hundreds of sheets of what is on a few.
    if (name === "thousand") return page.close();
    const words = await page.evaluate(() => {
        const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
        const words = new Set();
        for (let node = walker.nextNode(); node; node = walker.nextNode()) {
            if (!node.parentElement.closest("style, .skip, .symbol")) node.data.split(/\s+/).forEach((word) => words.add(word));
        }
        return [...words];
    });
    const file = join(pictures ?? tmpdir(), `${name}.pdf`);
    if (pictures) mkdirSync(pictures, { recursive: true });
    await page.pdf({ path: file, format: "A4", margin: { top: "15mm", bottom: "15mm", left: "15mm", right: "15mm" }, timeout: 120_000 });
    const printed = squeezed(execFileSync("pdftotext", [file, "-"], { encoding: "utf8", maxBuffer: 1 << 28 }));
    const missing = words.filter((word) => !printed.includes(squeezed(word)));
    check(`${name}: every word is on paper`, missing.length === 0, missing.slice(0, 20).join(" "));
    await page.close();
}

/// A text without what a line break does to it: a hyphen there may be one that was put in.
function squeezed(text) {
    return text.normalize("NFKC").replace(/[\s\u00ad-]+/g, "");
}

async function take_picture(page, name) {
    if (!pictures) return;
    mkdirSync(pictures, { recursive: true });
    await page.reload();
    const whole = !name.startsWith("thousand");
    writeFileSync(join(pictures, `${name}.png`), await page.screenshot({ fullPage: whole }));
    if (name === "typical-light-screen") {
        // docs/watchdog.png is a copy of it.
        const clip = { x: 130, y: 0, width: 1020, height: 1632 };
        writeFileSync(join(pictures, "watchdog.png"), await page.screenshot({ clip, captureBeyondViewport: true }));
    }
}
