//! Every control, once by the mouse and once by keys alone: real events, as the browser makes them of a hand's.

use super::*;
use headless_chrome::protocol::cdp::Input::{DispatchDragEvent, DispatchMouseEvent};
use serde_json::json;

/// What stands on the page: the address, the climbs, what is said.
fn sight(page: &Page) -> Value {
    page.eval(
        "[location.hash, live.app.climbers.map(one => [one.steps.length, one.now?.loss]), live.app.shown, live.app.running, \
         ['said', 'who', 'made', 'shares', 'checked'].map(id => document.getElementById('live-' + id)?.textContent), \
         live.app.own?.values.reduce((sum, v) => sum + v, 0), document.querySelector('#live-close figcaption')?.textContent]",
    )
}

/// A control: its element's facts. The nodes of the drawing, and the maps of an opened node, have no ids of their own.
const CONTROL: &str = "(e => e && ({ id: e.id.replace('live-', ''), kind: e.matches('button, select, canvas') ? e.tagName.toLowerCase() \
                       : e.type ?? 'box', node: e.dataset.node ?? null, value: e.value ?? null, min: e.min ?? null, max: e.max ?? null, \
                       options: e.matches('select') ? [...e.options].filter(o => !o.disabled).length : 0, last: e.selectedIndex === e.length - 1 }))";

struct Control(Value);

impl Control {
    fn text(&self, key: &str) -> &str {
        self.0[key].as_str().unwrap_or("")
    }

    fn name(&self) -> String {
        match self.text("id") {
            "" => format!("{} {}", self.text("kind"), self.text("node")),
            id => id.to_string(),
        }
    }

    /// Another number that it takes.
    fn another(&self) -> String {
        let of = |key: &str| self.text(key).parse::<f64>().ok();
        match (of("value"), of("min"), of("max")) {
            (Some(value), _, Some(max)) if value >= max => (value - 1.0).to_string(),
            (Some(value), ..) => (value + 1.0).to_string(),
            (None, ..) => "0".into(),
        }
    }

    /// Is there something to change, and can a page be told to?
    fn can_change(&self) -> bool {
        match self.text("kind") {
            "select" => self.0["options"].as_u64() > Some(1),
            // The system's own dialogue would open.
            "file" | "box" => false,
            "range" => self.text("min") != self.text("max"),
            _ => true,
        }
    }
}

fn presses(page: &Page, text: &str) {
    text.chars().for_each(|key| page.press(&key.to_string()));
}

/// Changes the control that has the focus.
fn by_keys(page: &Page, control: &Control) {
    match control.text("kind") {
        "select" => page.press(if control.0["last"] == true { "ArrowUp" } else { "ArrowDown" }),
        "checkbox" => page.press(" "),
        "range" => page.press(if control.text("value") == control.text("max") { "ArrowLeft" } else { "ArrowRight" }),
        "button" => page.press("Enter"),
        "canvas" => {
            page.press("ArrowDown");
            settle(page);
            page.press(if control.text("id") == "image" { " " } else { "Enter" });
        }
        // By Tab the text is selected, and is replaced.
        "number" => {
            presses(page, &control.another());
            page.press("Enter");
        }
        "text" => {
            presses(page, "code/0");
            page.press("Enter");
        }
        other => panic!("{other}: no keys"),
    }
    settle(page);
}

/// From the first control on with Tab to the last.
#[test]
fn every_control_by_keys() {
    let Some(chromium) = open_with_gpu() else { return };
    let dir = tempfile::tempdir().unwrap();
    let page = chromium.page(&make(dir.path(), "tiny.h5", &["--layer", "up_conv"]), 1400);
    settle(&page);
    page.eval("document.getElementById('live-layer').focus()");
    let mut reached = vec![];
    loop {
        let control = page.eval(&format!("{CONTROL}(document.activeElement?.closest('#live *'))"));
        if control.is_null() {
            break;
        }
        let control = Control(control);
        let name = control.name();
        assert!(!reached.contains(&name), "Tab comes back to {name}");
        reached.push(name.clone());
        if control.can_change() {
            let before = sight(&page);
            by_keys(&page, &control);
            assert_ne!(sight(&page), before, "{name} by keys changes nothing");
            match name.as_str() {
                // The processor is slower, and the run goes on until it is told not to.
                "engine" => page.press("ArrowUp"),
                "run" => page.press("Enter"),
                _ => {}
            }
            settle(&page);
            // So that there are steps to go back over.
            if name == "back" {
                page.eval("document.getElementById('live-step').focus()");
                page.press("Enter");
                settle(&page);
                page.press("Tab");
            }
        }
        let has_focus = page.eval(&format!("{CONTROL}(document.activeElement)"));
        assert_eq!(Control(has_focus).name(), name, "{name} loses the focus");
        page.press("Tab");
    }
    let all = page.eval(
        "[...document.querySelectorAll('#live-tools :is(button, input, select, canvas[tabindex]):not([tabindex=\"-1\"])')] \
         .filter(e => e.checkVisibility() && !e.disabled).map(e => e.id.replace('live-', '') || `${e.tagName.toLowerCase()} ${e.dataset.node}`)",
    );
    let all: Vec<String> = from_value(all).unwrap();
    assert!(all.len() > 30, "{all:?}");
    let missed: Vec<&String> = all.iter().filter(|name| !reached.contains(name)).collect();
    assert!(missed.is_empty(), "not reached by Tab: {missed:?}");
    page.assert_quiet();
}

