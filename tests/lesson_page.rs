//! The lesson's page in headless Chromium: it steps, it computes what the engine computes, it fits, it asks for nothing.

#[path = "common/browser.rs"]
mod browser;
mod common;

use assert_cmd::Command;
use browser::{Page, open};
use common::lesson::BEYOND;
use common::{fixture, network};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use unet_lens::lesson::explain::{Worked, worked_for};
use unet_lens::network::unet;

fn make(dir: &Path, model: &str, args: &[&str]) -> PathBuf {
    let file = dir.join("lesson.html");
    let mut command = Command::new(env!("CARGO_BIN_EXE_unet-lens"));
    command.args(["explain", "-q", "--model"]).arg(fixture(model)).args(args).arg("--html").arg(&file);
    command.assert().success();
    file
}

fn status(page: &Page) -> String {
    page.text("#status")
}

/// The numbers of a grid, by the script or as they are typed.
fn numbers(page: &Page, topic: &str, role: &str, index: usize) -> Vec<f64> {
    let cells = page.eval(&format!(
        "[...document.querySelectorAll('#op-{topic} [data-role={role}][data-index=\"{index}\"] [data-at]')]\
         .map(e => [+e.dataset.at, Number(e.dataset.value ?? e.value)])"
    ));
    let mut cells: Vec<(u64, f64)> = serde_json::from_value(cells).unwrap();
    cells.sort_by_key(|cell| cell.0);
    cells.into_iter().map(|cell| cell.1).collect()
}

fn close(got: &[f64], expected: &[f64], what: &str) {
    assert_eq!(got.len(), expected.len(), "{what}");
    for (i, (a, b)) in got.iter().zip(expected).enumerate() {
        assert!((a - b).abs() < 1e-6 * a.abs().max(1.0), "{what}: cell {i} is {a}, the engine has {b}");
    }
}

/// What the page shows now is what the engine makes of the numbers that are in its input cells now.
fn agrees(page: &Page, worked: &Worked) {
    let op = worked.topic;
    let x: Vec<Vec<f64>> = (0..worked.x.len()).map(|k| numbers(page, op, "x", k)).collect();
    let (dy, settings) = (numbers(page, op, "dy", 0), numbers(page, op, "settings", 0));
    let engine = worked.with(x, dy, settings).unwrap();
    close(&numbers(page, op, "y", 0), &engine.y.values, &format!("{op}, y"));
    for k in 0..worked.x.len() {
        close(&numbers(page, op, "dx", k), &engine.dx[k].values, &format!("{op}, dx {k}"));
        if k == 0 {
            for (part, parts) in engine.parts.iter().enumerate() {
                close(&numbers(page, op, "part", part), &parts.values, &format!("{op}, part {part}"));
            }
        }
        close(&numbers(page, op, "difference", k), &engine.differences[k].values, &format!("{op}, difference {k}"));
    }
}

/// The cells of a grid that are marked.
fn marked(page: &Page, op: &str, role: &str) -> Vec<usize> {
    let cells = format!(
        "[...document.querySelectorAll('#op-{op} [data-role={role}] [data-at]')]\
         .filter(e => e.closest('td').classList.contains('on')).map(e => +e.dataset.at).sort((a, b) => a - b)"
    );
    serde_json::from_value(page.eval(&cells)).unwrap()
}

