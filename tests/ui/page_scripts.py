"""How the browser is started, and scripts run in its pages; those that look for faults give a list of them."""

from __future__ import annotations

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
"""A browser that is sandboxed by the test machine and asks nobody for anything."""

POOR_CONTRAST = """() => {
  const parse = c => (c.match(/[\\d.]+/g) || []).map(Number);
  const part = v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => .2126 * part(r) + .7152 * part(g) + .0722 * part(b);
  const ground = e => {
    for (; e; e = e.parentElement) {
      const c = parse(getComputedStyle(e).backgroundColor);
      if (c.length === 3 || c[3] === 1) return c;
    }
    return [255, 255, 255];
  };
  const poor = [];
  for (const e of document.querySelectorAll('body *')) {
    if (!e.checkVisibility({visibilityProperty: true, opacityProperty: true})) continue;
    if (e.closest('[hidden], .sr-only, .is-off, svg')) continue;
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
    const [a, b] = [light(parse(getComputedStyle(e).color)), light(ground(e))].sort((x, y) => y - x);
    if ((a + .05) / (b + .05) < 4.5) poor.push(e.className + ': ' + e.innerText.slice(0, 20));
  }
  return poor;
}"""
"""Visible text with a contrast below 4.5."""

NAMELESS = """() => [...document.querySelectorAll('button, a, input, textarea')]
  .filter(e => e.checkVisibility({visibilityProperty: true}))
  .filter(e => !(e.innerText || e.ariaLabel || e.title || e.placeholder || e.labels?.length))
  .map(e => e.outerHTML)"""
"""Controls a screen reader could not name."""

SMALL_TARGETS = """() => [...document.querySelectorAll('button, a, summary, .pick, .chip span, #library-status label')]
  .filter(e => e.checkVisibility({visibilityProperty: true, opacityProperty: true}))
  .filter(e => e.getBoundingClientRect().width > 2 && !e.matches('.cite') && !e.closest('.lib-main, .lib-others li'))
  .filter(e => e.getBoundingClientRect().height < 44)
  .map(e => e.outerHTML.slice(0, 80))"""
"""What is less than 44 pixels high; the marks in a text have a larger area around them, tested apart."""

SMALL_INPUTS = """() => [...document.querySelectorAll('input:not([type=checkbox]):not([type=radio]), textarea')]
  .filter(e => parseFloat(getComputedStyle(e).fontSize) < 16)
  .map(e => e.outerHTML)"""
"""Inputs whose letters make a phone zoom in."""

HIT_IN_VIEW = """() => {
  const frame = document.querySelector('#reader iframe').contentDocument;
  const box = frame.querySelector('#hit').getBoundingClientRect();
  return box.top > 56 && box.bottom < frame.defaultView.innerHeight;
}"""
"""Whether the marked place of the original is on the screen, below the bar."""

CONFIRM_WORD = """(kind) => document.querySelector('#question textarea').dispatchEvent(
  new KeyboardEvent('keydown', {key: 'Enter', bubbles: true, cancelable: true, ...kind}))"""
"""Enter as an input method sends it."""
