//! The lesson asks back, in headless Chromium: right and wrong answers, lines that never end, the address, the tour.

#[path = "common/browser.rs"]
mod browser;
mod common;

use assert_cmd::Command;
use browser::{Chromium, Page, open};
use common::fixture;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

fn make(dir: &Path, args: &[&str]) -> PathBuf {
    let file = dir.join("lesson.html");
    let mut command = Command::new(env!("CARGO_BIN_EXE_unet-lens"));
    command.args(["explain", "-q", "--layer", "up_conv", "--model"]).arg(fixture("tiny.h5")).args(args);
    command.arg("--html").arg(&file).assert().success();
    file
}

fn opened(chromium: &Chromium, dir: &Path) -> Page {
    chromium.page(&make(dir, &[]), 1400)
}

/// Waits until an expression gives something other than null, false or an empty text.
fn wait(page: &Page, expression: &str) -> Value {
    let start = Instant::now();
    loop {
        let value = page.eval(expression);
        if ![json!(null), json!(false), json!("")].contains(&value) {
            return value;
        }
        assert!(start.elapsed() < Duration::from_secs(30), "never: {expression}");
        std::thread::sleep(Duration::from_millis(30));
    }
}

fn form(id: &str, kind: &str) -> String {
    format!("#exercise-{id} form[data-kind={kind}]")
}

/// Answers by hand, and gives the verdict: the field is clicked, what it holds is selected, the text typed key by key, the button clicked.
fn answer(page: &Page, id: &str, kind: &str, text: &str) -> String {
    answered(page, id, kind, text, |text| void(page.tab.type_str(text)))
}

/// The same with the text pasted: typing takes a while.
fn pasted(page: &Page, id: &str, kind: &str, text: &str) -> String {
    answered(page, id, kind, text, |text| void(page.tab.send_character(text)))
}

fn void<T, E: std::fmt::Debug>(done: Result<T, E>) {
    done.unwrap();
}

fn answered(page: &Page, id: &str, kind: &str, text: &str, enter: impl Fn(&str)) -> String {
    let form = form(id, kind);
    page.eval(&format!("void (document.querySelector({form:?}).querySelector('.verdict').textContent = '')"));
    page.click(&(form.clone() + " input"));
    page.tab.press_key_with_modifiers("a", Some(&[headless_chrome::browser::tab::ModifierKey::Ctrl])).unwrap();
    page.press("Delete");
    enter(text);
    assert_eq!(page.eval(&format!("document.querySelector({form:?}).querySelector('input').value")), text, "typed");
    page.click(&(form.clone() + " button"));
    wait(page, &format!("document.querySelector({:?}).textContent", form + " .verdict")).as_str().unwrap().to_string()
}

fn is_right(page: &Page, id: &str, kind: &str) -> bool {
    page.eval(&format!("document.querySelector({:?}).dataset.right", form(id, kind))) == "true"
}