/// What is marked for an input of the convolution: the outputs that read it, and the entries of the kernel through which they
/// do, also where these are 0. Both are found by asking the engine what changes, with a kernel that has no 0.
fn marks_what_meets(page: &Page, worked: &Worked, at: usize) {
    page.click(&format!("#op-conv2d [data-role=x] input[data-at='{at}']"));
    let (x, dy, settings) =
        (numbers(page, "conv2d", "x", 0), numbers(page, "conv2d", "dy", 0), numbers(page, "conv2d", "settings", 0));
    let with = |x: &[f64], settings: &[f64]| worked.with(vec![x.to_vec()], dy.clone(), settings.to_vec()).unwrap();
    let moved = |values: &[f64], i: usize| {
        let mut values = values.to_vec();
        values[i] += 1.0;
        values
    };
    let whole = vec![1.0; settings.len()];
    let now = with(&x, &whole);
    let differs = |a: f64, b: f64| (a - b).abs() > 1e-6;
    let then = with(&moved(&x, at), &whole).y.values;
    let outputs: Vec<usize> = (0..then.len()).filter(|&o| differs(then[o], now.y.values[o])).collect();
    let meets = |&k: &usize| differs(with(&x, &moved(&whole, k)).dx[0].values[at], now.dx[0].values[at]);
    let entries: Vec<usize> = (0..settings.len()).filter(meets).collect();
    assert!(dy.iter().all(|&dy| dy != 0.0) && !entries.is_empty(), "the example shows it");
    assert!(settings.contains(&0.0), "a weight of 0 is marked as well");
    assert_eq!(
        (marked(page, "conv2d", "y"), marked(page, "conv2d", "settings")),
        (outputs.clone(), entries),
        "input {at}"
    );
    // The kernel is laid over dy: on each output the weight through which it read the input.
    let laid = page.eval(
        "[...document.querySelectorAll('#op-conv2d [data-role=dy] td[data-weight]')]\
         .map(td => [+td.querySelector('input').dataset.at, Number(td.dataset.weight.replace('×', '').replace('−', '-'))])",
    );
    let laid: Vec<(usize, f64)> = serde_json::from_value(laid).unwrap();
    let weights = with(&x, &settings);
    let slope = |o: usize| with(&moved(&x, at), &settings).y.values[o] - weights.y.values[o];
    assert_eq!(laid.iter().map(|(o, _)| *o).collect::<Vec<_>>(), outputs);
    assert!(laid.iter().all(|&(o, weight)| (weight - slope(o)).abs() < 1e-6), "input {at}: {laid:?}");
    let terms = page.text("#op-conv2d .terms");
    let [_, columns, _] = worked.x[0].shape;
    assert!(terms.starts_with(&format!("dx[{}, {}] = ", at / columns, at % columns)), "{terms}");
    assert_eq!(terms.matches("dy[").count(), laid.len(), "{terms}");
}

/// Types another number into an input cell.
fn type_into(page: &Page, op: &str, role: &str, index: usize, at: usize, text: &str) {
    let selector = format!("#op-{op} [data-role={role}][data-index='{index}'] input[data-at='{at}']");
    page.click(&selector);
    page.eval(&format!("document.querySelector({selector:?}).select()"));
    page.tab.type_str(text).unwrap();
}

/// A worked example as it was made, and after cells are changed.
fn try_out(page: &Page, worked: &Worked, enter: impl Fn(&Page, &str, &str, usize, usize, &str)) {
    let topic = worked.topic;
    page.click(&format!(".tabs [data-topic='{topic}']"));
    agrees(page, worked);
    let before = numbers(page, topic, "dx", 0);
    let enter = |role: &str, index: usize, at: usize, text: &str| enter(page, topic, role, index, at, text);
    enter("x", 0, 0, "7");
    agrees(page, worked);
    assert!(page.text(&format!("#op-{topic} .chain")).contains(['=', '.']), "{topic}");
    enter("x", worked.x.len() - 1, worked.x.last().unwrap().values.len() - 1, "2.75");
    for (at, dy) in ["-4", "0.25"].into_iter().enumerate().take(worked.dy.values.len()) {
        enter("dy", 0, at, dy);
    }
    if let Some(last) = worked.settings.values.len().checked_sub(1) {
        enter("settings", 0, 0, "1.5");
        enter("settings", 0, last, "-0.5");
    }
    agrees(page, worked);
    assert_ne!(numbers(page, topic, "dx", 0), before, "{topic}: nothing changed");
}

/// Networks of many layers: each of their examples is computed by the page as by the engine, and all is small and quiet.
#[test]
fn examples_of_all_ops() {
    let Some(chromium) = open() else { return };
    let dir = tempfile::tempdir().unwrap();
    let mut tried = HashSet::new();
    for name in [
        "activation_layers_k2",
        "activation_of_3_k3",
        "channels_first_axes_k2",
        "channels_first_k2",
        "conv_dilation_k2",
        "conv_even_k2",
        "conv_groups_k2",
        "crop_skip_k2",
        "functions_of_3_k3",
        "lambdas_k3",
    ] {
        let model = format!("keras/layers/{name}.keras");
        let mut network = network(&model);
        let mut args = vec!["--layer".to_string(), "last".to_string()];
        // A Lambda layer may stand for any function.
        let lambdas: Vec<String> =
            network.layers.iter().filter(|l| l.class == "Lambda").map(|l| l.name.clone()).collect();
        for lambda in lambdas {
            network.set_lambda(&lambda, "gelu_tanh").unwrap();
            args.extend(["--lambda".to_string(), format!("{lambda}=gelu_tanh")]);
        }
        let layer = unet::convolution(&network, "last").unwrap();
        let shape = unet::image_shape(&network, &[layer], None).unwrap();
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let page = chromium.page(&make(dir.path(), &model, &args), 1400);
        for worked in worked_for(&network, layer, shape).unwrap() {
            if tried.insert(worked.topic) {
                try_out(&page, &worked, put_into);
            }
        }
        page.assert_fits(400);
        page.assert_fits(1400);
        page.assert_quiet();
    }
    for topic in BEYOND {
        assert!(tried.contains(topic), "no page of this test has {topic}");
    }
}