/// A mouse over an element, at this part of its width and height.
struct Mouse<'p>(&'p Page);

impl Mouse<'_> {
    fn place(&self, selector: &str, [across, down]: [f64; 2]) -> [f64; 2] {
        let place = self.0.eval(&format!(
            "(e => {{ e.scrollIntoView({{ block: 'center' }}); const r = e.getBoundingClientRect(); \
             return [r.x + r.width * {across}, r.y + r.height * {down}]; }})(document.querySelector({selector:?}))"
        ));
        from_value(place).unwrap()
    }

    fn event(&self, kind: &str, [x, y]: [f64; 2], count: u32) {
        let button = if kind == "mouseMoved" && count == 0 { "none" } else { "left" };
        let event = json!({ "type": kind, "x": x, "y": y, "button": button, "buttons": u32::from(button == "left"), "clickCount": count });
        self.0.tab.call_method(from_value::<DispatchMouseEvent>(event).unwrap()).unwrap();
    }

    /// `times`: twice and three times are a double and a triple click.
    fn click(&self, selector: &str, at: [f64; 2], times: u32) {
        let place = self.place(selector, at);
        self.event("mouseMoved", place, 0);
        for count in 1..=times {
            self.event("mousePressed", place, count);
            self.event("mouseReleased", place, count);
        }
    }

    fn drag(&self, selector: &str, from: [f64; 2], to: [f64; 2]) {
        let (from, to) = (self.place(selector, from), self.place(selector, to));
        self.event("mouseMoved", from, 0);
        self.event("mousePressed", from, 1);
        for i in 1..=4 {
            let part = f64::from(i) / 4.0;
            self.event("mouseMoved", [0, 1].map(|k| from[k] + (to[k] - from[k]) * part), 1);
        }
        self.event("mouseReleased", to, 1);
    }
}

const MIDDLE: [f64; 2] = [0.5, 0.5];

