"use strict";
(() => {
  for (const picker of document.querySelectorAll(".picker")) {
    const choice = picker.querySelector("select");
    const picks = [...picker.querySelectorAll(".pick")];
    const pick = () => {
      for (const part of picks) part.hidden = part.dataset.pick !== choice.value;
    };
    choice.addEventListener("change", pick);
    picker.querySelector(".tools").hidden = picks.length < 2;
    pick();
  }

  const cards = document.getElementById("cards");
  const tools = document.querySelector("form.tools");
  if (tools) {
    const find = document.getElementById("find");
    const order = document.getElementById("order");
    const count = document.getElementById("count");
    const none = document.getElementById("none");
    const all = [...cards.children];
    tools.hidden = false;
    const filter = () => {
      const wanted = find.value.trim().toLowerCase();
      let shown = 0;
      for (const card of all) {
        card.hidden = !card.dataset.name.includes(wanted);
        if (!card.hidden) shown += 1;
      }
      none.hidden = shown > 0;
      count.textContent = shown === 1 ? "1 column" : `${shown} columns`;
    };
    const arrange = () => {
      const key = order.value === "worst" ? "rank" : "place";
      cards.append(...[...all].sort((a, b) => a.dataset[key] - b.dataset[key]));
    };
    find.addEventListener("input", filter);
    order.addEventListener("change", arrange);
    tools.addEventListener("submit", (event) => event.preventDefault());
    filter();
    arrange();
  }

  const group = document.querySelector(".maps");
  if (!group) return;
  const labels = JSON.parse(group.dataset.labels);
  const readout = document.getElementById("readout");
  const maps = [...group.querySelectorAll(".map")].map((svg) => ({
    svg,
    title: svg.dataset.title,
    cursor: svg.querySelector(".cursor"),
    values: Int8Array.from(atob(svg.dataset.values), (c) => c.charCodeAt(0)),
  }));
  const n = labels.length;
  let row = 0;
  let column = n > 1 ? 1 : 0;
  const show = () => {
    const said = [];
    for (const map of maps) {
      map.cursor.setAttribute("x", (column * 480) / n);
      map.cursor.setAttribute("y", (row * 480) / n);
      map.cursor.setAttribute("visibility", "visible");
      const value = map.values[row * n + column];
      const text = value === -128 ? "–" : map.title === "Difference" ? `${value} %` : (value / 100).toFixed(2);
      said.push(`${map.title.toLowerCase()} ${text}`);
    }
    readout.textContent = `${labels[row]} × ${labels[column]}: ${said.join(", ")}`;
  };
  const keys = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  for (const { svg } of maps) {
    svg.addEventListener("pointermove", (event) => {
      const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
      const c = Math.floor((point.x * n) / 480);
      const r = Math.floor((point.y * n) / 480);
      if (c < 0 || r < 0 || c >= n || r >= n || (c === column && r === row)) return;
      row = r;
      column = c;
      show();
    });
    svg.addEventListener("focus", show);
    svg.addEventListener("keydown", (event) => {
      const move = keys[event.key];
      if (!move) return;
      event.preventDefault();
      row = Math.min(n - 1, Math.max(0, row + move[0]));
      column = Math.min(n - 1, Math.max(0, column + move[1]));
      show();
    });
  }
})();