/// At a kink the sentence says what the grid shows.
#[test]
fn the_sentence_takes_the_slopes_of_backprop() {
    let Some(chromium) = open() else { return };
    let dir = tempfile::tempdir().unwrap();
    let page = chromium.page(&make(dir.path(), "unet.h5", &["--layer", "dconv128", "--size", "32x32"]), 1400);
    let chain = |topic: &str| page.text(&format!("#op-{topic} .chain"));
    page.click(".tabs [data-topic=relu]");
    type_into(&page, "relu", "x", 0, 0, "0");
    assert!(chain("relu").ends_with("= 1·0 = 0"), "{}", chain("relu"));
    assert_eq!(numbers(&page, "relu", "dx", 0)[0], 0.0);
    assert!(page.text("#op-relu .kink").contains("kink"));
    // Both are the largest of the first window: the first wins.
    page.click(".tabs [data-topic=max_pool]");
    type_into(&page, "max_pool", "x", 0, 0, "9");
    type_into(&page, "max_pool", "x", 0, 1, "9");
    assert!(chain("max_pool").ends_with("= 1·0 = 0"), "{}", chain("max_pool"));
    page.click("#op-max_pool [data-role=x] input[data-at='0']");
    assert!(chain("max_pool").ends_with("= 1·1 = 1"), "{}", chain("max_pool"));
    // A weight of 0 is a term, and no sentence ends with two marks.
    page.click(".tabs [data-topic=conv2d]");
    page.click("#op-conv2d [data-role=x] input[data-at='5']");
    assert!(chain("conv2d").starts_with("Outputs that read the marked input: 9.") && chain("conv2d").contains("·0 "));
    assert!(page.text("#op-mean").contains("dx = dy / count") && !page.text("#op-mean").contains("d loss / d loss"));
    // But for code, in which two dots are a range.
    page.eval("document.querySelectorAll('pre, .exercise label, .exercise details').forEach(e => e.remove())");
    let text = page.eval("document.querySelector('main').textContent");
    for double in ["?.", "..", "!.", ".:"] {
        assert!(!text.as_str().unwrap().contains(double), "{double}");
    }
}

/// The same at once.
fn put_into(page: &Page, op: &str, role: &str, index: usize, at: usize, text: &str) {
    let selector = format!("#op-{op} [data-role={role}][data-index='{index}'] input[data-at='{at}']");
    page.eval(&format!(
        "(input => (input.value = {text}, input.dispatchEvent(new Event('input'))))(document.querySelector({selector:?}))"
    ));
}

