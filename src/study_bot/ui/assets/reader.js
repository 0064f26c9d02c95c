// Comfort for the reader; the page works without it.
(() => {
  "use strict";
  const $ = (selector) => document.querySelector(selector);
  const embedded = window.parent !== window;
  if (embedded) {
    document.documentElement.classList.add("embedded");
    $(".pop")?.removeAttribute("hidden");
  }

  // The bar and the outline cover part of the page: bring the marked place to where it is read.
  function show(target) {
    if (!target) return;
    const box = target.getBoundingClientRect();
    scrollTo({ top: Math.max(0, scrollY + box.top - innerHeight * 0.28), behavior: "auto" });
  }
  const wanted = $("#hit") ?? (location.hash.length > 1 ? document.getElementById(decodeURIComponent(location.hash.slice(1))) : null);
  if (location.hash === "#hit" || !location.hash) show($("#hit"));
  else show(wanted);
  const entry = $('#toc [aria-current="location"]');
  if (entry) {
    const toc = $("#toc");
    toc.scrollTop = entry.offsetTop - toc.clientHeight / 2;
  }

  // Over the page of questions, steps in here must not pile up in the history: going back closes the reader.
  const go = (address) => (embedded ? location.replace(address) : location.assign(address));
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
    if (link.matches(".home") && embedded) {
      event.preventDefault();
      parent.postMessage("study-bot:close-reader", location.origin);
    } else if (link.matches(".pop")) {
      link.href = location.href;
    } else if (embedded) {
      event.preventDefault();
      go(link.href);
    }
  });
  addEventListener("hashchange", () => show(location.hash === "#toc" ? null : document.getElementById(location.hash.slice(1))));

  const form = $(".jump");
  form?.addEventListener("submit", (event) => {
    const words = form.elements.jump.value.trim();
    event.preventDefault();
    if (words) go(`${form.getAttribute("action")}?jump=${encodeURIComponent(words)}`);
  });

  // Typing in the jump box narrows the outline.
  const articles = [...document.querySelectorAll("#toc li")].filter((item) => item.querySelector(":scope > a > b"));
  form?.elements.jump.addEventListener("input", (event) => {
    const words = event.target.value.trim();
    for (const item of articles) item.hidden = words !== "" && !/^第?[0-9０-９]/.test(words) && !item.textContent.includes(words);
  });

  addEventListener("keydown", (event) => {
    if (event.key === "Escape" && location.hash === "#toc") go("#text");
    else if (event.key === "Escape" && embedded) parent.postMessage("study-bot:close-reader", location.origin);
  });
})();
