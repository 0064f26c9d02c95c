// The page of questions and answers: composer keys, scope, evidence, reader, copying.
// The server draws everything; this file only moves, opens and copies what is already there.
(() => {
  "use strict";
  const WIDE = matchMedia("(min-width: 1100px)");
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const bot = (window.studyBot = {});

  // ---- composer -------------------------------------------------------------------------------------------------
  const box = () => $("#question textarea, #question input");
  const busy = () => document.documentElement.dataset.busy === "yes";

  bot.question = () => box()?.value ?? null;

  function ask(text) {
    const area = box();
    if (!area || busy()) return;
    area.value = text;
    area.dispatchEvent(new Event("input", { bubbles: true }));
    closeSheet();
    $("#send").click();
  }

  // Enter sends, Shift+Enter breaks the line, and Enter that only confirms a word of the input method does neither.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.target !== box()) return;
    event.stopImmediatePropagation();
    if (event.isComposing || event.keyCode === 229 || event.shiftKey) return;
    event.preventDefault();
    if (!busy() && box().value.trim()) $("#send").click();
  }, true);
  document.addEventListener("keypress", (event) => {
    if (event.key === "Enter" && event.target === box()) event.stopImmediatePropagation();
  }, true);

  // ---- scope ----------------------------------------------------------------------------------------------------
  const panel = () => $("#scope-panel");
  const checked = (name) => $$(`input[name="${name}"]:checked`, panel() ?? document).map((input) => input.value);

  bot.scope = () => {
    if (!panel()) return "";
    return JSON.stringify({
      documents: checked("document"),
      categories: checked("category"),
      as_of: $('input[name="as_of"]', panel()).value.trim() || null,
      include_inactive: $('input[name="include_inactive"]', panel()).checked,
    });
  };

  function summarise() {
    const scope = JSON.parse(bot.scope() || "{}");
    const words = [];
    if (scope.categories?.length) words.push(scope.categories.join("、"));
    if (scope.documents?.length === 1) {
      words.push($('input[name="document"]:checked', panel()).closest("label").textContent.trim());
    } else if (scope.documents?.length) words.push(`${scope.documents.length} 部文献`);
    if (scope.as_of) words.push(scope.as_of);
    if (scope.include_inactive) words.push("含旧版本");
    const summary = $("#scope-summary");
    if (summary) summary.textContent = words.length ? `范围：${words.join(" · ")}` : "范围：全部文献";
    $("#scope-toggle")?.classList.toggle("is-on", words.length > 0);
  }

  function openScope(open) {
    const form = panel();
    if (!form || form.hidden === !open) return;
    form.hidden = !open;
    $("#scope-toggle").setAttribute("aria-expanded", String(open));
    if (open) $("input", form)?.focus({ preventScroll: true });
    else $("#scope-toggle").focus({ preventScroll: true });
  }

  document.addEventListener("input", (event) => {
    if (event.target.id === "scope-find") {
      const wanted = event.target.value.normalize("NFKC").toLowerCase().trim();
      let shown = 0;
      for (const pick of $$(".picks .pick", panel())) {
        pick.hidden = !pick.textContent.normalize("NFKC").toLowerCase().includes(wanted);
        shown += !pick.hidden;
      }
      $("#scope-none").hidden = shown > 0;
    } else if (panel()?.contains(event.target)) summarise();
  });
  document.addEventListener("reset", (event) => {
    if (event.target !== panel()) return;
    setTimeout(() => {
      for (const pick of $$(".picks .pick", panel())) pick.hidden = false;
      summarise();
    });
  });
  document.addEventListener("submit", (event) => {
    if (event.target !== panel()) return;
    event.preventDefault();
    openScope(false);
  });

  // ---- evidence -------------------------------------------------------------------------------------------------
  let shownTurn = null;
  let returnTo = null;

  function fill(turn) {
    const source = $(`.turn[data-turn="${turn}"] .ev-source`);
    const body = $("#evidence .ev-body");
    if (!source || !body) return false;
    const key = `${turn}:${source.textContent.length}`;
    if (shownTurn !== key) {
      body.replaceChildren(...[...source.childNodes].map((node) => node.cloneNode(true)));
      $("#ev-title").textContent = $(".ev-note", body) ? "可能相关" : "依据";
      body.scrollTop = 0;
      shownTurn = key;
    }
    return true;
  }

  function select(key) {
    const body = $("#evidence .ev-body");
    for (const card of $$(".ev-card", body)) card.classList.toggle("is-on", card.dataset.keys.split(" ").includes(key));
    const number = key.slice(1);
    for (const mark of $$("mark", body)) {
      mark.classList.toggle("now", key[0] === "c" && (mark.dataset.n ?? "").split(" ").includes(number));
    }
    const card = $(".ev-card.is-on", body);
    if (!card) return null;
    card.closest("details")?.setAttribute("open", "");
    // The mark matters more than the head of a long card.
    const mark = $("mark.now", card);
    const fits = !mark || mark.getBoundingClientRect().bottom - card.getBoundingClientRect().top < body.clientHeight;
    (fits ? card : mark).scrollIntoView({ block: fits ? "nearest" : "center", behavior: "auto" });
    return card;
  }

  function showEvidence(button) {
    const { turn, key } = button.dataset;
    if (!fill(turn)) return;
    for (const other of $$(".cite.is-on")) other.classList.remove("is-on");
    if (button.classList.contains("cite")) button.classList.add("is-on");
    returnTo = button;
    openSheet();
    const card = key ? select(key) : null;
    (card ?? $("#evidence .ev-panel")).focus({ preventScroll: true });
  }

  function openSheet() {
    if (WIDE.matches || document.body.classList.contains("sheet-open")) return;
    document.body.classList.add("sheet-open");
    for (const part of [$("#chat"), $("#tabs .tab-wrapper"), $("#top")]) if (part) part.inert = true;
    const sheet = $("#evidence .ev-panel");
    sheet.setAttribute("role", "dialog");
    sheet.setAttribute("aria-modal", "true");
  }

  function closeSheet() {
    if (!document.body.classList.contains("sheet-open")) return;
    document.body.classList.remove("sheet-open");
    for (const part of [$("#chat"), $("#tabs .tab-wrapper"), $("#top")]) if (part) part.inert = false;
    const sheet = $("#evidence .ev-panel");
    sheet.removeAttribute("role");
    sheet.removeAttribute("aria-modal");
    returnTo?.focus({ preventScroll: true });
  }
  WIDE.addEventListener("change", closeSheet);

  let dragFrom = null;
  document.addEventListener("touchstart", (event) => {
    dragFrom = event.target.closest?.(".ev-grip, .ev-bar") ? event.touches[0].clientY : null;
  }, { passive: true });
  document.addEventListener("touchend", (event) => {
    if (dragFrom !== null && event.changedTouches[0].clientY - dragFrom > 60) closeSheet();
    dragFrom = null;
  }, { passive: true });

  // ---- the original, over the page --------------------------------------------------------------------------------
  let reader = null;

  function makeReader() {
    reader = document.createElement("dialog");
    reader.id = "reader";
    reader.setAttribute("aria-label", "原文");
    reader.innerHTML = '<button type="button" class="act reader-close" aria-label="关闭原文"><svg class="icon" viewBox="0 0 24 24" fill="none" ' +
      'stroke="currentColor" stroke-width="1.8" stroke-linecap="round" aria-hidden="true"><path d="M6 6l12 12M18 6 6 18"/></svg></button>';
    document.body.append(reader);
    $(".reader-close", reader).addEventListener("click", () => history.state?.reader ? history.back() : reader.close());
    reader.addEventListener("click", (event) => { if (event.target === reader) $(".reader-close", reader).click(); });
    reader.addEventListener("cancel", (event) => { event.preventDefault(); $(".reader-close", reader).click(); });
    reader.addEventListener("close", () => $("iframe", reader)?.remove());
  }

  function openReader(link) {
    if (!reader) makeReader();
    const frame = document.createElement("iframe");
    frame.title = "原文";
    frame.src = link.href;
    // Not before it listens: a key pressed meanwhile, Escape above all, is the dialog's.
    frame.addEventListener("load", () => frame.focus(), { once: true });
    reader.append(frame);
    reader.showModal();
    history.pushState({ reader: true }, "");
  }
  addEventListener("popstate", () => { if (reader?.open) reader.close(); });
  addEventListener("message", (event) => {
    if (event.origin === location.origin && event.data === "study-bot:close-reader" && reader?.open) $(".reader-close", reader).click();
  });

  // ---- copying --------------------------------------------------------------------------------------------------
  async function copy(text) {
    if (navigator.clipboard && isSecureContext) return navigator.clipboard.writeText(text);
    // Plain http on an intranet has no clipboard interface.
    const area = document.createElement("textarea");
    area.value = text;
    area.style.cssText = "position:fixed;opacity:0;font-size:16px";
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    if (!done) throw new Error("copy refused");
  }

  async function copyAnswer(button) {
    const words = $("span", button);
    const before = words.dataset.words ?? (words.dataset.words = words.textContent);
    try {
      await copy($(".copy-source", button.closest(".turn")).textContent);
      words.textContent = "已复制";
    } catch {
      words.textContent = "复制失败，请手动选取";
    }
    setTimeout(() => { words.textContent = before; }, 2000);
  }

  // ---- thumbs -----------------------------------------------------------------------------------------------------
  const form = () => $("#rate-form");
  let rated = null; // what was sent last
  let nonce = 0;

  bot.rating = () => JSON.stringify(rated);

  function sendRating(message) {
    rated = { ...message, nonce: ++nonce };
    $("#rate-now").click();
  }

  function rate(button) {
    const { turn, verdict } = button.dataset;
    if (button.getAttribute("aria-pressed") === "true") sendRating({ turn: +turn, verdict: "none" });
    else if (verdict === "up") sendRating({ turn: +turn, verdict });
    else {
      $("form", form()).reset();
      $(".rate-error", form()).textContent = "";
      form().dataset.turn = turn;
      form().showModal();
    }
  }

  document.addEventListener("invalid", (event) => {
    if (!form()?.contains(event.target)) return;
    event.preventDefault(); // the browser would say it in its own language
    $(".rate-error", form()).textContent = "请先选择哪里不对。";
    $("input[name=reason]", form()).focus();
  }, true);
  document.addEventListener("submit", (event) => {
    if (!form()?.contains(event.target)) return;
    event.preventDefault();
    $(".rate-error", form()).textContent = "";
    const said = new FormData(event.target);
    sendRating({
      turn: +form().dataset.turn, verdict: "down", reason: said.get("reason"), article: said.get("article"), comment: said.get("comment"),
    });
  });

  function showRating() {
    const result = $("#rate-result p");
    if (!result || !rated || result.dataset.nonce !== String(rated.nonce) || rated.shown) return;
    rated.shown = true;
    const done = result.dataset.ok === "yes";
    if (!done && form().open) { $(".rate-error", form()).textContent = result.textContent; return; }
    if (form().open) form().close();
    for (const button of $$(`.act-rate[data-turn="${result.dataset.turn}"]`)) {
      if (done) button.setAttribute("aria-pressed", String(button.dataset.verdict === result.dataset.verdict));
    }
    say(result.textContent, done);
  }

  let saying = 0;
  function say(words, good = true) {
    let note = $("#said");
    if (!note) {
      note = document.createElement("p");
      note.id = "said";
      note.setAttribute("aria-hidden", "true"); // the result itself is announced
      document.body.append(note);
    }
    note.textContent = words;
    note.className = good ? "is-on" : "is-on is-bad";
    clearTimeout(saying);
    saying = setTimeout(() => { note.className = ""; }, 2600);
  }

  // ---- one's own questions ------------------------------------------------------------------------------------------
  let wanted = {};
  bot.history = () => JSON.stringify(wanted);

  function actOnHistory(button) {
    if (button.dataset.confirm && !button.classList.contains("is-asking")) {
      const words = $("span", button);
      const before = words.textContent;
      button.classList.add("is-asking");
      words.textContent = button.dataset.confirm;
      setTimeout(() => { button.classList.remove("is-asking"); words.textContent = before; }, 4000);
      return;
    }
    if (button.dataset.history === "open") {
      if (busy()) $("#stop").click();
      resetEvidence();
    }
    wanted = { do: button.dataset.history, id: button.dataset.id ?? "" };
    $("#history-act").click();
  }

  // ---- session ------------------------------------------------------------------------------------------------------
  // The page asks for news every so often; that alone must not keep a session alive for ever.
  const AWAKE_MS = 15 * 60_000;
  let touched = Date.now();
  let wake = null;
  for (const name of ["pointerdown", "keydown", "wheel", "touchstart"]) {
    addEventListener(name, () => { touched = Date.now(); wake?.(); wake = null; }, { passive: true, capture: true });
  }
  bot.awake = () => {
    if (Date.now() - touched < AWAKE_MS) return Promise.resolve();
    // One question for news waits for the person to come back; those after it are not needed.
    return wake ? new Promise(() => {}) : new Promise((resolve) => { wake = resolve; });
  };

  // ---- clicks and keys --------------------------------------------------------------------------------------------
  document.addEventListener("click", (event) => {
    const target = event.target.closest?.("button, a, #sheet-backdrop");
    if (!$("#scope")?.contains(event.target)) openScopeQuietly();
    if (!target) return;
    if (target.matches("button.cite, .near, .act-evidence")) showEvidence(target);
    else if (target.matches(".act-copy")) copyAnswer(target);
    else if (target.matches("[data-ask]")) ask(target.dataset.ask);
    else if (target.matches("#ev-close, #sheet-backdrop")) closeSheet();
    else if (target.matches(".act-rate")) rate(target);
    else if (target.matches("#rate-close, #rate-cancel")) form().close();
    else if (target.matches("[data-history]")) actOnHistory(target);
    else if (target.matches("#theme-toggle")) window.studyBotTheme.toggle();
    else if (target.matches("#scope-toggle")) openScope(panel().hidden);
    else if (target.matches("#scope-done")) openScope(false);
    else if (target.matches("a[data-reader]") && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      openReader(target);
    }
  });

  function openScopeQuietly() {
    const form = panel();
    if (form && !form.hidden) {
      form.hidden = true;
      $("#scope-toggle").setAttribute("aria-expanded", "false");
    }
  }

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || reader?.open || form()?.open) return;
    if ($("#person-menu")?.open) return; // closing the menu is all
    if (panel() && !panel().hidden) openScope(false);
    else if (document.body.classList.contains("sheet-open")) closeSheet();
    else if ($("#evidence")?.contains(document.activeElement)) returnTo?.focus();
  });

  // ---- following the answer -----------------------------------------------------------------------------------------
  let liveTurn = "";
  let filledTurn = "";

  function follow() {
    const turn = $("#live .turn");
    const state = turn?.dataset.state ?? "";
    document.documentElement.dataset.busy = state === "queued" || state === "working" ? "yes" : "no";
    document.documentElement.dataset.thread = turn || $("#history .turn") ? "yes" : "no";
    if (turn && turn.dataset.turn !== liveTurn) {
      liveTurn = turn.dataset.turn;
      resetEvidence(); // the passages of the question before do not belong beside this one
      const thread = $("#thread");
      thread.scrollTop += turn.getBoundingClientRect().top - thread.getBoundingClientRect().top - 20;
    }
    if (!turn) {
      if (liveTurn) resetEvidence();
      liveTurn = filledTurn = "";
    }
    // Once: afterwards the reader of the page decides whose evidence is shown.
    if (turn && state === "done" && filledTurn !== liveTurn && fill(liveTurn)) filledTurn = liveTurn;
  }

  let emptyEvidence = null;
  function resetEvidence() {
    const body = $("#evidence .ev-body");
    if (!body) return;
    emptyEvidence ??= [...body.childNodes].map((node) => node.cloneNode(true));
    body.replaceChildren(...emptyEvidence.map((node) => node.cloneNode(true)));
    $("#ev-title").textContent = "依据";
    shownTurn = null;
  }

  // ---- words of the framework ---------------------------------------------------------------------------------------
  const WORDS = new Map([
    ["Error", "出错了"], ["Warning", "注意"], ["Info", "提示"], ["Success", "完成"],
    ["Connection Lost", "连接断开了"], ["Connection to the server was lost. Attempting reconnection...", "正在重新连接服务器……"],
    ["Connection errored out.", "与服务器的连接断开了，请刷新页面后重试。"],
    ["This application is currently busy. Please try again.", "排队的人太多了，请稍后再试。"],
    ["Could not resolve app config.", "页面没有加载完整，请刷新。"], ["An Unexpected Error Occurred!", "出现意外错误，请重试。"],
    ["An unknown error occurred while making a prediction.", "出现意外错误，请重试。"], ["Unknown error", "出现意外错误，请重试。"],
    ["Loading...", "正在加载……"],
  ]);
  function translate(root) {
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const chinese = WORDS.get(node.data.trim());
      if (chinese) node.data = chinese;
    }
    for (const button of $$('[aria-label="Close"]', root)) button.setAttribute("aria-label", "关闭");
  }

  // ---- beginning ------------------------------------------------------------------------------------------------
  function fitViewport() {
    document.documentElement.style.setProperty("--app-height", `${Math.round(visualViewport.height)}px`);
  }
  if (window.visualViewport) {
    visualViewport.addEventListener("resize", fitViewport);
    fitViewport();
  }

  function begin() {
    const backdrop = document.createElement("div");
    backdrop.id = "sheet-backdrop";
    document.body.append(backdrop);
    let queued = false;
    const observer = new MutationObserver((changes) => {
      for (const change of changes) {
        for (const node of change.addedNodes) {
          if (node.nodeType === 1 && node.matches(".toast-wrap, .toast-wrap *, .toast-body")) translate(node);
        }
      }
      if (queued) return;
      queued = true;
      requestAnimationFrame(() => {
        queued = false;
        follow();
        showRating();
        if ($("#question textarea") && !$("#question textarea").dataset.ready) {
          $("#question textarea").dataset.ready = "yes";
          $("#question textarea").setAttribute("enterkeyhint", "send");
          if (WIDE.matches) $("#question textarea").focus({ preventScroll: true });
        }
      });
    });
    observer.observe(document.body, { childList: true, subtree: true, attributes: true, attributeFilter: ["data-state", "data-turn", "data-nonce"] });
    follow();
  }
  if (document.body) begin();
  else addEventListener("DOMContentLoaded", begin);
})();
