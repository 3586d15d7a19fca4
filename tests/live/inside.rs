//! Looking inside, following a pixel, breaking.

use super::*;

/// Opens every `every`th node of the drawing, forward and back, and a pixel of each: its terms add up to the value. Gives the number of
/// nodes.
fn take_apart(page: &Page, every: usize) -> u64 {
    let count = page.eval("document.querySelectorAll('#live-u .live-node > button').length").as_u64().unwrap();
    for node in (0..count).step_by(every) {
        page.eval(&format!("document.querySelectorAll('#live-u .live-node > button')[{node}].click()"));
        settle(page);
        for i in 0..page.eval("document.querySelectorAll('#live-close canvas').length").as_u64().unwrap() {
            // The place with the largest value, and one to the right of it.
            let key = ["Enter", "ArrowRight"][(node + i) as usize % 2];
            page.eval(&format!("document.querySelectorAll('#live-close canvas')[{i}].focus()"));
            page.press(key);
            settle(page);
            let what = page.text("#live-made p");
            let terms = page.eval("document.querySelectorAll('#live-made table')[0].rows.length").as_u64().unwrap();
            if what.contains("(input)") {
                assert_eq!(terms, 2, "{what}");
                continue;
            }
            assert!(terms >= 4, "{what} has no terms");
            let [sum, value]: [f64; 2] =
                from_value(page.eval("(d => [+d.sum, +d.value])(document.getElementById('live-made').dataset)"))
                    .unwrap();
            assert!((sum - value).abs() <= 1e-4 * value.abs().max(1e-4), "{what} {sum} {value}");
        }
    }
    count
}

/// The strips of the drawing: forward and back, node by node, as they are and as the values say that they must be.
const STRIPS: &str = "(async () => {
    const { app } = live, { climb } = app, shown = [], right = [];
    const back = new Map(climb.gradients);
    for (const drawn of document.querySelectorAll('#live-u .live-node')) {
        const id = +drawn.dataset.node, strips = drawn.querySelectorAll('.strip');
        const nodes = [id, back.get(id)].filter(node => node !== undefined);
        const { values } = await app.climbers[0].measure(app.program, app.climbers[0].image, { want: nodes });
        nodes.forEach((node, i) => {
            const [h, w, c] = climb.nodes[node].shape;
            if (c === 1) return;
            const mean = Array.from({ length: c }, (_, o) => values.get(node).reduce((sum, v, at) => sum + (at % c === o ? Math.abs(v) : 0), 0) / h / w);
            right.push(mean.sort((a, b) => b - a).slice(0, 4));
            shown.push([...strips[i].children].map(one => {
                const own = +one.dataset.channel;
                return values.get(node).reduce((sum, v, at) => sum + (at % c === own ? Math.abs(v) : 0), 0) / h / w;
            }));
        });
    }
    return [shown, right];
})()";

/// Beside every node stand its four strongest channels, forward and back, at every step, by either engine; a click chooses one.
#[test]
fn strips_show_the_strongest_channels() {
    let Some(chromium) = open_with_gpu() else { return };
    let dir = tempfile::tempdir().unwrap();
    let page = chromium.page(&make(dir.path(), "tiny.h5", &["--layer", "up_conv"]), 1400);
    settle(&page);
    choose(&page, "inside", "1");
    let check = |when: &str| {
        let (shown, right): (Vec<Vec<f64>>, Vec<Vec<f64>>) = from_value(page.wait(STRIPS)).unwrap();
        assert!(shown.len() > 12 && shown.iter().any(|strip| strip.len() == 4), "{when}: {shown:?}");
        for (shown, right) in shown.iter().zip(&right) {
            assert_eq!(shown.len(), right.len(), "{when}");
            for (shown, right) in shown.iter().zip(right) {
                assert!((shown - right).abs() <= 1e-4 * right.abs(), "{when}: {shown} {right}");
            }
        }
        shown
    };
    let first = check("at the start");
    page.click("#live-step");
    settle(&page);
    assert_ne!(check("after a step"), first);
    // What is clicked is chosen, in every node; once more, and each shows its strongest again.
    let thumb = ".live-node[data-node='3'] .strip button:nth-child(2)";
    let channel = page.eval(&format!("document.querySelector({thumb:?}).dataset.channel"));
    let field = || page.eval("document.getElementById('live-channel').value");
    let shown =
        || page.eval("document.querySelector('.live-node[data-node=\"3\"] > button').dataset.channels.split(',')");
    page.click(thumb);
    settle(&page);
    assert_eq!((field(), shown()), (channel.clone(), serde_json::json!([channel, channel])));
    assert_eq!(page.eval(&format!("document.querySelector({thumb:?}).getAttribute('aria-pressed')")), "true");
    page.click(thumb);
    settle(&page);
    assert_eq!(field(), "");
    // By keys: from the node to its channels with arrows.
    page.eval("document.querySelector('.live-node[data-node=\"3\"] > button').focus()");
    page.press("ArrowRight");
    page.press("ArrowDown");
    page.press("Enter");
    settle(&page);
    assert_eq!(field(), channel);
    page.press("ArrowLeft");
    assert_eq!(
        page.eval("document.activeElement === document.querySelector('.live-node[data-node=\"3\"] .strip button')"),
        true
    );
    choose(&page, "channel", "");
    choose(&page, "engine", "cpu");
    check("by the processor");
    page.assert_fits(400);
    page.assert_fits(1400);
    page.assert_contrast();
    page.assert_quiet();
}

