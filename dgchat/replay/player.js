"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const by = (id) => document.getElementById(id);
const places = data.canvases.flatMap((canvas, c) => canvas.tokens.map((_, s) => [c, s]));
const paces = [0.25, 0.5, 1, 2, 4];
let index = 0, pace = 2, heat = false, timer = 0, chosen = null;

function lastOf(c) { return places.findLastIndex((place) => place[0] === c); }

function make(text, name, c, position) {
  const span = document.createElement("span");
  span.textContent = text;
  if (name) span.className = name;
  if (chosen && chosen[0] === c && chosen[1] === position) span.classList.add("here");
  span.addEventListener("click", () => { chosen = [c, position]; show(); });
  return span;
}

function noise(text, position) {
  let cell = 0;
  return Array.from(text, (letter) => {
    cell += 1;
    return letter === " " ? " " : data.glyphs[(position * 7 + cell * 5) % data.glyphs.length];
  }).join("");
}

function token(canvas, c, s, position) {
  const settled = position < canvas.final.length && canvas.settled[position] <= s + 1;
  if (heat && settled) return make(data.pieces[canvas.final[position]], "h" + canvas.heat[position], c, position);
  const state = canvas.states[s][position];
  let text = data.pieces[canvas.tokens[s][position]];
  if (state === "n") text = noise(text, position);
  if (state !== "s" && state !== "f") text = text.replaceAll("\n", "↵");
  const name = { s: "", 0: "d0", 1: "d1", 2: "d2", 3: "d3" }[state];
  return make(text, name === undefined ? state : name, c, position);
}

function draw() {
  const [now, s] = places[index];
  const parts = [];
  for (let c = 0; c < now; c += 1) {
    data.canvases[c].final.forEach((piece, position) =>
      parts.push(make(data.pieces[piece], heat ? "h" + data.canvases[c].heat[position] : "", c, position)));
    parts.push(document.createElement("hr"));
  }
  const canvas = data.canvases[now];
  canvas.tokens[s].forEach((_, position) => parts.push(token(canvas, now, s, position)));
  by("answer").replaceChildren(...parts);
}

function nameOf(piece) {
  const text = data.pieces[piece].replaceAll("\n", "␊");
  return text.trim() || (text ? "␣" : "∅");
}

function tell() {
  if (!chosen) { by("told").textContent = ""; return; }
  const [c, position] = chosen, canvas = data.canvases[c];
  if (position >= canvas.ways.length) { by("told").textContent = "past the end of the answer"; return; }
  const way = canvas.ways[position].map(nameOf), flips = way.length - 1;
  const mind = flips ? "changed its mind " + (flips === 1 ? "once" : flips + " times") : "never changed its mind";
  by("told").textContent = `position ${position + 1} of canvas ${c + 1} · settled at step ${canvas.settled[position]}` +
    ` of ${canvas.tokens.length}\n${way.join(" → ")}: ${mind}`;
}

function legend() {
  const parts = [];
  if (heat) {
    parts.push("settled at step  ");
    for (const [level, first, last] of data.canvases[places[index][0]].ranges) {
      const span = document.createElement("span");
      span.className = "h" + level;
      span.textContent = first === last ? `${first}` : `${first}–${last}`;
      parts.push(span, "  ");
    }
    if (data.canvases[places[index][0]].ranges.some(([level]) => level >= 3)) parts.push("underlined: among the last");
  }
  by("legend").replaceChildren(...parts);
}

function curve() {
  const space = "http://www.w3.org/2000/svg", svg = by("curve");
  svg.setAttribute("viewBox", `0 0 ${places.length} 8`);
  svg.replaceChildren(...places.map(([c, s], at) => {
    const bar = document.createElementNS(space, "rect");
    const height = 8 * Math.min(1, Math.max(0.04, Math.log(Math.max(0.003, data.canvases[c].entropy[s]) / 0.003) / Math.log(4 / 0.003)));
    for (const [name, value] of [["x", at], ["width", 0.9], ["y", 8 - height], ["height", height]]) bar.setAttribute(name, value);
    if (c !== places[index][0]) bar.setAttribute("class", "other");
    if (at > index) bar.setAttribute("opacity", "0.55");
    return bar;
  }));
}

function show() {
  const [c, s] = places[index], canvas = data.canvases[c];
  draw(); tell(); legend(); curve();
  by("track").value = index;
  by("pace").textContent = paces[pace] + "×";
  by("play").textContent = timer ? "pause" : "play";
  by("heat").setAttribute("aria-pressed", String(heat));
  by("words").textContent = `canvas ${c + 1}/${data.canvases.length} · step ${s + 1}/${canvas.tokens.length}`;
}

function pause() { clearTimeout(timer); timer = 0; }
function go(to) { pause(); index = Math.min(Math.max(to, 0), places.length - 1); show(); }
function goCanvas(move) {
  const c = places[index][0];
  if (move > 0 && index < lastOf(c)) { go(lastOf(c)); return; }
  go(lastOf(Math.min(Math.max(c + move, 0), data.canvases.length - 1)));
}
function wait() {
  const stays = index === lastOf(places[index][0]) ? 4 : 1;
  timer = setTimeout(() => {
    if (index === places.length - 1) { pause(); } else { index += 1; wait(); }
    show();
  }, 125 * stays / paces[pace]);
}
function play() {
  if (timer) { pause(); } else { if (index === places.length - 1) index = 0; wait(); }
  show();
}
function changePace(by) { pace = Math.min(Math.max(pace + by, 0), paces.length - 1); show(); }
function toggleHeat() { heat = !heat; show(); }

const keys = {
  ArrowLeft: () => go(index - 1), ArrowRight: () => go(index + 1), Home: () => go(0), End: () => go(places.length - 1),
  "[": () => goCanvas(-1), "]": () => goCanvas(1), " ": play, h: toggleHeat,
  "-": () => changePace(-1), "+": () => changePace(1), "=": () => changePace(1),
};
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) return;
  event.preventDefault();
  keys[event.key]();
});
by("track").max = places.length - 1;
by("track").addEventListener("input", () => go(Number(by("track").value)));
by("play").addEventListener("click", play);
by("slower").addEventListener("click", () => changePace(-1));
by("faster").addEventListener("click", () => changePace(1));
by("heat").addEventListener("click", toggleHeat);
by("prompt").textContent = data.prompt;
if (matchMedia("(prefers-reduced-motion: reduce)").matches) { index = places.length - 1; show(); } else { play(); }
