//! Looking inside, following a pixel, breaking.

use super::*;

/// Opens every `every`th node of the drawing, forward and back, and a pixel of each: its terms add up to the value. Gives the number of
/// nodes.
fn take_apart(page: &Page, every: usize) -> u64 {
    let count = page.eval("document.querySelectorAll('#live-u button').length").as_u64().unwrap();
    for node in (0..count).step_by(every) {
        page.eval(&format!("document.querySelectorAll('#live-u button')[{node}].click()"));
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
