// Keeps the page of a village's clerk on the phone, so that it opens where there
// is no network. It answers for that one page and for the files it is made of;
// the page holds nobody's data. What is sent does not come past here: the queue
// of clerk.js sees to that.
"use strict";
const kept = "clerk-page", page = new URL(self.registration.scope).pathname;

// keep stores the page and its files, and forgets files of an earlier make.
const keep = async res => {
  const cache = await caches.open(kept), text = await res.clone().text();
  const files = [...new Set(text.match(/\/static\/[\w.-]+/g) || [])];
  for (const file of files) if (!await cache.match(file)) await cache.add(file);
  await cache.put(page, res);
  for (const r of await cache.keys()) {
    const at = new URL(r.url).pathname;
    if (at !== page && !files.includes(at)) await cache.delete(r);
  }
};

self.addEventListener("install", e => {
  self.skipWaiting();
  e.waitUntil(fetch(page, {credentials: "same-origin"}).then(res => {
    if (!res.ok || res.redirected) throw new Error("the page is not there");
    return keep(res);
  }));
});
self.addEventListener("activate", e => e.waitUntil(self.clients.claim()));
self.addEventListener("fetch", e => {
  const at = new URL(e.request.url);
  if (e.request.method !== "GET" || at.origin !== self.location.origin) return;
  if (e.request.mode === "navigate" && at.pathname === page) {
    e.respondWith(fetch(e.request).then(res => {
      if (res.ok && !res.redirected) e.waitUntil(keep(res.clone()).catch(() => {}));
      return res;
    }, async err => {
      const res = await caches.match(page);
      if (!res) throw err;
      return res;
    }));
  } else if (at.pathname.startsWith("/static/")) {
    e.respondWith(caches.match(e.request).then(res => res || fetch(e.request)));
  }
});
