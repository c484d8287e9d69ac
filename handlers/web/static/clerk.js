// The queue of a village's clerk. What is written down where there is no network
// waits on this phone and is sent when there is one. A record has its own number
// from the beginning: however often it is sent, it counts once. What is about a
// person is erased from the phone as soon as the record was received. Without
// this file the form is sent as any form is.
(() => {
  "use strict";
  const form = document.getElementById("clerk");
  const store = (() => { try { localStorage.setItem("clerk?", "1"); localStorage.removeItem("clerk?"); return localStorage; } catch { return null; } })();
  if (!form || !store || !window.fetch) return;
  const by = form.dataset.by, at = form.getAttribute("action"), key = `clerk ${at} ${by}`;
  const sync = document.getElementById("sync"), list = document.getElementById("queue");
  const personal = ["surname", "certificate", "paper_no", "late"];
  const keep = 5; // received ones, to look at

  const read = () => { try { return JSON.parse(store.getItem(key)) || []; } catch { return []; } };
  // write answers with whether the phone has room.
  const write = all => {
    const received = all.filter(r => r.state === "sent").slice(-keep);
    try { store.setItem(key, JSON.stringify(all.filter(r => r.state !== "sent" || received.includes(r)))); return true; } catch { return false; }
  };
  const change = (id, what) => write(read().map(r => r.id === id ? Object.assign(r, what) : r));
  const fill = (s, ...args) => s.replace(/\{(\d)\}/g, (_, i) => args[i]);
  const clock = t => new Date(t).toLocaleString(document.documentElement.lang, {month: "numeric", day: "numeric", hour: "2-digit", minute: "2-digit"});
  // number is a random UUID; crypto.randomUUID is not there over plain http.
  const number = () => {
    const b = crypto.getRandomValues(new Uint8Array(16));
    b[6] = b[6] & 15 | 64; b[8] = b[8] & 63 | 128;
    const h = [...b].map(x => x.toString(16).padStart(2, "0")).join("");
    return [h.slice(0, 8), h.slice(8, 12), h.slice(12, 16), h.slice(16, 20), h.slice(20)].join("-");
  };

  let busy = false, signIn = false, tried = 0;
  const show = () => {
    const all = read(), waiting = all.filter(r => r.state === "wait").length, wrong = all.filter(r => r.state === "fix").length;
    const d = sync.dataset;
    sync.hidden = false;
    document.getElementById("sync-text").textContent = signIn && waiting ? fill(d.signin, waiting) : busy ? fill(d.sending, waiting)
      : waiting && !navigator.onLine ? fill(d.offline, waiting) : waiting ? fill(d.waiting, waiting) : wrong ? fill(d.fix, wrong) : d.empty;
    document.getElementById("send-now").hidden = !waiting || busy;
    document.getElementById("kept").hidden = !all.length;
    list.replaceChildren(...all.slice().reverse().map(r => {
      const li = document.getElementById("record").content.cloneNode(true).firstElementChild;
      const part = name => li.querySelector(`[data-is="${name}"]`);
      li.dataset.id = r.id; li.dataset.state = r.state;
      part("place").textContent = (r.surname ? r.surname + "* " : "") + r.plot;
      part("state").textContent = form.dataset[{wait: "wait", fix: "again", sent: "sent"}[r.state]];
      part("state").classList.add({wait: "wait", fix: "stop", sent: "ok"}[r.state]);
      part("when").textContent = fill(form.dataset.when, r.on, clock(r.saved)) + (r.state === "sent" ? fill(form.dataset.got, r.received, r.position) : "");
      part("why").textContent = r.why || "";
      part("acts").hidden = r.state !== "fix";
      return li;
    }));
  };

  // send sends what waits, one after the other; what was not answered waits on.
  const send = async () => {
    if (busy) return;
    busy = true;
    show();
    try {
      for (const r of read().filter(r => r.state === "wait")) {
        const body = new URLSearchParams({token: r.id, by, plot: r.plot, on: r.on});
        for (const name of personal) body.set(name, r[name] || "");
        if (r.beside) body.set("beside", "1");
        let res, answer;
        try {
          res = await fetch(at, {method: "POST", body, headers: {Accept: "application/json"}, credentials: "same-origin", redirect: "error"});
          answer = await res.json().catch(() => null);
        } catch { break; }
        if (res.status === 401) { signIn = true; break; }
        signIn = false;
        if (res.ok && answer) {
          const gone = Object.fromEntries(personal.map(name => [name, undefined]));
          change(r.id, {...gone, why: undefined, state: "sent", received: answer.received, position: answer.position});
        } else if (res.status >= 400 && res.status < 500 && res.status !== 408 && res.status !== 429 && answer) {
          const wrong = (answer.errors || []).map(e => e.message || e.detail).filter(Boolean).join(" ");
          change(r.id, {state: "fix", why: wrong || answer.detail});
        } else break;
        tried = 0;
      }
    } finally { busy = false; }
    show();
    if (read().some(r => r.state === "wait") && !signIn) setTimeout(send, Math.min(60, 2 ** ++tried) * 1000);
  };

  form.addEventListener("submit", e => {
    e.preventDefault();
    const f = new FormData(form), get = name => (f.get(name) || "").trim();
    const r = {id: number(), state: "wait", saved: Date.now(), plot: get("plot"), on: get("on"), beside: !!get("beside")};
    for (const name of personal) r[name] = get(name);
    if (!write([...read(), r])) { document.getElementById("sync-text").textContent = form.dataset.full; sync.hidden = false; return; }
    form.reset();
    for (const x of form.querySelectorAll("input:not([type=hidden]),select")) if (x.type === "checkbox") x.checked = false; else x.value = "";
    show();
    sync.scrollIntoView({block: "start"});
    send();
  });

  list.addEventListener("click", e => {
    const act = e.target.dataset.do, li = e.target.closest("li");
    const r = act && read().find(x => x.id === li.dataset.id);
    if (!r) return;
    write(read().filter(x => x.id !== r.id));
    if (act === "fix") {
      for (const name of [...personal, "plot", "on"]) form.elements[name].value = r[name] || "";
      form.elements.beside.checked = r.beside;
      form.elements.surname.focus();
    }
    show();
  });
  document.getElementById("send-now").addEventListener("click", () => { tried = 0; send(); });
  addEventListener("online", () => { tried = 0; send(); });
  addEventListener("offline", show);
  addEventListener("storage", show);

  // The page itself is kept on the phone where the browser can; it says which.
  const ready = document.getElementById("opens-offline");
  const tell = yes => { ready.hidden = false; ready.textContent = yes ? ready.dataset.yes : ready.dataset.no; ready.dataset.state = yes ? "yes" : "no"; };
  if ("serviceWorker" in navigator && window.caches) {
    navigator.serviceWorker.register(`${at}-worker.js`, {scope: at}).then(() => navigator.serviceWorker.ready).then(() => tell(true), () => tell(!!navigator.serviceWorker.controller));
  } else tell(false);
  const out = document.getElementById("sign-out");
  if (out && window.caches) out.addEventListener("submit", () => { caches.delete("clerk-page"); });

  show();
  send();
})();
