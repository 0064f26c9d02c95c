// The menu of who is signed in, and a word when the session has ended while the page was open.
(() => {
  "use strict";
  const menu = document.getElementById("person-menu");
  if (!menu) return;
  document.addEventListener("click", (event) => { if (menu.open && !menu.contains(event.target)) menu.open = false; });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });

  const plain = window.fetch;
  window.fetch = async (...request) => {
    const response = await plain(...request);
    if (response.status === 401) over();
    return response;
  };
  function over() {
    if (document.getElementById("session-over")) return;
    const notice = document.createElement("div");
    notice.id = "session-over";
    notice.setAttribute("role", "alert");
    notice.textContent = "登录已过期，请重新登录。";
    const link = document.createElement("a");
    link.href = menu.dataset.signIn;
    link.textContent = "去登录";
    notice.append(link);
    document.body.append(notice);
  }
})();