#[test]
fn the_page_teaches() {
    let Some(chromium) = open() else { return };
    let dir = tempfile::tempdir().unwrap();
    let mut tried = HashSet::new();
    for (model, layer) in [("tiny.h5", "up_conv"), ("unet.h5", "uconv128"), ("keras/unet_k3.keras", "")] {
        let network = network(model);
        let args: &[&str] = if layer.is_empty() { &[] } else { &["--layer", layer] };
        let file = make(dir.path(), model, args);
        let page = chromium.page(&file, 1400);
        let facts = page.eval("JSON.parse(document.getElementById('data').textContent).explanation");
        let (forward, steps) = (facts["forward"].as_array().unwrap().len(), page.eval("walk.length").as_u64().unwrap());
        assert!(steps as usize > forward, "{model}: {steps} steps, {forward} of them forward");

        // Keys, buttons and slider lead forward, over the loss and back.
        let first = status(&page);
        assert!(first.contains(facts["forward"][0]["name"].as_str().unwrap()), "{first}");
        page.press("ArrowRight");
        assert_ne!(status(&page), first);
        page.click("#next");
        assert!(status(&page).starts_with("3 of "), "{}", status(&page));
        page.press("ArrowLeft");
        page.click("#previous");
        assert_eq!(status(&page), first);
        let visible = || page.eval("[...document.querySelectorAll('.u')].map(u => u.checkVisibility())");
        assert_eq!(visible(), json!([true, false]));
        page.eval(&format!("(slider.value = {forward}, slider.dispatchEvent(new Event('input')))"));
        assert!(status(&page).contains("d loss") && status(&page).contains("backward"), "{}", status(&page));
        assert_eq!(visible(), json!([false, true]));
        page.eval("slider.focus()");
        page.press("ArrowRight");
        assert!(status(&page).starts_with(&format!("{} of ", forward + 2)), "{}", status(&page));

        // Where streams join, both are shown.
        let skips = facts["skips"].as_array().unwrap().clone();
        assert!(!skips.is_empty(), "{model} has no skip");
        for skip in &skips {
            let i = page.eval(&format!("walk.findIndex(p => p.back && p.node.id === {})", skip["node"]));
            page.eval(&format!("go({i})"));
            let card = page.text(".card.now");
            for stream in skip["streams"].as_array().unwrap() {
                let share = format!("{:.1}% of the sum", 100.0 * stream["share"].as_f64().unwrap());
                assert!(card.contains(&share), "{model}: {share} is not in {card}");
            }
        }

        // One channel through the whole U, chosen by the reader.
        if let [_, second, ..] = &facts_of_channels(&page)[..] {
            page.eval("(chooser.value = 1, chooser.dispatchEvent(new Event('change')))");
            assert_eq!(page.eval("getComputedStyle(document.getElementById('u')).getPropertyValue('--pick')"), "1");
            page.eval("go(1)");
            assert!(page.text(".card.now .which").contains(&format!("hannel {second},")), "{}", page.text(".card.now"));
        }
        // Behind the image's gradient comes what makes a step of it.
        page.eval("go(walk.length)");
        assert!(status(&page).ends_with("next image, the step"), "{}", status(&page));
        for (back, op) in ["step", "normalise", "rms"].into_iter().enumerate() {
            let card = page.text(".card.now");
            assert!(card.contains(op) && card.contains("RMS"), "{card}");
            assert_eq!(page.eval("document.querySelector('.ascent .now .op-name').textContent"), op, "{back}");
            page.press("ArrowLeft");
        }
        assert!(status(&page).contains("d ") && status(&page).ends_with("backward"), "{}", status(&page));

        // A node of the drawing shows its card; its op is one click away.
        page.eval("go(0)");
        let forward_nodes = facts["forward"].as_array().unwrap();
        let node = &forward_nodes[1];
        page.click(&format!(".u:not([hidden]) .node[href='#node-{}']", node["id"]));
        let card = page.text(".card.now");
        assert!(
            card.contains(node["name"].as_str().unwrap()) && card.contains(node["formula"].as_str().unwrap()),
            "{card}"
        );
        let shown =
            || page.eval("[...document.querySelectorAll('.op')].filter(o => !o.hidden).map(o => o.dataset.topic)");
        page.click(".card.now .forward .close-up a");
        assert_eq!(shown(), json!([node["topic"]]));
        // On the way back its gradient comes from its reader: the rule and the link are the reader's.
        let reader = forward_nodes.iter().find(|other| other["id"] == node["reader"]).unwrap();
        page.eval(&format!("go(walk.findIndex(p => p.back && p.node.id === {}))", node["id"]));
        let card = page.text(".card.now .backward");
        let (name, rule) = (reader["name"].as_str().unwrap(), reader["rule"].as_str().unwrap());
        assert!(card.contains(name) && card.contains(rule), "{name}, {rule}: {card}");
        page.click(".card.now .backward .close-up a");
        assert_eq!(shown(), json!([reader["topic"]]));

        let convolution = unet::convolution(&network, facts["layer"].as_str().unwrap()).unwrap();
        let shape = unet::image_shape(&network, &[network.output], None).unwrap();
        for worked in worked_for(&network, convolution, shape).unwrap() {
            if !tried.insert(worked.topic) {
                continue;
            }
            try_out(&page, &worked, type_into);
            if worked.topic == "conv2d" {
                (0..worked.x[0].values.len()).step_by(5).for_each(|at| marks_what_meets(&page, &worked, at));
            }
        }
        for width in [400, 1400] {
            page.assert_fits(width);
            page.eval(&format!("go({forward})"));
            page.assert_fits(width);
        }
        page.eval("go(2)");
        page.assert_contrast();
        page.eval(&format!("go({forward})"));
        page.assert_contrast();
        page.assert_quiet();
    }
}

fn facts_of_channels(page: &Page) -> Vec<u64> {
    serde_json::from_value(page.eval("data.channels")).unwrap()
}

