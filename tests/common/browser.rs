//! A page in headless Chromium: opened from its file, with everything noted that a page of ours must not do.
//! Test files that need it name it themselves (`#[path = "common/browser.rs"] mod browser;`), so that the others do not
//! carry the browser's library. Needed: `apt-get install -y chromium`.
#![allow(dead_code)] // each test file is a crate of its own and uses a part of this

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use headless_chrome::browser::LaunchOptions;
use headless_chrome::protocol::cdp::Input::DispatchMouseEvent;
use headless_chrome::protocol::cdp::Page::CaptureScreenshot;
use headless_chrome::protocol::cdp::types::Event;
use headless_chrome::protocol::cdp::{Emulation, Log, Network, Runtime};
use headless_chrome::{Browser, Tab};
use serde_json::{Value, from_value, json};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Where Debian and others put it.
const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

fn chromium() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).flat_map(|dir| NAMES.map(|name| dir.join(name))).find(|file| file.is_file())
}

/// A browser, or `None` with a word on why: then the test is skipped, except in CI.
pub fn open() -> Option<Chromium> {
    open_with(&[])
}

/// The same with WebGPU, computed by Chromium's own software adapter.
pub fn open_with_gpu() -> Option<Chromium> {
    open_with(&["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-features=Vulkan"])
}

fn open_with(more: &[&str]) -> Option<Chromium> {
    let Some(path) = chromium() else {
        let ci = std::env::var_os("CI").is_some_and(|ci| !ci.is_empty());
        assert!(!ci, "there is no Chromium: apt-get install -y chromium");
        eprintln!("skipped: there is no Chromium (apt-get install -y chromium)");
        return None;
    };
    // Headless, without GPU and in a fresh profile is what the library does by itself.
    let args = [
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-dev-shm-usage",
    ];
    let options = LaunchOptions::default_builder()
        .path(Some(path))
        .sandbox(false)
        .args(args.iter().chain(more).map(OsStr::new).collect())
        .idle_browser_timeout(Duration::from_secs(300))
        .build()
        .unwrap();
    Some(Chromium(Browser::new(options).unwrap()))
}

pub struct Chromium(Browser);

/// An open page.
pub struct Page {
    pub tab: Arc<Tab>,
    /// Requests for anything but the file itself, and whatever came up in the console.
    complaints: Arc<Mutex<Vec<String>>>,
}

impl Chromium {
    /// Seconds that processors have spent on the browser so far, all its processes together; where that can be asked.
    pub fn processor_time(&self) -> Option<f64> {
        const PER_SECOND: f64 = 100.0; // the kernel counts in hundredths
        let mut processes = vec![]; // each one's number, its parent's, its time
        for entry in std::fs::read_dir("/proc").ok()?.flatten() {
            let Some(id) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
            let Ok(text) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
            // Behind the name, which is in brackets and may hold anything.
            let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
            let number = |i: usize| fields[i].parse::<u64>().unwrap_or(0);
            processes.push((id, number(1) as u32, number(11) + number(12)));
        }
        let mut of_browser = vec![self.0.get_process_id()?];
        let mut at = 0;
        while at < of_browser.len() {
            let parent = of_browser[at];
            of_browser.extend(processes.iter().filter(|process| process.1 == parent).map(|process| process.0));
            at += 1;
        }
        let spent: u64 = processes.iter().filter(|(id, ..)| of_browser.contains(id)).map(|(.., time)| time).sum();
        Some(spent as f64 / PER_SECOND)
    }

    /// Opens a file in a window of this width.
    pub fn page(&self, file: &Path, width: u32) -> Page {
        self.visit(&format!("file://{}", file.display()), &[], width)
    }

