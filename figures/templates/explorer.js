"use strict";
// Controls on one side, the session in Python on the other.  At most one move is on its way; of those made meanwhile
// only the last is sent, so that nothing stale is ever computed.
window.explorer = (() => {
  const $ = (id) => document.getElementById(id);
  const moves = []; // milliseconds from a move to the changed picture, for whoever wants to measure
  let exchange, knobs, setting, start;
  let notUnderstood = ""; // what is wrong with the link, until the first move
  let number = 0, busy = false, dirty = false, movedAt = 0, moving = false;

  const ask = (what) => { exchange.request = JSON.stringify({ number: ++number, ...what }); };

  const send = () => {
    dirty = false;
    busy = true;
    notUnderstood = "";
    movedAt = performance.now();
    ask({ do: "move", setting });
  };
  const moved = () => { if (busy) dirty = true; else send(); };

  const nearest = (positions, value) =>
    positions.reduce((best, one, index) => (Math.abs(one - value) < Math.abs(positions[best] - value) ? index : best), 0);

  const showValue = (name) => {
    const { positions, symbol } = knobs[name];
    const value = setting[name];
    if (!positions.length) { $(name).value = value; return; }
    $(`${name}-number`).value = value;
    $(name).value = nearest(positions, value);
    $(name).setAttribute("aria-valuetext", `${symbol} = ${value}`);
  };

  const relevance = () => {
    const penalised = setting.kind === "ridge" || setting.kind === "logistic";
    document.querySelector('[data-knob="ridge"]').hidden = !penalised;
  };

  const set = (name, value) => {
    setting[name] = value;
    showValue(name);
    relevance();
    moved();
  };

  const listen = (name) => {
    const { positions } = knobs[name];
    const control = $(name);
    const typed = (input) => {
      if (input.value === "" || !input.validity.valid && !input.validity.rangeOverflow && !input.validity.rangeUnderflow
          && !input.validity.stepMismatch) return;
      setting[name] = Number(input.value);
      if (positions.length) control.value = nearest(positions, setting[name]);
      moved();
    };
    if (positions.length) {
      control.addEventListener("input", () => set(name, positions[Number(control.value)]));
      $(`${name}-number`).addEventListener("input", (event) => typed(event.target));
    } else if (control.tagName === "SELECT") {
      control.addEventListener("change", () => set(name, control.value));
    } else {
      control.addEventListener("input", () => typed(control));
    }
  };

  const download = ({ name, type, content }) => {
    const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([bytes], { type }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  };

  const showSimulation = ({ running, text, share, refused }) => {
    $("simulate").disabled = running;
    if ($("stop").disabled === running) {
      $("stop").disabled = !running;
      if (document.activeElement === document.body) $(running ? "stop" : "simulate").focus();
    }
    if (share !== undefined) $("progress").value = share;
    if (text !== undefined) $("simulation-text").textContent = text;
    if (refused !== undefined) $("simulation-refused").textContent += ` ${refused}`;
  };

  // The plots paint in a frame of their own: after two more frames the picture has changed.
  const painted = (done) => requestAnimationFrame(() => requestAnimationFrame(done));

  const entry = (one) => (one === null ? NaN : Array.isArray(one) ? one.map(entry) : one);
  const columns = (data) => Object.fromEntries(Object.entries(data).map(([name, values]) => [name, values.map(entry)]));

  // The session does not ask what is drawn: nothing of it goes back.
  const draw = (models) => {
    const [page] = Bokeh.documents;
    for (const [id, { data, ...others }] of Object.entries(models)) {
      const model = page.get_model_by_id(id);
      if (data) model.setv({ data: columns(data) }, { sync: false, check_eq: false });
      else model.setv(others, { sync: false });
    }
  };

  const answered = (answer) => {
    draw(answer.models);
    for (const [id, text] of Object.entries(answer.texts ?? {})) {
      const place = $(id);
      if (place.textContent !== text) place.textContent = text;
    }
    if (notUnderstood) $("refused").textContent = notUnderstood;
    if (answer.refused !== undefined) document.body.classList.toggle("refused-whole", answer.refused);
    if (answer.final !== undefined) document.body.classList.toggle("draft", !answer.final);
    if (answer.heads) {
      for (const item of document.querySelectorAll("[data-head]")) {
        item.hidden = !answer.heads.includes(item.dataset.head);
        item.classList.toggle("chosen", item.dataset.head === answer.chosen);
      }
    }
    if (answer.link !== undefined && !answer.refused) {
      const address = answer.link ? `?${answer.link}` : location.pathname;
      if (`${location.pathname}${location.search}` !== address && location.search !== address) history.replaceState(null, "", address);
    }
    if (answer.simulation) showSimulation(answer.simulation);
    if (answer.file) download(answer.file);
    if (answer.setting) {
      Object.assign(setting, answer.setting);
      Object.keys(knobs).forEach(showValue);
      relevance();
      moved();
    }
    if (answer.number) {
      const from = movedAt;
      busy = false;
      painted(() => {
        moves.push(performance.now() - from);
        document.documentElement.dataset.drawn = answer.number;
      });
      if (dirty) send();
    }
  };

  const copy = async (button, text) => {
    const label = button.dataset.label ?? (button.dataset.label = button.textContent);
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Not allowed";
    }
    setTimeout(() => { button.textContent = label; }, 1500);
  };

  const connect = (model) => {
    exchange = model;
    knobs = JSON.parse($("knobs").textContent);
    setting = JSON.parse($("values").textContent);
    notUnderstood = $("refused").textContent;
    Object.keys(knobs).forEach((name) => { showValue(name); listen(name); });
    relevance();
    $("controls").addEventListener("submit", (event) => event.preventDefault());
    $("another").addEventListener("click", () => set("sequence", setting.sequence + 1));
    $("simulate").addEventListener("click", () => { $("simulation-refused").textContent = ""; ask({ do: "simulate" }); });
    $("stop").addEventListener("click", () => ask({ do: "stop" }));
    $("reset").addEventListener("click", () => { location.href = location.pathname; });
    $("copy-link").addEventListener("click", (event) => copy(event.target, location.href));
    for (const button of document.querySelectorAll("[data-copy]")) {
      button.addEventListener("click", () => copy(button, $(button.dataset.copy).textContent));
    }
    for (const button of document.querySelectorAll("[data-save]")) {
      button.addEventListener("click", () => ask({ do: "save", suffix: button.dataset.save }));
    }
    $("load").addEventListener("change", async (event) => {
      const [file] = event.target.files;
      if (!file) return;
      if (file.size > 100_000) $("loaded").textContent = "The file is too large to be a setting.";
      else ask({ do: "load", text: await file.text() });
      event.target.value = "";
    });
    exchange.properties.answer.change.connect(() => answered(JSON.parse(exchange.answer)));
    if (exchange.answer) answered(JSON.parse(exchange.answer));
    // On a phone the error curve stays in sight, and leaves room for the controls.
    const narrow = matchMedia("(max-width: 46rem)");
    const fit = () => { Bokeh.documents[0].get_model_by_name("error-plot").height = narrow.matches ? 220 : 300; };
    narrow.addEventListener("change", fit);
    fit();
    // A plot has nothing to do by keys: what it shows is in the words and in the data.
    for (const plot of document.querySelectorAll(".plot *")) plot.shadowRoot?.querySelector("[tabindex]")?.removeAttribute("tabindex");
    document.documentElement.dataset.ready = "yes";
  };

  // A page whose connection was lost loads again, if the server still answers.
  const lost = () => { fetch("static/js/bokeh.min.js", { method: "HEAD", cache: "no-store" }).then(() => location.reload(), () => {}); };

  return { connect, lost, moves };
})();