/// The card is seen together with the drawing: beside it, or under it on a narrow screen; and the page stays small.
#[test]
fn the_card_stands_by_the_drawing() {
    let Some(chromium) = open() else { return };
    let dir = tempfile::tempdir().unwrap();
    let file = make(dir.path(), "unet.h5", &[]);
    let bytes = std::fs::metadata(&file).unwrap().len();
    assert!(bytes < 1_500_000, "{bytes} bytes");
    let page = chromium.page(&file, 1400);
    let place = |page: &Page, selector: &str| -> Vec<f64> {
        serde_json::from_value(page.eval(&format!(
            "(r => [r.left, r.top, r.right, r.bottom])(document.querySelector({selector:?}).getBoundingClientRect())"
        )))
        .unwrap()
    };
    page.click("#next");
    page.eval("document.querySelector('.tour').scrollIntoView()");
    let (map, card) = (place(&page, ".u:not([hidden]) .map"), place(&page, ".card.now"));
    assert!(card[0] >= map[2] && card[1] < map[3] && card[1] < 200.0, "beside it: {map:?} {card:?}");
    assert!(map[3] < 857.0 && place(&page, "#slider")[1] >= 0.0, "all in one window of 1400 x 857: {map:?}");
    for width in [400, 1000] {
        page.resize(width);
        page.eval("document.querySelector('.stepper').scrollIntoView()");
        let (slider, card) = (place(&page, "#slider"), place(&page, ".cards"));
        assert!(slider[1] >= 0.0 && card[1] > slider[3] && card[3] <= 900.0, "{width}: {slider:?} {card:?}");
        assert!(card[1] < 760.0, "{width}: enough of the card is seen: {card:?}");
        let seen = "(m => { const a = m.getBoundingClientRect(), b = m.closest('.scroll').getBoundingClientRect(); \
                    return a.left >= b.left - 1 && a.right <= b.right + 1; })(document.querySelector('.u:not([hidden]) .node.now'))";
        for to in [0, 12, 24, 30] {
            page.eval(&format!("go({to})"));
            assert_eq!(page.eval(seen), true, "{width}: node {to} is in sight");
        }
    }
    // The dead filter is all zeros, and said to be; squares have labels.
    let others = page.text("#others");
    assert!(others.contains("100.0% zeros") && others.contains("dead"), "{others}");
    assert_eq!(page.eval("[...document.querySelectorAll('.node')].filter(n => !n.textContent.trim()).length"), 0);
    page.assert_quiet();
}

#[test]
fn in_spanish_too() {
    let Some(chromium) = open() else { return };
    let dir = tempfile::tempdir().unwrap();
    let file = make(dir.path(), "tiny.h5", &["--layer", "up_conv", "--lang", "es"]);
    let page = chromium.page(&file, 400);
    assert_eq!(page.eval("document.documentElement.lang"), "es");
    assert!(page.text("h1").contains("retropropagación"));
    page.click("#next");
    assert!(status(&page).starts_with("2 de ") && status(&page).contains("hacia delante"), "{}", status(&page));
    // But for code, which is English everywhere, and for the names that exercises use in it.
    page.eval("document.querySelectorAll('pre, #code, .exercise label, [data-topic] code').forEach(e => e.remove())");
    let text = page.text("body").replace("(«loss»)", "");
    for english in [
        "The ",
        " the ",
        "backward",
        "gradient of",
        "before activation",
        "threads",
        "..",
        "?.",
        "window",
        "count",
        "next image",
        "direction",
        "loss",
        " of ",
        "Channel",
        "Check",
        "Play",
        "solved",
    ] {
        assert!(!text.contains(english), "English in the Spanish page: {english:?} in {text}");
    }
    page.assert_fits(400);
    page.assert_fits(1400);
    page.assert_quiet();
}

/// Without a script everything is there, one below the other.
#[test]
fn without_javascript() {
    let Some(chromium) = open() else { return };
    let dir = tempfile::tempdir().unwrap();
    let file = make(dir.path(), "tiny.h5", &["--layer", "up_conv"]);
    let html = std::fs::read_to_string(&file).unwrap();
    let start = html.rfind("<script>").unwrap();
    let end = start + html[start..].find("</script>").unwrap() + "</script>".len();
    let bare = dir.path().join("bare.html");
    std::fs::write(&bare, format!("{}{}", &html[..start], &html[end..])).unwrap();
    let page = chromium.page(&bare, 400);
    let hidden = "[...document.querySelectorAll('.u, .card, .op, .worked, .plot, .frame')].filter(e => !e.checkVisibility()).length";
    assert_eq!(page.eval(hidden), 0);
    assert_eq!(page.eval("document.querySelectorAll('.u').length"), 2);
    let controls = page.eval("[...document.querySelectorAll('.js')].filter(e => e.checkVisibility()).length");
    assert_eq!(controls, Value::from(0), "controls that do nothing are shown");
    page.assert_fits(400);
    page.assert_fits(1400);
    page.assert_quiet();
}
