// A drawing or a photo as text for the address, and back: which it is, rows, columns, and its pixels, packed. Of a drawing these are bits;
// of a photo bytes, in grey, at half the size as often as it takes to be short enough for a link.
const MOST_LETTERS = 6000;
const is_own_start = () => ["photo", "drawn"].includes(element("start").value);

const through_stream = async (bytes, stream) => new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(stream)).arrayBuffer());
async function letters_of(bytes) {
  const packed = await through_stream(bytes, new CompressionStream("gzip"));
  return btoa(Array.from(packed, (byte) => String.fromCharCode(byte)).join("")).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
const bytes_of = (letters) => through_stream(Uint8Array.from(atob(letters.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0)),
  new DecompressionStream("gzip"));

async function own_as_text({ values, shape: [h, w, c], drawn }) {
  if (drawn) {
    const bits = new Uint8Array(Math.ceil(h * w / 8));
    for (let p = 0; p < h * w; p++) if (values[p * c]) bits[p >> 3] |= 1 << p % 8;
    return `drawn.${h}.${w}.${await letters_of(bits)}`;
  }
  const grey = mean_channel(values, c);
  for (let size = [h, w]; ; size = size.map((side) => Math.ceil(side / 2))) {
    const letters = await letters_of(Uint8Array.from(resized(grey, [h, w, 1], size), (v) => Math.round(v * 255)));
    if (letters.length <= MOST_LETTERS) return ["photo", ...size, letters].join(".");
  }
}

// Null if it is no such text: someone may have changed it.
async function own_of_text(text, c) {
  const [kind, rows, columns, letters] = text.split("."), [h, w] = [Number(rows), Number(columns)], drawn = kind === "drawn";
  const bytes = await bytes_of(letters ?? "").catch(() => []);
  if (!(h > 0 && w > 0) || bytes.length !== (drawn ? Math.ceil(h * w / 8) : h * w)) return null;
  const grey = Float32Array.from({ length: h * w }, (_, p) => drawn ? bytes[p >> 3] >> p % 8 & 1 : bytes[p] / 255);
  return { values: in_all(grey, c), shape: [h, w, c], drawn, text };
}

// How much of a photo is in the address.
function show_sent() {
  const photo = app.own?.text && !app.own.drawn && element("start").value === "photo", [, h, w] = photo ? app.own.text.split(".") : [];
  set_text(element("sent"), photo ? says("photo_sent", [h, w]) : "");
}

// What a link says, run again: what was climbed before, then the choices as they are now.
async function restore(sent) {
  app.restoring = true;
  app.past = [];
  app.own = null;
  app.opened = null;
  const own = sent.own ? await own_of_text(sent.own, live_model.layers[0].sizes[0].size[2]) : null;
  const past = (sent.past ?? "").split(";").filter(Boolean).map((part) => [part.slice(part.indexOf("~") + 1), parseInt(part)]);
  try {
    show_running(true);
    for (const [i, [text, steps]] of [...past, [null, Number(sent.steps)]].entries()) {
      choose(text === null ? sent : choices_in(text));
      app.own = own;
      if (text === null && sent.open) {
        const [node, back, ...place] = sent.open.split(".").map(Number);
        app.opened = { node, back: back === 1, place: place.length === 2 ? place : null };
      }
      await reload(i > 0);
      while (app.running && app.climbers[0].steps.length < Math.min(steps || 0, MOST_STEPS)) {
        await step();
        // Pause is heard between steps.
        await new Promise((done) => setTimeout(done));
      }
      if (!app.running) break;
    }
    if (app.running && sent.shown !== undefined) {
      app.shown = Math.min(Number(sent.shown) || 0, app.climbers[0].steps.length);
      await show();
    }
  } finally {
    app.restoring = false;
    stop();
  }
}
