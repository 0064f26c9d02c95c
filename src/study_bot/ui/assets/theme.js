// Runs before the first paint: colour scheme, and the one language of this site.
(() => {
  "use strict";
  const KEY = "study-bot-theme";
  const system = matchMedia("(prefers-color-scheme: dark)");

  const stored = () => {
    try { return localStorage.getItem(KEY); } catch { return null; }
  };
  const isDark = () => (stored() ?? (system.matches ? "dark" : "light")) === "dark";

  function apply() {
    const dark = isDark();
    document.documentElement.dataset.theme = dark ? "dark" : "light";
    if (document.body && document.body.classList.contains("dark") !== dark) document.body.classList.toggle("dark", dark);
  }

  window.studyBotTheme = {
    toggle() {
      const next = isDark() ? "light" : "dark";
      try { localStorage.setItem(KEY, next); } catch { /* private mode: lasts as long as the page */ }
      document.documentElement.dataset.theme = next;
      apply();
    },
  };
  system.addEventListener("change", apply);
  addEventListener("storage", apply);
  addEventListener("DOMContentLoaded", () => {
    apply();
    // The page's framework sets the class by itself, after us.
    new MutationObserver(apply).observe(document.body, { attributeFilter: ["class"] });
  });
  apply();

  // The framework takes its words from the browser's language.
  for (const [name, value] of [["language", "zh-CN"], ["languages", ["zh-CN", "zh"]]]) {
    try { Object.defineProperty(navigator, name, { configurable: true, get: () => value }); } catch { /* fixed by the browser */ }
  }
})();