#[test]
fn right_and_wrong() {
    let Some(chromium) = open() else { return };
    let dir = tempfile::tempdir().unwrap();
    let page = opened(&chromium, dir.path());
    let all = page.eval("data.exercises.all");
    let all = all.as_array().unwrap();
    assert_eq!(all.len(), 8);
    for (solved, one) in all.iter().enumerate() {
        let exercise = &one["exercise"];
        let id = exercise["id"].as_str().unwrap();
        let engine = exercise["answer"]["values"][exercise["asked"].as_u64().unwrap() as usize].as_f64().unwrap();
        assert!(page.text("#progress").starts_with(&format!("{solved} of 8")), "{}", page.text("#progress"));
        // A cell: wrong, then right, then rounded.
        assert!(answer(&page, id, "cell", &(engine + 7.0).to_string()).starts_with("No"), "{id}");
        assert!(answer(&page, id, "cell", "many").starts_with("No") && !is_right(&page, id, "cell"), "{id}");
        assert!(answer(&page, id, "cell", &engine.to_string().replace('.', ",")).contains("Exact"), "{id}");
        assert!(
            is_right(&page, id, "cell")
                && page.eval(&format!("!document.querySelector('#exercise-{id} .done').hidden")) == true
        );
        // The rule: every known mistake is told from the others; the solution that the page shows is exact.
        for mistake in one["mistakes"].as_array().unwrap() {
            let said = pasted(&page, id, "rule", mistake["line"].as_str().unwrap());
            let why = mistake["why"].as_str().unwrap();
            assert!(!why.is_empty() && said.contains(why) && !said.contains("Exact"), "{id}: {mistake}: {said}");
            let is_close = said.starts_with("✓ Close");
            assert!(is_close || said.starts_with("Row "), "{id}: {said}");
            // What differs is marked in a grid of the reader's own.
            let marked = page.eval(&format!("document.querySelectorAll('#exercise-{id} .yours .off').length"));
            assert_eq!(marked.as_u64().unwrap() > 0, !is_close, "{id}: {marked}");
        }
        let solution = page.eval(&format!("document.querySelector('#exercise-{id} details p code').textContent"));
        let (_, line) = solution.as_str().unwrap().split_once(" = ").unwrap();
        assert!(answer(&page, id, "rule", line).starts_with("✓ Exact"), "{id}: {line}");
        assert!(is_right(&page, id, "rule"));
    }
    assert_eq!(page.text("#progress"), "8 of 8 solved");
    // A wrong cell is told by its place and both numbers.
    let said = answer(&page, "relu", "rule", "x > 0 ? dy : 1");
    assert!(said.starts_with("Row 1, column 2 differs: yours is 1, the engine's 0. So do 2 other cells."), "{said}");
    // What is nearly right is close, and counts.
    let said = answer(&page, "used-twice", "rule", "(3 * dy1 + (x > 0 ? dy2 : 0)) * 1.001");
    assert!(said.starts_with("✓ Close: at most 0.1%"), "{said}");
    page.assert_fits(400);
    page.assert_fits(1400);
    page.assert_contrast();
    page.assert_quiet();
}

#[test]
fn a_line_can_do_no_harm() {
    let Some(chromium) = open() else { return };
    let dir = tempfile::tempdir().unwrap();
    let page = opened(&chromium, dir.path());
    let start = Instant::now();
    let said = answer(&page, "sum", "rule", "(() => { while (true); })()");
    assert!(said.contains("Stopped after two seconds"), "{said}");
    assert!(start.elapsed() < Duration::from_secs(20));
    // The page lives, and the next line is judged.
    assert!(answer(&page, "sum", "rule", "dy").contains("Exact"));
    for (line, says) in [
        ("dy +", "no expression in JavaScript"),
        ("dy; dx", "no expression in JavaScript"),
        ("document.title", "no expression in JavaScript: document is not defined"),
        ("'two'", "row 1, column 1 your line gives two, which is no number"),
        ("undefined", "gives undefined"),
        ("x > 0", "gives true"),
        ("0 / 0", "gives"),
        ("fetch('https://example.org/')", "which is no number"),
        ("new XMLHttpRequest().open('GET', 'https://example.org/')", "gives undefined"),
    ] {
        let said = answer(&page, "sum", "rule", line);
        assert!(said.contains(says) && !is_right(&page, "sum", "rule"), "{line}: {said}");
    }
    let page = opened(&chromium, dir.path());
    assert!(answer(&page, "sum", "rule", "").contains("Nothing to check"));
    page.assert_quiet();
}

