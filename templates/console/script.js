"use strict";
(() => {
  const INTERVAL = 3000;
  const TIMEOUT = 15000;
  const KEY = "admin-token";
  const root = document.documentElement;
  const state = document.getElementById("state");
  const find = id => document.getElementById(id);
  let timer = 0;
  let lastAnswer = new Date();

  root.dataset.script = "on";

  // Resolves to the status and the document of a response; to status 0 without a response.
  function get(url, headers) {
    return new Promise(resolve => {
      const request = new XMLHttpRequest();
      request.open("GET", url);
      request.responseType = "document";
      request.timeout = TIMEOUT;
      const token = sessionStorage.getItem(KEY);
      if (token) request.setRequestHeader("Authorization", "Bearer " + token);
      for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
      request.onloadend = () => resolve({ status: request.status, page: request.response });
      request.send();
    });
  }

  function show(name, time) {
    const text = state.dataset[name] + (time ? time.toISOString().slice(11, 19) + " UTC" : "");
    if (state.textContent !== text) state.textContent = text;
    root.dataset.state = name;
  }

  // True while a person selects text in an element, which replacing it would undo.
  function isSelected(element) {
    const selection = getSelection();
    return !selection.isCollapsed && selection.containsNode(element, true);
  }

  function replaceChanged(page) {
    if (page.documentElement.dataset.version !== root.dataset.version) return location.reload();
    const [main, next] = [document, page].map(d => d.querySelector("main"));
    if (main.dataset.access !== next.dataset.access) {
      main.replaceWith(document.adoptNode(next));
    } else {
      for (const part of page.querySelectorAll("[data-live]")) {
        const shown = find(part.id);
        if (!shown.isEqualNode(part) && !isSelected(shown)) shown.replaceChildren(...part.childNodes);
      }
    }
    const footer = page.querySelector("footer");
    document.querySelector("footer")?.remove();
    if (footer) document.querySelector("main").after(document.adoptNode(footer));
  }

  async function refresh() {
    clearTimeout(timer);
    if (document.hidden) return show("paused");
    const { status, page } = await get(location.pathname, {});
    if (document.hidden) return show("paused");
    if (status === 401) {
      sessionStorage.removeItem(KEY);
      if (find("unlock")) {
        find("unlock-message").textContent = find("unlock").dataset.wrong;
        find("admin-token").setAttribute("aria-invalid", "true");
      } else {
        return location.reload();
      }
    } else if (status === 200 && page) {
      lastAnswer = new Date();
      replaceChanged(page);
      show("live");
    } else {
      show("lost", lastAnswer);
      if (find("unlock")) find("unlock-message").textContent = find("unlock").dataset.lost;
    }
    // The form that asks for the token has nothing to refresh.
    clearTimeout(timer);
    if (!find("unlock")) timer = setTimeout(refresh, INTERVAL);
  }

  function message(text) {
    const paragraph = document.createElement("p");
    paragraph.textContent = text;
    return paragraph;
  }

  async function explain(form) {
    const answer = find("explanation");
    const token = find("token").value.trim();
    find("token").value = "";
    if (/[^\x21-\x7e]/.test(token)) return answer.replaceChildren(message(form.dataset.malformed));
    answer.replaceChildren(message(form.dataset.busy));
    const query = new URLSearchParams();
    for (const name of ["require", "method", "path", "client"]) {
      if (find(name).value.trim()) query.set(name, find(name).value.trim());
    }
    const headers = token ? { "X-Vault-Token": token } : {};
    const { page } = await get("/console/explain?" + query, headers);
    const content = page?.getElementById("explanation");
    if (content) answer.replaceChildren(...content.childNodes);
    else answer.replaceChildren(message(form.dataset.lost));
    answer.focus();
  }

  document.addEventListener("submit", event => {
    event.preventDefault();
    if (event.target.id === "explain") explain(event.target);
    if (event.target.id === "unlock") {
      sessionStorage.setItem(KEY, find("admin-token").value.trim());
      find("admin-token").value = "";
      find("unlock-message").textContent = "";
      refresh();
    }
  });
  document.addEventListener("visibilitychange", refresh);
  if (find("unlock") && !sessionStorage.getItem(KEY)) find("admin-token").focus();
  else refresh();
})();
