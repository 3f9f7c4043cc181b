// Adds to pages that work without it: copying, printing, local times, and a form
// that can't be sent twice by an impatient double click.
(() => {
  "use strict";

  // The text that "Copy" copies: a key without its blanks, or one code per line.
  const copied = (id) => {
    const source = document.getElementById(id);
    const items = source.querySelectorAll("li");
    if (items.length) return Array.from(items, (item) => item.textContent.trim()).join("\n") + "\n";
    return source.textContent.replace(/\s+/g, "");
  };

  const status = document.createElement("p");
  status.className = "unseen";
  status.setAttribute("role", "status");
  document.body.append(status);

  if (navigator.clipboard) {
    for (const button of document.querySelectorAll("[data-copy]")) {
      const label = button.textContent;
      button.hidden = false;
      button.addEventListener("click", async () => {
        try {
          await navigator.clipboard.writeText(copied(button.dataset.copy));
        } catch {
          return; // not allowed here; the text is there to be selected
        }
        button.textContent = status.textContent = button.dataset.done;
        setTimeout(() => { button.textContent = label; status.textContent = ""; }, 2500);
      });
    }
  }

  for (const button of document.querySelectorAll("button.print")) {
    button.hidden = false;
    button.addEventListener("click", () => window.print());
  }

  // Server times are in UTC; show them in the reader's own zone, as written in the
  // reader's country if its language is the page's.
  const lang = document.documentElement.lang;
  const own = navigator.languages.find((l) => l.split("-")[0] === lang.split("-")[0]);
  const format = new Intl.DateTimeFormat(own || lang, { dateStyle: "long", timeStyle: "short" });
  for (const time of document.querySelectorAll("time[datetime]")) {
    time.textContent = format.format(new Date(time.dateTime));
  }

  // A code works once: the second of two quick submits would be refused.
  for (const form of document.forms) {
    form.addEventListener("submit", (event) => {
      if (form.dataset.sent) event.preventDefault();
      form.dataset.sent = "yes";
    });
  }
  window.addEventListener("pageshow", () => {
    for (const form of document.forms) delete form.dataset.sent;
  });
})();