/// An opened node stays open while the climb goes on, and its numbers are those of the step that is shown.
#[test]
fn an_opened_node_lives() {
    let Some(chromium) = open_with_gpu() else { return };
    let dir = tempfile::tempdir().unwrap();
    let page = chromium.page(&make(dir.path(), "tiny.h5", &["--layer", "up_conv"]), 1400);
    settle(&page);
    choose(&page, "inside", "1");
    // Else another may be the strongest after the step.
    choose(&page, "channel", "2");
    page.click(".live-node[data-node='3'] > button");
    settle(&page);
    page.eval("document.querySelectorAll('#live-close canvas')[1].focus()");
    page.press("Enter");
    page.press("ArrowRight");
    settle(&page);
    let made = || page.text("#live-made");
    let at_start = made();
    page.eval("void (document.querySelectorAll('#live-close canvas')[1].own = true)");
    page.click("#live-step");
    settle(&page);
    let after = made();
    assert_ne!(after, at_start);
    let place = |text: &str| text.split(" is made of").next().unwrap().to_string();
    assert_eq!(place(&after), place(&at_start));
    assert_eq!(
        page.eval("document.querySelectorAll('#live-close canvas')[1].own"),
        true,
        "whoever is in it would lose the focus"
    );
    page.eval("document.getElementById('live-scrub').focus()");
    page.press("ArrowLeft");
    settle(&page);
    assert_eq!(made(), at_start);
    page.assert_quiet();
}

/// Which pixel max pool sends the gradient to: two clicks from the page as it opens.
#[test]
fn max_pool_in_two_clicks() {
    let Some(chromium) = open_with_gpu() else { return };
    let dir = tempfile::tempdir().unwrap();
    let page = chromium.page(&make(dir.path(), "tiny.h5", &["--layer", "up_conv"]), 1400);
    settle(&page);
    page.click("#live-inside");
    settle(&page);
    let pool = page.eval("live.app.climb.nodes.findIndex(node => node.op === 'max_pool')");
    page.click(&format!(".live-node[data-node='{pool}'] > button"));
    settle(&page);
    let said = page.text("#live-made");
    let (_, told) = said.split_once("Its gradient goes to row ").unwrap_or_else(|| panic!("{said}"));
    let numbers = |text: &str| -> Vec<usize> {
        text.split(|c: char| !c.is_ascii_digit())
            .filter(|part| !part.is_empty())
            .take(3)
            .map(|part| part.parse().unwrap())
            .collect()
    };
    let (to, from) = (numbers(told), numbers(said.split_once(" at row ").unwrap().1));
    assert!(to[0] / 2 == from[0] && to[1] / 2 == from[1], "{said}");
    // And there it has arrived: of its window, the gradient of the pool's input is not zero there alone.
    let arrived = page.wait(&format!(
        "(async () => {{ const {{ app }} = live, {{ climb }} = app; \
         const grad = climb.nodes.findIndex(node => node.op === 'max_pool_grad' && node.answers === {pool}), [, w, c] = climb.nodes[grad].shape; \
         const values = (await app.climbers[0].measure(app.program, app.climbers[0].image, {{ want: [grad] }})).values.get(grad); \
         return [0, 1, 2, 3].filter(k => values[((({r}) * 2 + (k >> 1)) * w + {s} * 2 + k % 2) * c + {o}] !== 0).map(k => [{r} * 2 + (k >> 1), {s} * 2 + k % 2]); }})()",
        r = from[0], s = from[1], o = from[2]
    ));
    assert_eq!(arrived, serde_json::json!([[to[0], to[1]]]), "{said}");
    page.assert_quiet();
}