#[test]
fn every_control_by_mouse() {
    let Some(chromium) = open_with_gpu() else { return };
    let dir = tempfile::tempdir().unwrap();
    let page = chromium.page(&make(dir.path(), "tiny.h5", &["--layer", "up_conv"]), 1400);
    settle(&page);
    let mouse = Mouse(&page);
    // First what brings others to light.
    let first = ["two", "inside", "step"];
    for id in first {
        let before = sight(&page);
        mouse.click(&format!("#live-{id}"), MIDDLE, 1);
        settle(&page);
        assert_ne!(sight(&page), before, "{id} by mouse changes nothing");
    }
    let all = page.eval(&format!(
        "[...document.querySelectorAll('#live-tools :is(button, input, select, canvas[tabindex]):not([tabindex=\"-1\"])')] \
         .filter(e => e.checkVisibility() && !e.disabled).map({CONTROL})"
    ));
    let all: Vec<Value> = from_value(all).unwrap();
    let mut tried = 0;
    for control in all.into_iter().map(Control) {
        let name = control.name();
        if !control.can_change() || first.contains(&name.as_str()) {
            continue;
        }
        let selector = match control.text("id") {
            "" => format!("#live-u [data-node='{}'] > button", control.text("node")),
            id => format!("#live-{id}"),
        };
        // Another node or filter may have taken its place meanwhile.
        if page.eval(&format!("document.querySelector({selector:?})")).is_null() {
            continue;
        }
        let before = sight(&page);
        match control.text("kind") {
            "range" => mouse.click(&selector, [if name == "scrub" { 0.02 } else { 0.8 }, 0.5], 1),
            "canvas" => mouse.click(&selector, [0.9, 0.9], 1),
            "number" | "text" => {
                mouse.click(&selector, [0.2, 0.5], 3);
                presses(&page, &if name == "off" { "code/0".into() } else { control.another() });
                page.press("Enter");
            }
            // The mouse opens the list. The browser draws it apart from the page, where a test's mouse does not reach: a key takes
            // from the open list.
            "select" => {
                mouse.click(&selector, MIDDLE, 1);
                until(&page, &format!("document.querySelector('{selector}:open')"));
                page.press(if control.0["last"] == true { "ArrowUp" } else { "ArrowDown" });
                page.press("Enter");
                until(&page, &format!("!document.querySelector('{selector}:open')"));
            }
            _ => mouse.click(&selector, MIDDLE, 1),
        }
        settle(&page);
        assert_ne!(sight(&page), before, "{name} by mouse changes nothing");
        match name.as_str() {
            "engine" => choose(&page, "engine", "gpu"),
            "run" => mouse.click(&selector, MIDDLE, 1),
            // So that there is something to scrub over.
            "back" => mouse.click("#live-step", MIDDLE, 1),
            _ => {}
        }
        settle(&page);
        tried += 1;
    }
    assert!(tried > 25, "only {tried} controls were tried");
    // An opened node's map: another pixel is taken apart.
    mouse.click("#live-u .live-node:nth-child(3) > button", MIDDLE, 1);
    settle(&page);
    mouse.click("#live-close canvas", [0.1, 0.1], 1);
    settle(&page);
    let one = page.text("#live-made p");
    mouse.click("#live-close canvas", [0.9, 0.6], 1);
    settle(&page);
    assert_ne!(page.text("#live-made p"), one);
    page.assert_quiet();
}

/// Drawn with the button held down, and a photo dropped and chosen, as the system hands it over.
#[test]
fn a_drawing_and_photos_by_mouse() {
    let Some(chromium) = open_with_gpu() else { return };
    let dir = tempfile::tempdir().unwrap();
    let page = chromium.page(&make(dir.path(), "tiny.h5", &["--layer", "up_conv"]), 1400);
    settle(&page);
    let mouse = Mouse(&page);
    let start = || -> Vec<f64> { from_value(page.eval("[...live.app.climbers[0].start]")).unwrap() };
    choose(&page, "start", "drawn");
    assert!(start().iter().all(|&v| v == 0.0));
    mouse.drag("#live-image", [0.1, 0.1], [0.9, 0.1]);
    settle(&page);
    let inked = |row: usize| start()[row * 12..(row + 1) * 12].iter().filter(|&&v| v == 1.0).count();
    assert!(inked(1) >= 5 && inked(8) == 0, "{} in row 1, {} in row 8", inked(1), inked(8));
    let photo = dir.path().join("half.png");
    image::RgbImage::from_fn(24, 32, |x, _| image::Rgb([if x < 12 { 255 } else { 0 }; 3])).save(&photo).unwrap();
    let [x, y] = mouse.place("#live-image", MIDDLE);
    for kind in ["dragEnter", "dragOver", "drop"] {
        let data = json!({ "items": [], "files": [photo], "dragOperationsMask": 1 });
        let event = json!({ "type": kind, "x": x, "y": y, "data": data });
        page.tab.call_method(from_value::<DispatchDragEvent>(event).unwrap()).unwrap();
    }
    until(&page, "live.app.choices.start === 'photo'");
    settle(&page);
    let dropped = start();
    assert!(dropped[0] > 0.95 && dropped[11] < 0.05, "{} {}", dropped[0], dropped[11]);
    image::RgbImage::from_fn(24, 32, |_, y| image::Rgb([if y < 16 { 255 } else { 0 }; 3])).save(&photo).unwrap();
    page.tab.wait_for_element("#live-photo").unwrap().set_input_files(&[photo.to_str().unwrap()]).unwrap();
    until(&page, "live.app.climbers[0].start[11] > 0.95");
    settle(&page);
    let chosen = start();
    assert!(chosen[11] > 0.95 && chosen[15 * 12] < 0.05, "{} {}", chosen[11], chosen[15 * 12]);
    page.assert_quiet();
}
