// The script of a single-page portal: it keeps a token, or lives on a cookie, and calls
// with fetch, or with XMLHttpRequest where the address says ?xhr.
"use strict";

const byXHR = new URLSearchParams(location.search).has("xhr");
const show = (id, text) => { document.getElementById(id).textContent = text; };

function call(method, path, body) {
  const headers = {};
  const token = localStorage.getItem("token");
  if (token) headers.Authorization = "Bearer " + token;
  if (!byXHR) {
    return fetch(path, { method, body, headers }).then(async (r) => ({ status: r.status, text: await r.text() }));
  }
  return new Promise((resolve) => {
    const x = new XMLHttpRequest();
    x.open(method, path);
    for (const name of Object.keys(headers)) x.setRequestHeader(name, headers[name]);
    x.onload = () => resolve({ status: x.status, text: x.responseText });
    x.send(body);
  });
}

async function start() {
  const me = await call("GET", "/api/me");
  document.getElementById("sign-in").hidden = me.status === 200;
  show("user", me.status === 200 ? JSON.parse(me.text).user.id : "nobody");
  const extra = new URLSearchParams(location.search).get("call");
  if (!extra) return;
  const answer = await call("GET", extra);
  show("problem", "status " + answer.status);
}

document.getElementById("sign-in").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = new URLSearchParams({
    username: document.getElementById("name").value, password: document.getElementById("password").value,
  });
  const answer = await call("POST", "/api/token", form);
  if (answer.status !== 200) {
    show("problem", "status " + answer.status);
    return;
  }
  const token = JSON.parse(answer.text).access_token;
  if (token) localStorage.setItem("token", token);
  start();
});

document.getElementById("load").addEventListener("click", async () => {
  const answer = await call("GET", "/api/data");
  show(answer.status === 200 ? "invoice" : "problem", answer.status === 200 ? answer.text : "status " + answer.status);
});

start();