    /// Opens an address; the page may ask for those besides.
    pub fn visit(&self, address: &str, allowed: &[String], width: u32) -> Page {
        let tab = self.0.new_tab().unwrap();
        tab.set_default_timeout(Duration::from_secs(60));
        let complaints = Arc::new(Mutex::new(vec![]));
        let (noted, own, allowed) = (complaints.clone(), address.to_string(), allowed.to_vec());
        let listen = move |event: &Event| {
            let complaint = match event {
                Event::NetworkRequestWillBeSent(e) => {
                    let url = &e.params.request.url;
                    // What a page makes of its own text, for a worker, is no request either.
                    let embedded = url.starts_with("data:")
                        || url.starts_with("blob:")
                        || url.split('#').next() == Some(&own)
                        || allowed.contains(url);
                    (!embedded).then(|| format!("requests {url}"))
                }
                Event::RuntimeExceptionThrown(e) => Some(format!("throws {:?}", e.params.exception_details)),
                Event::RuntimeConsoleAPICalled(e) => Some(format!("console: {:?}", e.params.args)),
                // Said by the browser itself where a page asks for a GPU and there is none.
                Event::LogEntryAdded(e) if e.params.entry.text == "No available adapters." => None,
                Event::LogEntryAdded(e) => Some(format!("log: {:?}", e.params.entry)),
                _ => None,
            };
            noted.lock().unwrap().extend(complaint);
        };
        tab.add_event_listener(Arc::new(listen)).unwrap();
        tab.call_method(from_value::<Network::Enable>(json!({})).unwrap()).unwrap();
        // Scrolling at once, so that a click finds its target where it was measured.
        let still = json!({ "features": [{ "name": "prefers-reduced-motion", "value": "reduce" }] });
        tab.call_method(from_value::<Emulation::SetEmulatedMedia>(still).unwrap()).unwrap();
        tab.call_method(Runtime::Enable(None)).unwrap();
        tab.call_method(Log::Enable(None)).unwrap();
        let page = Page { tab, complaints };
        page.resize(width);
        page.tab.navigate_to(address).unwrap().wait_until_navigated().unwrap();
        page
    }
}

impl Page {
    pub fn resize(&self, width: u32) {
        let metrics = json!({ "width": width, "height": 900, "deviceScaleFactor": 1.0, "mobile": false });
        self.tab.call_method(from_value::<Emulation::SetDeviceMetricsOverride>(metrics).unwrap()).unwrap();
    }

    /// What an expression gives.
    pub fn eval(&self, expression: &str) -> Value {
        let wrapped = format!("JSON.stringify({expression} ?? null)");
        let value = self.tab.evaluate(&wrapped, false).unwrap().value.unwrap_or_default();
        serde_json::from_str(value.as_str().unwrap_or("null")).unwrap()
    }

    /// What a promise gives.
    pub fn wait(&self, expression: &str) -> Value {
        let wrapped = format!("(async () => JSON.stringify(await ({expression}) ?? null))()");
        let result = self.tab.evaluate(&wrapped, true).unwrap();
        let value = result.value.unwrap_or_else(|| panic!("{:.300}: {:?}", expression, result.description));
        serde_json::from_str(value.as_str().unwrap_or("null")).unwrap()
    }

    pub fn text(&self, selector: &str) -> String {
        self.eval(&format!("document.querySelector({selector:?}).innerText")).as_str().unwrap().to_string()
    }

    /// A click in the middle of an element, once it is there. The library's own asks the browser for the whole document each time.
    pub fn click(&self, selector: &str) {
        let place = self.wait(&format!(
            "new Promise((done, fail) => {{ const begun = Date.now(), look = () => {{ \
             const e = document.querySelector({selector:?}); \
             if (e) {{ \
               e.scrollIntoView({{ block: 'center', behavior: 'instant' }}); \
               const r = e.getClientRects()[0]; \
               if (r?.width) return done([r.x + r.width / 2, r.y + r.height / 2]); \
             }} \
             if (Date.now() - begun > 20000) fail(new Error('no ' + {selector:?})); else setTimeout(look, 30); }}; look(); }})"
        ));
        let [x, y]: [f64; 2] = from_value(place).unwrap();
        for (kind, button, clicks) in
            [("mouseMoved", "none", 0), ("mousePressed", "left", 1), ("mouseReleased", "left", 1)]
        {
            let event = json!({ "type": kind, "x": x, "y": y, "button": button, "clickCount": clicks });
            self.tab.call_method(from_value::<DispatchMouseEvent>(event).unwrap()).unwrap();
        }
    }

    /// What is seen of an element, a PNG file.
    pub fn picture(&self, selector: &str) -> Vec<u8> {
        let place = self.eval(&format!(
            "(r => ({{ x: r.x + scrollX, y: r.y + scrollY, width: r.width, height: r.height, scale: 1 }}))\
             (document.querySelector({selector:?}).getBoundingClientRect())"
        ));
        let picture = json!({ "format": "png", "clip": place, "captureBeyondViewport": true });
        let picture = self.tab.call_method(from_value::<CaptureScreenshot>(picture).unwrap()).unwrap();
        STANDARD.decode(picture.data).unwrap()
    }

    pub fn press(&self, key: &str) {
        self.tab.press_key(key).unwrap();
    }