/// Softmax, bilinear resizing, transposed convolutions, gates, functions.
#[test]
fn other_layers_are_taken_apart() {
    let Some(chromium) = open_with_gpu() else { return };
    let dir = tempfile::tempdir().unwrap();
    for model in ["softmax", "resizing", "transpose_stride_3", "attention_gate", "activation_layers"] {
        let file = make(dir.path(), &format!("keras/layers/{model}_k3.keras"), &["--layer", "last"]);
        let page = chromium.page(&file, 1400);
        settle(&page);
        choose(&page, "inside", "1");
        println!("{model}: {} nodes", take_apart(&page, 1));
        page.assert_quiet();
    }
}

/// Values taken apart add up to what the network has there, forward and back; so do the routes of a gradient.
#[test]
fn parts_add_up() {
    let Some(chromium) = open_with_gpu() else { return };
    let dir = tempfile::tempdir().unwrap();
    let page = chromium.page(&make(dir.path(), "unet.h5", &["--size", "32x32"]), 1400);
    settle(&page);
    choose(&page, "size", "1");
    assert_eq!(page.eval("live.app.climbers[0].image.length"), 16 * 16);
    choose(&page, "size", "0");
    choose(&page, "inside", "1");
    let count = take_apart(&page, 3);
    assert!(count > 15, "{count} nodes");
    page.click("#live-routes");
    settle(&page);
    let routes =
        page.eval("({ parts: live.routes.parts.length, whole: [...live.routes.whole], sum: [...live.routes.sum] })");
    assert!(routes["parts"].as_u64().unwrap() >= 3);
    let of = |what: &str| -> Vec<f32> { from_value(routes[what].clone()).unwrap() };
    let (error, _) = difference(&of("sum"), &of("whole"));
    assert!(error < 1e-5, "{error:e}");
    // Each part is one: without a route the sum is another.
    assert!(page.eval("live.routes.parts.every(part => part.some(v => v !== 0))").as_bool().unwrap());
    // At another pixel they are others: these are shown no longer.
    assert!(page.text("#live-shares").contains('%'));
    page.eval("document.getElementById('live-image').focus()");
    page.press("ArrowDown");
    settle(&page);
    assert_eq!(page.text("#live-shares"), "");
    page.assert_fits(400);
    page.assert_fits(1400);
    page.assert_quiet();
}

/// What computes another function keeps a right gradient; what bends the way back does not, and the check says so.
#[test]
fn what_is_broken_is_seen() {
    let Some(chromium) = open_with_gpu() else { return };
    let dir = tempfile::tempdir().unwrap();
    let page = chromium.page(&make(dir.path(), "unet.h5", &["--size", "32x32"]), 1400);
    settle(&page);
    let loss = || page.eval("live.app.climbers[0].now.loss").as_f64().unwrap();
    let check = || {
        page.click("#live-check");
        settle(&page);
        page.eval("document.querySelector('#live-checked p').className").as_str().unwrap().to_string()
    };
    let whole = loss();
    assert_eq!(check(), "good");
    // Of another image it says nothing.
    page.click("#live-step");
    settle(&page);
    assert_eq!(page.text("#live-checked"), "");
    page.click("#live-back");
    settle(&page);
    let skip = page.eval("document.getElementById('live-skip').options[1].value");
    for (id, value, verdict, same_loss) in [
        ("guided", "1", "bad", true),
        ("scale", "1", "bad", true),
        ("skip", skip.as_str().unwrap(), "good", false),
        ("off", "dconv64/5", "good", false),
    ] {
        choose(&page, id, value);
        assert_eq!(check(), verdict, "{id}");
        assert_eq!((loss() - whole).abs() < 1e-6 * whole.abs(), same_loss, "{id}: {} {whole}", loss());
        choose(&page, id, "");
    }
    assert!((loss() - whole).abs() < 1e-6 * whole.abs());
    page.assert_quiet();
}
