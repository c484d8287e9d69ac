// What the desk's pages do beyond what HTML does by itself. Without it
// everything still works: links are links and forms are forms.
(() => {
  "use strict";
  const typing = e => e.matches && e.matches("input:not([type=radio],[type=checkbox],[type=submit]),select,textarea,[contenteditable]");

  // A number key follows the act that bears the number, where nobody is typing.
  document.addEventListener("keydown", e => {
    if (e.ctrlKey || e.altKey || e.metaKey || e.isComposing || typing(e.target)) return;
    if (e.key === "/") {
      const find = document.getElementById("find");
      if (find) { find.focus(); e.preventDefault(); }
      return;
    }
    const act = /^[0-9a-z]$/i.test(e.key) && document.querySelector(`[data-key="${CSS.escape(e.key.toLowerCase())}"]`);
    if (act) { act.focus(); act.click(); e.preventDefault(); }
  });

  // In a form of several fields, Enter moves on to the next one; at the last it
  // sends the form. A scanner ends what it types with Enter.
  document.addEventListener("keydown", e => {
    const form = e.key === "Enter" && !e.isComposing && e.target.form;
    if (!form || !form.hasAttribute("data-enter") || e.ctrlKey || !e.target.matches("input,select")) return;
    const stops = [...form.elements].filter(x => x.matches("input:not([type=hidden]),select,textarea,button[type=submit]") && !x.disabled && x.checkVisibility());
    let i = stops.indexOf(e.target) + 1;
    if (e.target.type === "radio") while (i < stops.length && stops[i].name === e.target.name) i++;
    if (i < 1 || i >= stops.length || stops[i].type === "submit" && !e.target.matches("select")) return;
    e.preventDefault();
    if (stops[i].type === "submit") { form.requestSubmit(stops[i]); return; } // a browser sends from no list by itself
    stops[i].focus();
    if (stops[i].select) stops[i].select();
  });
  // Escape puts away what was found while somebody typed.
  document.addEventListener("keydown", e => {
    const found = e.key === "Escape" && document.getElementById("hits");
    if (found) { found.replaceChildren(); document.getElementById("find").focus(); }
  });

  document.addEventListener("click", e => {
    if (e.target.closest("[data-print]")) window.print();
  });

  // A form begins at its first field, a refusal at its reason.
  if (!document.querySelector("[autofocus]")) {
    const refused = document.getElementById("refused");
    const first = [...document.querySelectorAll("form[data-enter=first] :is(input:not([type=hidden]),select,textarea,button)")].find(e => !e.disabled && e.checkVisibility());
    if (refused) refused.focus();
    else if (first && !location.hash && first.closest("main")) { first.focus({preventScroll: true}); if (first.select) first.select(); }
  }
  if (document.querySelector("[data-autoprint]")) window.print();
})();