    /// Nothing is wider than the window, but for what scrolls in a box of its own.
    pub fn assert_fits(&self, width: u32) {
        self.resize(width);
        let widest = self.eval("document.documentElement.scrollWidth").as_u64().unwrap();
        let culprits = self.eval(
            "[...document.querySelectorAll('body *')].filter(e => !e.closest('.scroll, .grid-box') && \
             e.getBoundingClientRect().right > innerWidth + 1).map(e => e.tagName + '.' + e.className).slice(0, 5)",
        );
        assert!(widest <= u64::from(width), "{widest} pixels are needed in a window of {width}: {culprits}");
        assert_eq!(culprits, json!([]), "reach out of a window of {width}");
        let cut = self.eval(
            "[...document.querySelectorAll('svg text')].filter(t => { \
             const a = t.getBoundingClientRect(), b = t.ownerSVGElement.getBoundingClientRect(); \
             return a.width && (a.left < b.left - 1 || a.right > b.right + 1 || a.top < b.top - 1 || a.bottom > b.bottom + 1); \
             }).map(t => t.textContent).slice(0, 5)",
        );
        assert_eq!(cut, json!([]), "cut off at the edge of a drawing, in a window of {width}");
    }

    /// On a screen or in print, light or dark, as the reader's system would ask for it.
    pub fn media(&self, media: &str, scheme: &str) {
        let features = json!({ "media": media, "features": [
            { "name": "prefers-color-scheme", "value": scheme },
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ] });
        self.tab.call_method(from_value::<Emulation::SetEmulatedMedia>(features).unwrap()).unwrap();
    }

    /// All text that is seen stands out from what is behind it, in light and in dark and in print: WCAG 2.1's contrast of AA, 4.5, and 3
    /// for large text.
    pub fn assert_contrast(&self) {
        for (media, scheme) in [("screen", "light"), ("screen", "dark"), ("print", "dark")] {
            self.media(media, scheme);
            let found = self.eval(CONTRAST);
            let texts = found["texts"].as_u64().unwrap();
            assert!(texts > 20, "only {texts} texts were measured");
            assert_eq!(found["weak"], json!([]), "too faint in {scheme} colours, {media}");
        }
        self.media("", "light");
    }

    /// No request, no error, nothing in the console.
    pub fn assert_quiet(&self) {
        let complaints = self.complaints.lock().unwrap();
        assert!(complaints.is_empty(), "{complaints:#?}");
    }
}

/// How many texts were measured, and those that are too faint. Behind a text are the backgrounds of its ancestors, down to the
/// first that lets nothing through; the text is what `color`, or in a drawing `fill`, with all opacities, makes of it.
const CONTRAST: &str = r#"(() => {
  const parse = text => {
    const n = text.match(/[\d.]+/g).map(Number);
    return [n[0], n[1], n[2], n[3] ?? 1];
  };
  const over = (top, below) => [0, 1, 2].map(i => top[i] * top[3] + below[i] * (1 - top[3]));
  const luminance = rgb => {
    const [r, g, b] = rgb.map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = element => {
    const layers = [];
    for (let e = element; e; e = e.parentElement) {
      const color = parse(getComputedStyle(e).backgroundColor);
      if (color[3] > 0) layers.push(color);
      if (color[3] === 1) break;
    }
    // A page without a background of its own lies on the browser's.
    const canvas = matchMedia("(prefers-color-scheme: dark)").matches ? [18, 18, 18] : [255, 255, 255];
    return layers.reverse().reduce((below, layer) => over(layer, below), canvas);
  };
  const opacity = element => {
    let all = 1;
    for (let e = element; e; e = e.parentElement) all *= +getComputedStyle(e).opacity;
    return all;
  };
  const seen = new Set(), weak = [];
  const measure = (element, text) => {
    const style = getComputedStyle(element), back = behind(element);
    const ink = parse(element instanceof SVGElement ? style.fill : style.color);
    ink[3] *= opacity(element);
    const [a, b] = [luminance(over(ink, back)), luminance(back)];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const size = parseFloat(style.fontSize), large = size >= 24 || size >= 18.66 && +style.fontWeight >= 700;
    seen.add(element);
    if (ratio < (large ? 3 : 4.5)) {
      const name = element.tagName.toLowerCase() + "." + (element.className.baseVal ?? element.className);
      weak.push(`${name} "${text.slice(0, 40)}": ${ratio.toFixed(2)}`);
    }
  };
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const element = walk.currentNode.parentElement, text = walk.currentNode.data.trim();
    if (!text || element.closest("script, style, title") || !element.checkVisibility({ visibilityProperty: true })) continue;
    if (!seen.has(element)) measure(element, text);
  }
  // What is typed into a field is no text node.
  for (const field of document.querySelectorAll("input[type=number]"))
    if (field.checkVisibility()) measure(field, field.value);
  return { texts: seen.size, weak: weak.slice(0, 8) };
})()"#;