#[test]
fn the_address_holds_all_that_was_chosen() {
    let Some(chromium) = open() else { return };
    let dir = tempfile::tempdir().unwrap();
    let file = make(dir.path(), &[]);
    let page = chromium.page(&file, 1400);
    assert_eq!(page.eval("location.hash"), "", "nothing was chosen yet");
    page.eval("(slider.value = walk.length - 4, slider.dispatchEvent(new Event('input')))");
    page.eval("(chooser.value = 0, chooser.dispatchEvent(new Event('change')))");
    page.click(".tabs [data-topic=relu]");
    page.eval(
        "(i => { i.focus(); i.value = -2.5; i.dispatchEvent(new Event('input')); })\
         (document.querySelector('#op-relu [data-role=x] input[data-at=\"3\"]'))",
    );
    answer(&page, "relu", "cell", "-2.5");
    answer(&page, "upsample", "rule", "dy[0] + dy[1] + dy[2] + dy[3]");
    answer(&page, "conv2d", "rule", "sum((i, j) => dy(r + i, s + j) * W(i, j)) & \"#=é\"");
    let state = |page: &Page| {
        page.eval(
            "[status_text(), chooser.value, [...document.querySelectorAll('.op')].filter(o => !o.hidden).map(o => o.id), \
             [...document.querySelectorAll('#op-relu [data-role=x] input')].map(i => i.value), \
             document.querySelector('#op-relu .chain').textContent, [...document.querySelectorAll('.exercise input')].map(i => i.value), \
             [...document.querySelectorAll('.verdict')].map(v => v.textContent), document.getElementById('progress').textContent]"
                .replace("status_text()", "document.getElementById('status').textContent")
                .as_str(),
        )
    };
    let before = state(&page);
    assert!(before[7].as_str().unwrap().starts_with("2 of 8") && before[2] == json!(["op-relu"]), "{before}");
    let hash = wait(&page, "location.hash.includes('rule.conv2d') ? location.hash : null");
    let hash = hash.as_str().unwrap();
    // A teacher's link: opened afresh, and pasted into a page that is open.
    for reload in [true, false] {
        let other = chromium.page(&file, 1400);
        other.eval(&format!("(location.hash = {hash:?}, {reload} && location.reload())"));
        wait(
            &other,
            "(document.readyState === 'complete' ? document.getElementById('progress').textContent.startsWith('2 of') : null)",
        );
        wait(&other, "document.querySelector('#exercise-conv2d form[data-kind=rule] .verdict').textContent");
        assert_eq!(state(&other), before, "reload {reload}");
        other.assert_quiet();
    }
    // Links to a node and to an op work as ever.
    let other = chromium.page(&file, 1400);
    other.eval("(location.hash = '#op-max_pool')");
    wait(&other, "!document.getElementById('op-max_pool').hidden");
    page.assert_quiet();
}

#[test]
fn by_keyboard() {
    let Some(chromium) = open() else { return };
    let dir = tempfile::tempdir().unwrap();
    let page = opened(&chromium, dir.path());
    page.eval("document.getElementById('cell-relu').focus()");
    page.tab.type_str("-2.5").unwrap();
    page.press("Enter");
    assert!(
        wait(&page, "document.querySelector('#exercise-relu .verdict').textContent")
            .as_str()
            .unwrap()
            .contains("Exact")
    );
    // On to the button, and to the line.
    page.press("Tab");
    assert_eq!(page.eval("document.activeElement.tagName"), "BUTTON");
    page.press("Tab");
    page.tab.type_str("x > 0 ? dy : 0").unwrap();
    page.press("Enter");
    let verdict = "document.querySelector('#exercise-relu form[data-kind=rule] .verdict').textContent";
    assert!(wait(&page, verdict).as_str().unwrap().contains("Exact"));
    // Arrows within a field are the field's.
    let status = page.text("#status");
    page.press("ArrowRight");
    assert_eq!(page.text("#status"), status);
    // Every field has a label, every verdict is spoken.
    let unlabelled = page.eval(
        "[...document.querySelectorAll('input, select')].filter(e => !e.labels?.length && !e.ariaLabel).map(e => e.id)",
    );
    assert_eq!(unlabelled, json!([]));
    assert_eq!(page.eval("[...document.querySelectorAll('.verdict')].filter(e => e.role !== 'status').length"), 0);
    page.assert_quiet();
}

