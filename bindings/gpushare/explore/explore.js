"use strict";
(async () => {
  const token = new URLSearchParams(location.search).get("token");
  const page = String(Math.random()).slice(2);
  const $ = (id) => document.getElementById(id);
  const make = (name, about = {}, ...children) => {
    const one = document.createElement(name);
    for (const [key, value] of Object.entries(about)) {
      if (key === "on") { for (const [event, does] of Object.entries(value)) { one.addEventListener(event, does); } }
      else if (value === true) { one.setAttribute(key, ""); }
      else if (value !== false && value !== undefined) { one.setAttribute(key, value); }
    }
    one.append(...children);
    return one;
  };
  const post = async (path, told = {}) => {
    const reply = await fetch(path, {
      method: "POST", body: JSON.stringify(told),
      headers: { "Content-Type": "application/json", Authorization: `token ${token}` },
    });
    const text = await reply.text();
    let found;
    try { found = JSON.parse(text); } catch { found = { error: text }; }
    return { status: reply.status, found };
  };

  // ---- what is set: in the address, so that a link is all there is to share

  const start = (await post("start")).found;
  let state = {};
  let cards = {};
  const read = () => {
    try { state = JSON.parse(decodeURIComponent(location.hash.slice(1)) || "{}"); } catch { state = {}; }
    if (typeof state !== "object" || state === null || Array.isArray(state)) { state = {}; }
  };
  const keep = () => {
    for (const key of Object.keys(state)) {
      const value = state[key];
      if (key === "set" && Object.keys(value).length === 0) { delete state[key]; }
      if (key === "board" && value.length === 0) { delete state[key]; }
    }
    const text = Object.keys(state).length ? `#${encodeURIComponent(JSON.stringify(state))}` : "";
    history.replaceState(null, "", `${location.pathname}${location.search}${text}`);
  };
  let asked = 0;
  let timer = 0;
  // Whatever is on its way is no answer to what is set now.
  const soon = (delay) => {
    asked += 1;
    document.body.classList.add("asking");
    clearTimeout(timer);
    timer = setTimeout(ask, delay);
  };
  const changed = () => { keep(); soon(60); };
  const modes = () => state.modes ?? start.modes;
  const bounds = () => state.objectives ?? start.objectives;

  // ---- knobs

  const number = (value) => Number(Number(value).toPrecision(6));
  const drawKnobs = () => {
    const groups = new Map();
    for (const knob of start.knobs) {
      if (!groups.has(knob.group)) { groups.set(knob.group, make("fieldset", {}, make("legend", {}, knob.group))); }
      const id = `knob${knob.pointer.replace(/[^\w]/g, "-")}`;
      const most = knob.of.indexOf(Math.max(...knob.of));
      const now = () => {
        const given = state.set?.[knob.pointer];
        return given === undefined ? knob.value : knob.of.length ? number(given[most] / knob.of[most]) : given;
      };
      const value = now();
      const set = (given) => {
        if (given === "" || !Number.isFinite(Number(given))) { return; }
        const one = number(given);
        state.set = { ...state.set, [knob.pointer]: knob.of.length ? knob.of.map((rate) => number(rate * one)) : one };
        if (one === knob.value) { delete state.set[knob.pointer]; }
        range.value = one;
        if (document.activeElement !== exact) { exact.value = one; }
        changed();
      };
      const unit = knob.unit ? `, ${knob.unit}` : "";
      const range = make("input", {
        type: "range", id, min: knob.low, max: Math.max(knob.high, value), step: knob.step === 1 ? 1 : "any", value,
        on: {
          input: () => set(knob.step === 1 ? range.value : Math.max(knob.low, Math.round(range.value / knob.step) * knob.step)),
          keydown: (event) => {
            const way = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1 }[event.key];
            if (way && knob.step !== 1) {
              event.preventDefault();
              set(Math.min(knob.high, Math.max(knob.low, Number(exact.value) + way * knob.step)));
              exact.value = now();
            }
          },
        },
      });
      const exact = make("input", {
        type: "number", step: "any", value, "aria-label": `${knob.label}${unit}, exactly`, on: { input: () => set(exact.value) },
      });
      groups.get(knob.group).append(make("div", { class: "knob", "data-pointer": knob.pointer },
        make("label", { for: id }, `${knob.label}${unit}`), range, exact,
        make("p", { class: "wrong", "data-place": knob.pointer, hidden: true })));
    }
    $("knobs").replaceChildren(...groups.values());
  };

  const drawModes = () => {
    $("modes").replaceChildren(...[...new Set([...start.modes, ...modes()])].map((mode) => {
      const box = make("input", {
        type: "checkbox", checked: modes().includes(mode),
        on: { change: () => {
          const kept = modes().filter((one) => one !== mode);
          const next = box.checked ? [...kept, mode] : kept;
          if (next.length === 0) { box.checked = true; return; }
          const order = [...new Set([...start.modes, ...next])];
          state.modes = order.filter((one) => next.includes(one));
          changed();
        } },
      });
      return make("label", { class: "check" }, box, ` ${mode}`);
    }));
    const choices = [...new Set([...modes(), "dedicated"])];
    const before = $("from-mode").value;
    $("from-mode").replaceChildren(...choices.map((mode) => make("option", { selected: mode === before }, mode)));
  };

  let latencies = [];
  const drawObjectives = () => {
    const drawn = Object.entries(bounds()).map(([figure, bound]) => {
      const plain = typeof bound !== "object";
      const field = make("input", {
        type: "text", value: plain ? bound : JSON.stringify(bound), "aria-label": `Bound of ${figure}`, spellcheck: "false",
        on: { change: () => {
          const text = field.value.trim();
          let value = text;
          try { value = JSON.parse(text); } catch { /* "400ms" is a text */ }
          state.objectives = { ...bounds(), [figure]: value };
          changed();
        } },
      });
      const gone = make("button", { type: "button", "aria-label": `Remove ${figure}`, on: { click: () => {
        state.objectives = { ...bounds() };
        delete state.objectives[figure];
        drawObjectives();
        changed();
      } } }, "×");
      return make("div", { class: "bound" }, make("span", {}, figure), field, gone);
    });
    $("objectives").replaceChildren(...(drawn.length ? drawn : [
      make("p", { class: "note" }, "None: modes are held against dedicated GPUs."),
    ]));
    const offered = [...latencies.map((name) => `${name}_p95_s`), "success_rate", "request_throughput"];
    $("new-objective").replaceChildren(...offered.filter((one) => !(one in bounds())).map((one) => make("option", {}, one)));
  };

  const drawGpu = () => {
    $("gpu").replaceChildren(...start.gpus.map((name) => make("option", { selected: name === (state.gpu ?? start.gpu) }, name)));
  };

  // ---- the board

  const kind = (gpu) => gpu.profile ?? state.gpu ?? start.gpu;
  const cardOf = async (name) => { cards[name] ??= (await post("card", { gpu: name })).found; return cards[name]; };
  const slices = (gpu) => (!gpu.layout || gpu.layout === "whole") ? null : gpu.layout.split("+").map((text) => {
    const [name, from] = text.split("@");
    return { name, start: Number(from) };
  });
  const spec = (card, name) => card.mig.find((one) => one.name === name) ?? { slots: card.slots, starts: [0] };
  const overlaps = (card, list, name, from, without = -1) => list.some((one, i) => i !== without
    && from < one.start + spec(card, one.name).slots && one.start < from + spec(card, name).slots);
  const free = (card, list, name, without = -1) => spec(card, name).starts.filter((from) => !overlaps(card, list, name, from, without));
  const board = () => state.board ?? [];
  const write = (gpu, list, parts) => {
    const order = list.map((_, i) => i).sort((a, b) => list[a].start - list[b].start);
    gpu.layout = order.map((i) => `${list[i].name}@${list[i].start}`).join("+");
    gpu.partitions = order.map((i) => parts[i]);
    if (list.length === 0) { gpu.layout = "whole"; gpu.partitions = [{ processes: [] }]; }
  };
  const edit = (does, focus) => {
    const next = structuredClone(board());
    does(next);
    state.board = next;
    drawBoard(focus);
    changed();
  };
  const put = (g, p, service) => edit((gpus) => {
    const part = gpus[g].partitions[p];
    part.processes = [...(part.processes ?? []), service];
    if (part.processes.length > 1 && (part.sharing ?? "exclusive") === "exclusive") { part.sharing = "mps"; }
  }, `part-${g}-${p}`);
  const cut = async (g, name, from) => {
    const card = await cardOf(kind(board()[g]));
    edit((gpus) => {
      const gpu = gpus[g];
      const list = slices(gpu) ?? [];
      const parts = slices(gpu) ? gpu.partitions : [];
      const legal = free(card, list, name);
      if (legal.length === 0) { return; }
      const at = from === undefined ? legal[0] : legal.reduce((a, b) => Math.abs(b - from) < Math.abs(a - from) ? b : a);
      write(gpu, [...list, { name, start: at }], [...parts, { processes: [] }]);
    });
  };
  const move = async (g, p, toGpu, toStart) => {
    const list = slices(board()[g]);
    if (!list) { return; }
    const card = await cardOf(kind(board()[toGpu]));
    const one = list[p];
    edit((gpus) => {
      const part = gpus[g].partitions[p];
      const target = g === toGpu ? list.filter((_, i) => i !== p) : slices(gpus[toGpu]) ?? [];
      const legal = free(card, target, one.name);
      if (!legal.length || !card.mig.some((known) => known.name === one.name)) { return; }
      const at = legal.reduce((a, b) => Math.abs(b - toStart) < Math.abs(a - toStart) ? b : a);
      const rest = gpus[g].partitions.filter((_, i) => i !== p);
      if (g === toGpu) { write(gpus[g], [...target, { ...one, start: at }], [...rest, part]); return; }
      write(gpus[g], list.filter((_, i) => i !== p), rest);
      const there = slices(gpus[toGpu]) ? gpus[toGpu].partitions : [];
      write(gpus[toGpu], [...target, { ...one, start: at }], [...there, part]);
    }, `gpu-${toGpu}`);
  };
  const takeAway = (g, p) => edit((gpus) => {
    const list = slices(gpus[g]);
    if (!list) { gpus.splice(g, 1); return; }
    write(gpus[g], list.filter((_, i) => i !== p), gpus[g].partitions.filter((_, i) => i !== p));
  });

  const chip = (g, p, i, process) => {
    const name = typeof process === "string" ? process : process.service;
    const tone = `chip s${start.services.indexOf(name) % 6}`;
    return make("button", {
      type: "button", class: tone, "aria-label": `Take ${name} away`, title: "take away",
      on: { click: () => edit((gpus) => {
        const part = gpus[g].partitions[p];
        part.processes.splice(i, 1);
        if (part.processes.length < 2) { delete part.sharing; }
      }, `part-${g}-${p}`) },
    }, `${name} ×`);
  };
  const chooser = (label, options, chosen) => {
    const select = make("select", { "aria-label": label, class: "chooser", on: { change: () => {
      if (select.value) { chosen(select.value); }
    } } }, make("option", { value: "" }, label), ...options.map(([value, text]) => make("option", { value }, text)));
    return select;
  };
  const sharing = (g, p, part) => {
    const now = part.sharing?.mode ?? part.sharing ?? "exclusive";
    const select = make("select", { "aria-label": "How it is shared", class: "chooser", on: { change: () => edit((gpus) => {
      gpus[g].partitions[p].sharing = select.value;
    }, `part-${g}-${p}`) } }, ...["mps", "time-slicing"].map((mode) => make("option", { selected: mode === now }, mode)));
    return select;
  };
  const drawPart = (card, g, p, gpu, list) => {
    const part = gpu.partitions[p];
    const one = list?.[p];
    const begin = one ? one.start / card.slots : 0;
    const span = one ? spec(card, one.name).slots / card.slots : 1;
    const title = one ? `${one.name}@${one.start}` : "whole GPU";
    const many = (part.processes ?? []).length;
    return make("div", {
      id: `part-${g}-${p}`, class: "slice", tabindex: 0, role: "group", "data-drop": "part", "data-gpu": g, "data-part": p,
      "aria-label": `${title} of gpu${g}: ${many ? part.processes.map((x) => x.service ?? x).join(", ") : "nobody"}`,
      style: `top:${100 * begin}%;height:${100 * span}%`,
      on: { keydown: (event) => {
        if (event.target !== event.currentTarget) { return; }
        const way = { ArrowUp: -1, ArrowDown: 1 }[event.key];
        if (way && one) {
          event.preventDefault();
          const legal = free(card, list, one.name, p).filter((from) => Math.sign(from - one.start) === way);
          if (legal.length) { move(g, p, g, way > 0 ? Math.min(...legal) : Math.max(...legal)); }
        }
        if (event.key === "Delete" || event.key === "Backspace") { event.preventDefault(); takeAway(g, p); }
      } },
    }, make("span", { class: "grip", "data-drag": one ? "slice" : false, "data-gpu": g, "data-part": p }, title),
    ...(part.processes ?? []).map((process, i) => chip(g, p, i, process)),
    many > 1 ? sharing(g, p, part) : "",
    chooser("+ service", start.services.map((name) => [name, name]), (name) => put(g, p, name)),
    one ? make("button", { type: "button", class: "small", "aria-label": `Remove ${title}`, on: { click: () => takeAway(g, p) } }, "×") : "");
  };
  const drawBoard = async (focus) => {
    const drawn = [];
    const gpus = board();
    for (const [g, gpu] of gpus.entries()) {
      const card = await cardOf(kind(gpu));
      if (card.error) { continue; }
      const list = slices(gpu);
      const parts = (gpu.partitions ?? []).map((_, p) => drawPart(card, g, p, gpu, list));
      const more = card.mig.filter((one) => free(card, list ?? [], one.name).length).map((one) => [one.name, one.name]);
      drawn.push(make("li", { class: "gpu", id: `gpu-${g}`, tabindex: -1 },
        make("p", { class: "gpu-name" }, make("strong", {}, `gpu${g}`), ` ${card.name}`),
        make("div", { class: "slots", "data-drop": "gpu", "data-gpu": g, "data-slots": card.slots, style: `height:${list ? Math.max(20, 2.7 * card.slots) : 8}rem` }, ...parts),
        make("div", { class: "adding" },
          card.mig.length ? chooser("+ slice", more, (name) => cut(g, name)) : make("span", { class: "note" }, "is not cut"),
          make("button", { type: "button", class: "small", on: { click: () => edit((all) => { all.splice(g, 1); }) } }, `Remove gpu${g}`))));
    }
    $("board").replaceChildren(...drawn);
    const card = await cardOf(state.gpu ?? start.gpu);
    $("palette").replaceChildren(
      ...(card.mig ?? []).map((one) => make("span", { class: "grip", "data-drag": "new", "data-name": one.name }, one.name)),
      ...start.services.map((name, i) => make("span", { class: `grip chip s${i % 6}`, "data-drag": "service", "data-name": name }, name)));
    if (focus) { $(focus)?.focus(); }
  };

  // Dragging by pointer, touch included: a ghost follows, and what lies under it takes it.
  let dragged = null;
  addEventListener("pointerdown", (event) => {
    const from = event.target.closest?.("[data-drag]");
    if (!from || event.button !== 0) { return; }
    event.preventDefault();
    const ghost = make("div", { class: "ghost" }, from.textContent);
    document.body.append(ghost);
    dragged = { ...from.dataset, ghost };
    ghost.style.left = `${event.clientX}px`;
    ghost.style.top = `${event.clientY}px`;
  });
  addEventListener("pointermove", (event) => {
    if (!dragged) { return; }
    dragged.ghost.style.left = `${event.clientX}px`;
    dragged.ghost.style.top = `${event.clientY}px`;
    document.querySelectorAll(".over").forEach((one) => one.classList.remove("over"));
    document.elementFromPoint(event.clientX, event.clientY)?.closest("[data-drop]")?.classList.add("over");
  });
  const drop = (event) => {
    if (!dragged) { return; }
    const what = dragged;
    dragged = null;
    what.ghost.remove();
    document.querySelectorAll(".over").forEach((one) => one.classList.remove("over"));
    if (event.type === "pointercancel") { return; }
    const under = document.elementFromPoint(event.clientX, event.clientY);
    const part = under?.closest("[data-drop=part]");
    const slots = under?.closest("[data-drop=gpu]");
    if (what.drag === "service" && part) { put(Number(part.dataset.gpu), Number(part.dataset.part), what.name); return; }
    if (!slots) { return; }
    const at = slots.getBoundingClientRect();
    const slot = Math.max(0, Math.floor(Number(slots.dataset.slots) * (event.clientY - at.top) / at.height));
    if (what.drag === "new") { cut(Number(slots.dataset.gpu), what.name, slot); }
    if (what.drag === "slice") { move(Number(what.gpu), Number(what.part), Number(slots.dataset.gpu), slot); }
  };
  addEventListener("pointerup", drop);
  addEventListener("pointercancel", drop);

  // ---- asking, and what comes back

  const wrong = (found) => {
    document.querySelectorAll(".wrong").forEach((one) => { one.hidden = true; one.textContent = ""; });
    if (!found) { return; }
    const places = [...document.querySelectorAll("[data-place]")];
    const near = (place) => places.filter((one) => place === one.dataset.place || place.startsWith(`${one.dataset.place}/`))
      .sort((a, b) => b.dataset.place.length - a.dataset.place.length)[0];
    const where = (found.places ?? []).map(near).find(Boolean) ?? $("wrong");
    where.textContent = found.error;
    where.hidden = false;
  };
  let looking = 0;
  const idle = () => { clearInterval(looking); $("waiting").textContent = ""; $("stop").hidden = true; document.body.classList.remove("asking"); };
  const ask = async () => {
    const mine = asked;
    const since = Date.now();
    clearInterval(looking);
    looking = setInterval(async () => {
      if (Date.now() - since < 500) { return; }
      const [done, total] = (await post("progress", { page })).found;
      if (mine !== asked || !document.body.classList.contains("asking")) { return; }
      $("waiting").textContent = `Simulating${total ? `: ${done} of ${total} modes` : ""}, ${Math.round((Date.now() - since) / 1000)} s `;
      $("stop").hidden = false;
    }, 250);
    let reply;
    try { reply = await post("ask", { page, state }); } catch { reply = { status: 0, found: { error: "gpushare explore has ended; start it again." } }; }
    if (mine !== asked) { return; }
    idle();
    if (reply.found.superseded) { return; }
    if (reply.status !== 200) { wrong(reply.found); return; }
    show(reply.found);
  };
  const show = (found) => {
    wrong(null);
    document.body.dataset.answered = String(asked);
    $("answer").className = `verdict ${found.verdict.state}`;
    $("state").textContent = found.verdict.said;
    $("line").textContent = found.verdict.line;
    $("facts").replaceChildren(...found.facts.map(([word, value]) => make("div", {}, make("dt", {}, word), make("dd", {}, value))));
    // Markup of this process, which escapes what documents hold.
    for (const [id, text] of [["table", found.modes], ["boxes", found.boxes], ["changes", found.changes]]) {
      const open = [...$(id).querySelectorAll("details")].map((one) => one.open);
      $(id).innerHTML = text;
      $(id).querySelectorAll("details").forEach((one, i) => { one.open = open[i] ?? false; });
    }
    $("warnings").replaceChildren(...found.warnings.map((text) => make("li", {}, text)));
    const failed = found.failed.board;
    if (failed) { const place = document.querySelector("[data-place='/modes/board']"); place.textContent = failed; place.hidden = false; }
    $("document").textContent = found.text;
    latencies = found.latencies;
    drawObjectives();
    drawModes();
    window.figures = found.figures;
  };

  // ---- buttons

  const save = (text, name, type) => {
    const link = make("a", { href: URL.createObjectURL(new Blob([text], { type })), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };
  const file = `${start.name.replace(/[^\w.-]/g, "-")}-explored`;
  $("command").textContent = `gpushare compare ${file}.json --most-replications 1`;
  const click = (id, does) => $(id).addEventListener("click", does);
  click("stop", () => { asked += 1; clearTimeout(timer); post("stop", { page }); idle(); });
  click("json", () => save($("document").textContent, `${file}.json`, "application/json"));
  click("yaml", async () => {
    const { status, found } = await post("yaml", { state });
    if (status === 200) { save(found.text, `${file}.yaml`, "application/yaml"); } else { wrong(found); }
  });
  click("copy", async () => {
    await navigator.clipboard.writeText(location.href);
    $("copy").textContent = "Copied";
    setTimeout(() => { $("copy").textContent = "Copy the link"; }, 1500);
  });
  click("reset", () => { state = {}; draw(); changed(); });
  click("clear", () => edit((gpus) => { gpus.length = 0; }));
  click("add-gpu", () => edit((gpus) => { gpus.push({ partitions: [{ processes: [] }] }); }));
  click("lay", async () => {
    const { status, found } = await post("place", { state, mode: $("from-mode").value });
    if (status !== 200) { wrong({ ...found, places: ["/modes/board"] }); return; }
    state.board = found.board;
    drawBoard();
    changed();
  });
  click("add-mode", () => {
    const name = $("new-mode").value.trim();
    if (name && !modes().includes(name)) { state.modes = [...modes(), name]; $("new-mode").value = ""; drawModes(); changed(); }
  });
  click("add-objective", () => {
    const figure = $("new-objective").value;
    if (!figure) { return; }
    const values = Object.values(window.figures ?? {}).map((one) => one[figure]).filter((one) => one !== null && one !== undefined);
    const least = values.length ? Math.min(...values) : 1;
    const value = figure === "success_rate" ? 0.99 : number(Number((least * (figure.endsWith("_s") ? 1.2 : 0.95)).toPrecision(3)));
    state.objectives = { ...bounds(), [figure]: value };
    drawObjectives();
    changed();
  });
  $("gpu").addEventListener("change", () => { state.gpu = $("gpu").value; if (state.gpu === start.gpu) { delete state.gpu; } drawBoard(); changed(); });
  $("controls").addEventListener("submit", (event) => event.preventDefault());
  $("new-mode").addEventListener("keydown", (event) => { if (event.key === "Enter") { event.preventDefault(); $("add-mode").click(); } });

  // ---- charts answer as those of a report do

  const tip = $("tip");
  const row = (event) => event.target.closest?.("svg .row");
  const tell = (event) => {
    const one = row(event);
    tip.hidden = !one;
    if (!one) { return; }
    tip.textContent = one.dataset.said;
    const at = one.getBoundingClientRect();
    tip.style.left = `${Math.max(4, Math.min(at.left, innerWidth - tip.offsetWidth - 4))}px`;
    tip.style.top = `${at.top > tip.offsetHeight + 4 ? at.top - tip.offsetHeight - 4 : at.bottom + 4}px`;
  };
  for (const event of ["pointerover", "focusin"]) { addEventListener(event, tell); }
  addEventListener("keydown", (event) => {
    if (event.key === "Escape") { tip.hidden = true; }
    const one = row(event);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const near = one ? [...one.parentNode.querySelectorAll(".row")] : [];
    const next = step && near[near.indexOf(one) + step];
    if (next) { event.preventDefault(); next.focus(); }
  });

  const draw = () => { drawKnobs(); drawGpu(); drawModes(); drawObjectives(); drawBoard(); };
  addEventListener("hashchange", () => { read(); draw(); soon(0); });
  read();
  draw();
  soon(0);
})();
