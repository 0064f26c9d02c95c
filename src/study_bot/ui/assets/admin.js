// Comfort for the pages behind the sign-in; all but progress of uploads works without it.
(() => {
  "use strict";
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const csrf = $('meta[name="csrf-token"]')?.content ?? "";
  document.documentElement.classList.add("is-scripted");

  // ---- colour scheme --------------------------------------------------------------------------------------------
  const theme = $("#theme-toggle");
  if (theme) {
    theme.hidden = false;
    theme.addEventListener("click", () => window.studyBotTheme?.toggle());
  }

  // ---- folds that lie over the page: one at a time, closed by Escape, a click beside, 取消 ------------------------
  const FOLDS = "details.menu, details.nav-open, details.confirm";
  for (const button of $$("[data-close]")) button.hidden = false;
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-close]")) {
      const fold = event.target.closest("details, dialog");
      if (fold?.matches("dialog")) fold.close();
      else if (fold) { fold.open = false; $("summary", fold).focus(); }
      return;
    }
    for (const fold of $$(FOLDS)) if (fold.open && !fold.contains(event.target)) fold.open = false;
    const opener = event.target.closest("[data-dialog]");
    if (opener) {
      event.preventDefault();
      document.getElementById(opener.dataset.dialog)?.showModal();
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const open = $$(FOLDS).find((fold) => fold.open);
    if (open) { open.open = false; $("summary", open).focus(); }
  });

  // ---- forms ----------------------------------------------------------------------------------------------------
  // A second press must not send a form twice; the button comes back when the browser returns to the page.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method !== "post") return;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "yes";
    for (const button of $$("button:not([type=button])", form)) button.setAttribute("aria-disabled", "true");
    if (form.hasAttribute("data-download")) setTimeout(() => release(form), 3000); // the page stays
  });
  function release(form) {
    delete form.dataset.sent;
    for (const button of $$("[aria-disabled]", form)) button.removeAttribute("aria-disabled");
  }
  addEventListener("pageshow", () => $$("form[data-sent]").forEach(release));
  // Lists filter as soon as a choice is made.
  document.addEventListener("change", (event) => {
    if (event.target.matches("form[data-auto] select, form[data-auto] input[type=checkbox]")) event.target.form.requestSubmit();
    const all = event.target.closest("[data-check-all]");
    if (all) for (const box of $$(`input[name="${all.dataset.checkAll}"]`)) box.checked = all.checked;
  });

  // ---- pages that answer a form -----------------------------------------------------------------------------------
  // Reloading one, or going back to it, asks for the address it names instead of sending the form again.
  const own = $('meta[name="own-address"]')?.content;
  if (own) history.replaceState(null, "", own);
  // What is shown only once is not left by accident before it was downloaded.
  const secrets = $$("[data-once] a[download]");
  if (secrets.length) addEventListener("beforeunload", stay);
  for (const link of secrets) link.addEventListener("click", () => removeEventListener("beforeunload", stay));

  // ---- copying --------------------------------------------------------------------------------------------------
  for (const button of $$("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const source = document.getElementById(button.dataset.copy);
      const label = button.textContent;
      try { await navigator.clipboard.writeText(source.textContent.trim()); }
      catch { getSelection().selectAllChildren(source); document.execCommand("copy"); }
      button.textContent = "已复制";
      setTimeout(() => { button.textContent = label; }, 1600);
    });
  }

  // ---- talking to the server ------------------------------------------------------------------------------------
  // Gives the answer's JSON; an Error with the server's sentence otherwise. A session that ended leads to the sign-in.
  async function ask(address, options = {}) {
    const response = await fetch(address, {
      credentials: "same-origin", ...options,
      headers: { Accept: "application/json", "X-CSRF-Token": csrf, ...options.headers },
    });
    const body = await response.json().catch(() => ({}));
    if (response.status === 401) location.reload();
    if (!response.ok) throw new Error(body.detail ?? "没有成功，请稍后再试。");
    return body;
  }
  // Calls `draw` with what the address answers, again and again while the page is seen, until `draw` returns false.
  function poll(address, draw, milliseconds = 1000) {
    let over = false;
    const step = async () => {
      if (over) return;
      if (document.visibilityState === "visible") {
        try { if (draw(await ask(address)) === false) { over = true; return; } } catch { /* tried again */ }
      }
      setTimeout(step, milliseconds);
    };
    setTimeout(step, milliseconds);
    return () => { over = true; };
  }
  window.studyBotAdmin = { csrf, ask, poll };

  // A part of the page that changes: <div data-poll="/admin/…/part" data-every="1000">. The address answers
  // {"html": "…", "more": true}; the HTML comes from our own templates. Without `more` the page is loaded anew.
  for (const part of $$("[data-poll]")) {
    poll(part.dataset.poll, (answer) => {
      const held = part.contains(document.activeElement) || $("details[open]", part);
      if (!answer.more) { location.reload(); return false; }
      if (!held) part.innerHTML = answer.html;
      return true;
    }, Number(part.dataset.every) || 1000);
  }

  // ---- drop zone ------------------------------------------------------------------------------------------------
  // Each file is a request of its own (field `files`), so that one that fails does not take the others along.
  // The server answers {"next": "/address", "files": [{"title", "error", "page"}]} or a problem. When all went well, the
  // last `next` is opened; the page stays where a file needs a look: refused, or taken in and not readable.
  for (const form of $$("form[data-drop]")) {
    const input = $("input[type=file]", form), list = $(".drop-list", form), send = $(".drop-send", form);
    const folders = $(".drop-folder", form), sum = $(".drop-sum", form);
    const single = !input.multiple;
    let chosen = [];
    const show = () => {
      list.replaceChildren(...chosen.map((item) => item.row));
      send.hidden = !chosen.some((item) => !item.done);
      if (sum) sum.hidden = true;
    };
    // `path` is where the file lay in a folder that was given whole; its folder is its category where none is filled in.
    const add = (files) => {
      if (single) chosen = [];
      for (const file of files) {
        const path = file.path ?? file.webkitRelativePath ?? "";
        if (LITTER.test(file.name) || chosen.some((one) => same(one, file, path))) continue;
        const row = document.createElement("li"), name = document.createElement("span"), state = document.createElement("span");
        name.textContent = path || file.name; name.className = "clip";
        state.className = "small"; state.textContent = size(file.size);
        row.append(name, state);
        chosen.push({ file, path, folder: path.split("/").at(-2) ?? "", row, state, done: false });
      }
      show();
    };
    send.hidden = true;
    input.required = false;
    input.addEventListener("change", () => { add(input.files); input.value = ""; });
    for (const kind of ["dragenter", "dragover"]) form.addEventListener(kind, (event) => { event.preventDefault(); form.classList.add("is-over"); });
    for (const kind of ["dragleave", "drop"]) form.addEventListener(kind, () => form.classList.remove("is-over"));
    form.addEventListener("drop", async (event) => {
      event.preventDefault();
      const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
      if (single || !entries.some((entry) => entry.isDirectory)) add(event.dataTransfer.files);
      else for (const entry of entries) add(await filesBelow(entry));
    });
    if (folders) {
      const whole = Object.assign(document.createElement("input"), { type: "file", webkitdirectory: true, hidden: true });
      folders.after(whole);
      folders.hidden = false;
      folders.addEventListener("click", () => whole.click());
      whole.addEventListener("change", () => { add(whole.files); whole.value = ""; });
    }
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (form.dataset.busy || !chosen.length) return;
      if (single) { // an ordinary request: its answer is a page
        const files = new DataTransfer();
        files.items.add(chosen[0].file);
        input.files = files.files;
        form.dataset.busy = "yes";
        form.submit();
        return;
      }
      form.dataset.busy = "yes";
      send.setAttribute("aria-disabled", "true");
      let next = "", failed = 0, good = 0, unread = 0;
      addEventListener("beforeunload", stay);
      for (const item of chosen.filter((one) => !one.done)) {
        $("p", item.row)?.remove();
        try {
          const answer = await upload(form, input.name, item);
          next = answer.next ?? next;
          item.done = true;
          if (became(item, answer.files?.[0])) good += 1; else unread += 1;
        } catch (error) {
          failed += 1;
          mark(item, "没有收下", "bad", error.message);
        }
      }
      delete form.dataset.busy;
      send.removeAttribute("aria-disabled");
      removeEventListener("beforeunload", stay);
      if (!failed && !unread && next) { location.assign(next); return; }
      if (!sum) return;
      if (next) await renew(form.dataset.list);
      send.hidden = !failed;
      sum.hidden = false;
      const counts = [[good, "待核对"], [unread, "读不出来"], [failed, "没有收下"]].filter(([number]) => number);
      $("span", sum).textContent = counts.map(([number, words]) => `${number} 个${words}`).join("，") + "（原因见上）。";
      $("a", sum).hidden = !next;
    });
  }
  // What became of a file that was taken in; false where it could not be read.
  function became(item, file) {
    if (!file) { mark(item, "已收下", "good"); return true; }
    const link = document.createElement("a");
    link.href = file.page; link.target = "_blank"; link.textContent = file.error ? "查看" : `《${file.title}》`;
    if (file.error) mark(item, "已收下，但读不出来", "warn", file.error, link);
    else mark(item, "待核对", "good", "", link);
    return !file.error;
  }
  function mark(item, words, kind, why = "", link = null) {
    item.state.textContent = words;
    item.state.className = `small is-${kind}`;
    item.row.dataset.kind = kind;
    if (!why && !link) return;
    const line = document.createElement("p");
    if (why) line.append(why, " ");
    if (link) line.append(link);
    item.row.append(line);
  }
  // Loads a part of this page anew.
  async function renew(id) {
    const part = id && document.getElementById(id);
    if (!part) return;
    try {
      const response = await fetch(location.href, { credentials: "same-origin", headers: { Accept: "text/html" } });
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      part.replaceWith(document.adoptNode(page.getElementById(id)));
    } catch { part.hidden = true; } // rather nothing than what is no longer so
  }
  const LITTER = /^(\.|~\$)|^(thumbs\.db|desktop\.ini)$/i;
  function same(one, file, path) {
    return one.path === path && one.file.name === file.name && one.file.size === file.size
      && one.file.lastModified === file.lastModified;
  }
  function stay(event) { event.preventDefault(); }
  // The files of a folder that was dropped, and of those in it, each with its `path` from there on.
  async function filesBelow(entry) {
    if (entry.isFile) {
      const file = await new Promise((resolve, reject) => entry.file(resolve, reject)).catch(() => null);
      return file ? [Object.assign(file, { path: entry.fullPath.replace(/^\//, "") })] : [];
    }
    const reader = entry.createReader(), found = [];
    for (;;) { // it gives a hundred at a time
      const some = await new Promise((resolve) => reader.readEntries(resolve, () => resolve([])));
      if (!some.length) break;
      for (const one of some) found.push(...await filesBelow(one));
    }
    return found;
  }

  // XMLHttpRequest, because fetch does not tell how much has been sent.
  function upload(form, name, item) {
    const body = new FormData(form);
    body.delete(name);
    body.append(name, item.file);
    if (item.folder && !body.get("category")) body.set("category", item.folder);
    const bar = document.createElement("progress");
    bar.max = 1; bar.value = 0; bar.setAttribute("aria-label", `上传 ${item.file.name}`);
    item.row.append(bar);
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.open("POST", form.action);
      request.setRequestHeader("Accept", "application/json");
      request.setRequestHeader("X-CSRF-Token", csrf);
      request.upload.addEventListener("progress", (event) => {
        if (!event.lengthComputable) return;
        bar.value = event.loaded / event.total;
        item.state.textContent = event.loaded < event.total ? `${Math.floor(bar.value * 100)}%` : "正在读取内容…";
        if (event.loaded === event.total) bar.removeAttribute("value");
      });
      request.addEventListener("loadend", () => {
        bar.remove();
        let answer = {};
        try { answer = JSON.parse(request.responseText); } catch { /* told below */ }
        if (request.status === 401) location.reload();
        if (request.status >= 200 && request.status < 300) resolve(answer);
        else reject(new Error(answer.detail ?? (request.status ? "没有成功，请稍后再试。" : "连接中断，请再试一次。")));
      });
      request.send(body);
    });
  }

  function size(octets) {
    const units = ["B", "KB", "MB", "GB"];
    let unit = 0;
    while (octets >= 1024 && unit < units.length - 1) { octets /= 1024; unit += 1; }
    return `${octets < 10 && unit ? octets.toFixed(1) : Math.round(octets)} ${units[unit]}`;
  }
})();