#[test]
fn the_tour() {
    let Some(chromium) = open() else { return };
    let dir = tempfile::tempdir().unwrap();
    let page = opened(&chromium, dir.path());
    let stops = page.eval("stops.length").as_u64().unwrap();
    assert!(stops >= 12, "{stops}");
    let seconds = page.eval("stops.reduce((sum, { text }) => sum + reading(text), 0) / 1000").as_f64().unwrap();
    assert!((90.0..140.0).contains(&seconds), "{seconds} s are no two minutes");
    // Where motion is not wanted nothing moves by itself: the reader leads.
    page.eval("document.getElementById('tour-play').focus()");
    page.press("Enter");
    let mut seen = vec![];
    for at in 1..=stops {
        assert_eq!(page.text("#tour-at"), format!("{at} of {stops}"));
        seen.push((page.text("#tour-text"), page.text("#status")));
        std::thread::sleep(Duration::from_millis(20));
        page.press("Enter");
    }
    assert!(
        seen.iter().all(|(text, _)| text.len() > 40) && seen.iter().any(|(_, status)| status.contains("d loss")),
        "{seen:?}"
    );
    assert_eq!(page.eval("document.getElementById('tour-text').hidden"), true, "it has ended");
    // It can be left at any time.
    page.click("#tour-play");
    page.press("Escape");
    assert_eq!(page.eval("document.getElementById('tour-stop').hidden"), true);
    // With motion it goes on by itself, and waits while the reader does something else.
    page.tab
        .call_method(
            serde_json::from_value::<headless_chrome::protocol::cdp::Emulation::SetEmulatedMedia>(
                json!({ "features": [{ "name": "prefers-reduced-motion", "value": "no-preference" }] }),
            )
            .unwrap(),
        )
        .unwrap();
    page.click("#tour-play");
    assert_eq!(page.text("#tour-at"), format!("1 of {stops}"));
    wait(&page, "document.getElementById('tour-at').textContent.startsWith('2 ')");
    wait(&page, "walk[now].node.op === 'conv2d'");
    page.click("#previous");
    assert_eq!(page.eval("playing"), false);
    page.click("#tour-stop");
    page.assert_fits(400);
    page.assert_quiet();
}

/// Where the tour stands is in the address: a link leads there, and there it waits.
#[test]
fn the_tour_can_be_sent() {
    let Some(chromium) = open() else { return };
    let dir = tempfile::tempdir().unwrap();
    let page = opened(&chromium, dir.path());
    page.click("#tour-play");
    page.click("#tour-next");
    page.click("#tour-next");
    wait(&page, "location.hash.includes('tour=3')");
    let stands = || [page.text("#tour-at"), page.text("#tour-text"), page.text("#status")];
    let before = stands();
    page.tab.reload(false, None).unwrap().wait_until_navigated().unwrap();
    wait(&page, "document.getElementById('tour-at')?.textContent");
    assert_eq!(stands(), before);
    assert_eq!(page.eval("playing"), false);
    page.click("#tour-next");
    assert!(page.text("#tour-at").starts_with("4 of"), "{}", page.text("#tour-at"));
    page.click("#tour-stop");
    wait(&page, "!location.hash.includes('tour')");
    page.assert_quiet();
}

/// Every exercise's cell, typed into its field and sent by a click.
#[test]
fn by_mouse() {
    let Some(chromium) = open() else { return };
    let dir = tempfile::tempdir().unwrap();
    let page = opened(&chromium, dir.path());
    for one in page.eval("data.exercises.all").as_array().unwrap() {
        let exercise = &one["exercise"];
        let id = exercise["id"].as_str().unwrap();
        let right = &exercise["answer"]["values"][exercise["asked"].as_u64().unwrap() as usize];
        page.click(&format!("#cell-{id}"));
        page.tab.type_str(&right.to_string()).unwrap();
        page.click(&format!("{} button", form(id, "cell")));
        wait(&page, &format!("document.querySelector({:?}).textContent", form(id, "cell") + " .verdict"));
        assert!(is_right(&page, id, "cell"), "{id}");
        page.click(&format!("#exercise-{id} summary"));
        assert_eq!(page.eval(&format!("document.querySelector('#exercise-{id} details').open")), true, "{id}");
    }
    assert!(page.text("#progress").starts_with("8 of 8"), "{}", page.text("#progress"));
    page.assert_quiet();
}

/// The Spanish page asks and answers in Spanish.
#[test]
fn in_spanish() {
    let Some(chromium) = open() else { return };
    let dir = tempfile::tempdir().unwrap();
    let page = chromium.page(&make(dir.path(), &["--lang", "es"]), 400);
    assert!(answer(&page, "relu", "rule", "x > 0 ? dy : 0").starts_with("✓ Exacto"));
    let said = answer(&page, "relu", "rule", "dy");
    assert!(said.starts_with("La fila 1, columna 2 es distinta") && said.contains("Dejas pasar todo"), "{said}");
    assert!(answer(&page, "normalise", "cell", "0.86").starts_with("✓ Cerca: como mucho a"));
    page.click("#tour-play");
    assert!(page.text("#tour-text").contains("Aquí empieza"));
    page.assert_fits(400);
    page.assert_quiet();
}
