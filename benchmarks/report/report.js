"use strict";
(() => {
  // Texts of the run reach the page through textContent only, so none of them can become markup.
  const data = JSON.parse(document.getElementById("data").textContent);
  const at = (id) => document.getElementById(id);
  const make = (tag, name, text) => {
    const node = document.createElement(tag);
    if (name) node.className = name;
    if (text !== undefined && text !== null) node.textContent = text;
    return node;
  };
  const format = (value) => (value === null || value === undefined ? "no score" : String(Math.round(value * 100) / 100).replace("-", "\u2212"));
  const verdicts = { high: "too high", low: "too low", right: "about right", unscored: "without an estimate" };
  const endings = { terminated: "by itself", truncated: "at the turn limit", failed: "failed" };
  const cellOf = (talk) => data.cells[talk.cell];

  const choices = (id, all, values, name) => {
    const select = at(id);
    select.append(new Option(all, ""));
    for (const value of [...new Set(values)]) select.append(new Option(name ? name(value) : value, value));
    select.addEventListener("change", list);
    return select;
  };
  const method = choices("by-method", "all", data.cells.map((cell) => String(cell.method)), (index) => data.methods[index]);
  const setting = choices("by-setting", "all", data.cells.map((cell) => cell.setting));
  const seed = choices("by-seed", "all", data.cells.map((cell) => cell.seed));
  const status = choices("by-status", "in any way", data.talks.map((talk) => talk.status), (value) => endings[value] || value);
  const verdict = choices("by-verdict", "any", data.talks.map((talk) => talk.verdict), (value) => verdicts[value]);
  at("setting-label").hidden = new Set(data.cells.map((cell) => cell.setting)).size < 2;
  at("by-text").addEventListener("input", list);

  const words = (talk) => [
    ...talk.cards, talk.error || "",
    ...talk.lines.flatMap((line) => [line.text, line.imagined || "", line.predicted || "", ...Object.values(line.facts)]),
  ].join("\n").toLowerCase();
  const searchable = data.talks.map(words);

  function list() {
    const wanted = at("by-text").value.trim().toLowerCase();
    const fits = (talk, index) => {
      const cell = cellOf(talk);
      return (!method.value || String(cell.method) === method.value) && (!setting.value || cell.setting === setting.value)
        && (!seed.value || cell.seed === seed.value) && (!status.value || talk.status === status.value)
        && (!verdict.value || talk.verdict === verdict.value) && (!wanted || searchable[index].includes(wanted));
    };
    const found = data.talks.filter(fits);
    at("count").textContent = found.length + (found.length === 1 ? " conversation" : " conversations");
    at("talks").replaceChildren(...found.map(entry));
    if (found.length) open(found[0], at("talks").querySelector("button"));
    else at("talk").replaceChildren(make("p", "none", "No conversation fits these filters."));
  }

  // One stop of the tab key for the whole list; within it the arrow keys move.
  at("talks").addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const buttons = [...at("talks").querySelectorAll("button")];
    const next = step && buttons[buttons.indexOf(document.activeElement) + step];
    if (!next) return;
    event.preventDefault();
    next.focus();
    next.click();
  });

  function entry(talk) {
    const cell = cellOf(talk);
    const button = make("button", "m" + cell.method);
    button.type = "button";
    button.tabIndex = -1;
    button.append(make("b", "", data.methods[cell.method]));
    if (!at("setting-label").hidden) button.append(make("i", "", cell.setting));
    button.append(make("i", "", "seed " + cell.seed + ", episode " + talk.number + summary(talk)));
    const first = talk.lines.find((line) => line.who === talk.learner) || talk.lines[0];
    if (first) button.append(make("i", "", "\u201c" + first.text + "\u201d"));
    button.addEventListener("click", () => open(talk, button));
    const item = make("li");
    item.append(button);
    return item;
  }

  function summary(talk) {
    if (talk.status === "failed") return ": failed";
    if (talk.truth === null) return "";
    return ": true " + format(talk.truth) + (talk.estimate === null ? ", no estimate" : ", estimated " + format(talk.estimate));
  }

  function open(talk, button) {
    for (const other of at("talks").querySelectorAll("[aria-current]")) {
      other.removeAttribute("aria-current");
      other.tabIndex = -1;
    }
    button.setAttribute("aria-current", "true");
    button.tabIndex = 0;
    const cell = cellOf(talk);
    const who = talk.partners.length > 1 ? "partners" : "partner";
    const got = talk.truth === null ? "What the " + who + " got is not known" : "The " + who + " got " + format(talk.truth);
    const thought = talk.estimate === null ? "; there is no estimate." : "; the agent\u2019s estimate was " + format(talk.estimate) + " ";
    const totals = make("p", "totals", "Ended " + (endings[talk.status] || talk.status) + ". " + got + thought);
    if (talk.verdict !== "unscored") totals.append(make("span", talk.verdict, "(" + verdicts[talk.verdict] + ")"));
    const parts = [make("h3", "", data.methods[cell.method] + ", seed " + cell.seed + ", episode " + talk.number), make("p", "card", cell.setting + "; environment seed " + talk.seed), totals];
    if (talk.error !== null) parts.push(make("p", "failed", "Failed: " + talk.error));
    talk.cards.forEach((card, seat) => {
      const line = make("p", "card");
      line.append(make("b", "", (talk.agents[seat] || "?") + "\u2019s private card: "), make("span", "what", card));
      parts.push(line);
    });
    talk.lines.forEach((line) => parts.push(message(talk, line)));
    if (talk.left_out) parts.push(make("p", "none", talk.left_out + " more messages are in the log."));
    at("talk").className = "m" + cell.method;
    at("talk").replaceChildren(...parts);
    at("talk").scrollTop = 0;
  }

  function message(talk, line) {
    const mine = line.who === talk.learner;
    const box = make("div", "said" + (mine ? " mine" : "") + (line.who < 0 ? " narration" : ""));
    const to = line.to === null ? "" : " to " + (line.to.map((seat) => talk.agents[seat]).join(", ") || "nobody");
    box.append(make("span", "who", (line.who < 0 ? "what happens" : talk.agents[line.who]) + to), make("span", "what", line.text || "(says nothing)"));
    if (mine && ("estimate" in line.scores || "truth" in line.scores)) box.append(replies(talk, line));
    const notes = remarks(line);
    if (notes) box.append(make("span", "small", notes));
    return box;
  }

  function replies(talk, line) {
    const next = line.answer === null ? null : talk.lines[line.answer];
    const answer = next ? next.text : null;
    const several = talk.partners.length > 1 && next;
    const pair = make("div", "beside");
    pair.append(
      column("imagined reply", line.imagined, "none is stored", "estimate: " + format(line.scores.estimate), line.reasons.estimate),
      column(several ? "real reply of " + talk.agents[next.who] : "real reply", answer, line.answer === null ? "there was none" : "it is in the log", "true reward: " + format(line.scores.truth), line.reasons.truth),
    );
    if (line.predicted !== null) pair.append(column("predicted reply", line.predicted, "", "would be: " + format(line.scores.predicted), line.reasons.predicted));
    return pair;
  }

  function column(label, text, otherwise, value, reason) {
    const column = make("div");
    column.append(make("span", "label", label), make("span", text === null ? "what none" : "what", text === null ? otherwise : text), make("span", "score", value + (reason ? " (" + reason + ")" : "")));
    return column;
  }

  function remarks(line) {
    const parts = [];
    for (const [name, value] of Object.entries(line.rewards)) parts.push(name + " gets " + format(value));
    if (line.proxy !== null) parts.push("proxy " + format(line.proxy));
    if (line.valid === false) parts.push("not understood");
    if (line.faithful === false) parts.push("does not fit the card");
    for (const [name, value] of Object.entries(line.facts)) parts.push(name + ": " + value);
    for (const [name, value] of Object.entries(line.scores)) {
      if (!["estimate", "truth", "predicted"].includes(name)) parts.push(name + " " + format(value) + (line.reasons[name] ? " (" + line.reasons[name] + ")" : ""));
    }
    return parts.join(" \u00b7 ");
  }

  at("browser").hidden = false;
  list();
})();
