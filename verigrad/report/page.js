// The rollout browser. Text from the run reaches the page through textContent only.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("rollout-data").textContent);
  const table = document.querySelector("#rollout-table tbody");
  if (!table) return;
  const filters = ["run", "step", "source", "class"].map((key) => [key, document.getElementById("filter-" + key)]);
  const search = document.getElementById("search");
  const more = document.getElementById("more");
  const PAGE = 40;
  let limit = PAGE;

  const element = (tag, className, text) => {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const haystacks = data.rows.map((row) =>
    [row.prompt, row.question, row.response, row.truth, row.extracted, row.problem_id].join("\n").toLowerCase());
  const matches = (row, index) => {
    for (const [key, control] of filters) {
      if (!control.value) continue;
      if (key === "class" && control.value === "truncated" ? !row.truncated : String(row[key]) !== control.value) return false;
    }
    return haystacks[index].includes(search.value.toLowerCase());
  };
  const oneLine = (text) => (text.length > 160 ? text.slice(0, 160) + "…" : text).replaceAll("\n", " ↵ ");
  const written = (text) => {
    const pre = element("pre");
    for (const part of text.split(/(\n|⟨U\+[0-9A-F]{4,6}⟩)/)) {
      if (part === "\n") pre.append(element("span", "newline", "↵"), "\n");
      else if (/^⟨U\+[0-9A-F]{4,6}⟩$/.test(part)) pre.append(element("span", "mark", part));
      else if (part) pre.append(part);
    }
    if (!text) pre.append(element("span", "newline", "empty"));
    return pre;
  };
  const block = (title, text) => {
    const made = element("div");
    made.append(element("h4", "", title), written(text));
    return made;
  };
  const facts = (row) => {
    const shown = [["problem", row.problem_id], ["status", row.status], ["reason", row.reason], ["ended by", row.stop_reason],
      ["reward", row.reward], ["format", row.format_reward], ["answer", row.answer_reward], ["tokens", row.tokens],
      ["entropy (nats/token)", row.entropy], ["advantage", row.advantage], ["temperature", row.temperature],
      ["policy of step", row.policy_version], ["trained on", row.kept === undefined ? undefined : row.kept ? "yes" : "no"]];
    return shown.filter(([, value]) => value !== undefined && value !== "").map(([key, value]) => (key + " " + value).replaceAll(" ", "\u00a0")).join(" · ");
  };
  const detail = (row) => {
    const line = element("tr", "detail");
    const cell = element("td");
    cell.colSpan = 8;
    const answers = element("div", "answers");
    answers.append(block("truth", row.truth), block("extracted", row.extracted));
    cell.append(element("p", "note", facts(row)), block("prompt", row.prompt || row.question), block("response", row.response), answers);
    line.append(cell);
    return line;
  };
  const toggle = (line, row) => {
    const open = line.classList.toggle("open");
    line.setAttribute("aria-expanded", String(open));
    if (open) line.after(detail(row));
    else line.nextElementSibling.remove();
  };
  const rowOf = (row) => {
    const line = element("tr", "row");
    line.tabIndex = 0;
    line.setAttribute("aria-expanded", "false");
    const kind = element("td");
    kind.append(element("span", "tag " + row.class, data.classes[row.class] + (row.truncated ? ", cut" : "")));
    line.append(element("td", "", row.step), element("td", "", row.source), kind);
    for (const text of [row.question, row.response, row.truth, row.extracted]) line.append(element("td", "", oneLine(text)));
    line.append(element("td", "", row.tokens === undefined ? "—" : row.tokens));
    line.title = row.run;
    line.addEventListener("click", () => toggle(line, row));
    line.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      toggle(line, row);
    });
    return line;
  };
  const draw = () => {
    const found = data.rows.filter(matches);
    table.replaceChildren(...found.slice(0, limit).map(rowOf));
    const now = Math.min(limit, found.length);
    document.getElementById("shown").textContent = found.length
      ? now + " of " + found.length + " matching rollouts listed. Click a row to read it whole."
      : "No rollout matches.";
    more.hidden = found.length <= limit;
  };
  const restart = () => { limit = PAGE; draw(); };
  for (const [, control] of filters) {
    control.addEventListener("change", restart);
    if (control.id === "filter-run" && control.options.length <= 2) control.parentElement.hidden = true;
  }
  search.addEventListener("input", restart);
  more.addEventListener("click", () => { limit += PAGE; draw(); });
  draw();
})();
