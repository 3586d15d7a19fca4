//! What the reader does: every choice changes what is computed, and stands in the address.

use super::*;

#[test]
fn everything_can_be_chosen() {
    let Some(chromium) = open_with_gpu() else { return };
    let dir = tempfile::tempdir().unwrap();
    let page = chromium.page(&make(dir.path(), "tiny.h5", &["--layer", "up_conv"]), 1400);
    settle(&page);
    assert!(page.text("#live-who").contains("WebGPU"), "{}", page.text("#live-who"));
    let loss = || page.eval("live.app.climbers[0].now.loss").as_f64().unwrap();
    let steps = || page.eval("live.app.climbers[0].steps.length").as_u64().unwrap();
    let first = loss();
    page.click("#live-step");
    settle(&page);
    assert!(said(&page).starts_with("Step 1 of 1"), "{}", said(&page));
    assert!(loss() > first, "{} after {first}", loss());
    // Run and pause, by keyboard.
    page.eval("document.getElementById('live-run').focus()");
    page.press("Enter");
    until(&page, "live.app.climbers[0].steps.length > 5");
    page.press("Enter");
    settle(&page);
    let count = steps();
    page.wait("new Promise(done => setTimeout(done, 300))");
    assert_eq!(steps(), count, "it runs on after the pause");
    // The scrubber shows any step again.
    page.eval("document.getElementById('live-scrub').focus()");
    page.press("ArrowLeft");
    settle(&page);
    assert!(said(&page).starts_with(&format!("Step {} of {count}", count - 1)), "{}", said(&page));
    page.click("#live-back");
    settle(&page);
    assert_eq!(steps(), 0);
    assert!((loss() - first).abs() < 1e-6 * first.abs());
    // Every choice makes another climb.
    let sight = || page.eval("[live.app.climbers[0].now.loss, ...live.app.climbers[0].start.slice(0, 60)]");
    let mut seen = vec![sight()];
    for (id, value) in [
        ("filter", "1"),
        ("goal", "square"),
        ("goal", "neuron"),
        ("start", "phantom"),
        ("start", "recorded"),
        ("seed", "7"),
        ("angle", "70"),
        ("layer", "0"),
    ] {
        choose(&page, id, value);
        assert!(!seen.contains(&sight()), "{id} {value} changes nothing");
        seen.push(sight());
    }
    // The recipe's choices change the step.
    let picture = || page.eval("[...live.app.climbers[0].image]");
    let mut pictures = vec![];
    for (id, value) in [("rate", "0.5"), ("optimizer", "adam"), ("jitter", "3")] {
        choose(&page, id, value);
        page.click("#live-back");
        page.click("#live-step");
        settle(&page);
        assert!(!pictures.contains(&picture()), "{id} changes nothing");
        pictures.push(picture());
    }
    // A list by its own keys: they are not the lesson's.
    page.eval("document.getElementById('live-layer').focus()");
    page.press("ArrowRight");
    settle(&page);
    assert_eq!(page.eval("live.app.climb.layer"), "code");
    choose(&page, "two", "1");
    page.click("#live-step");
    settle(&page);
    assert!(said(&page).contains("Second recipe"), "{}", said(&page));
    // All of it is in the address: another page opened with it stands where this one does.
    let address = page.eval("location.hash");
    let hash = address.as_str().unwrap();
    for part in ["filter", "angle", "optimizer", "jitter", "two"] {
        assert!(hash.contains(part), "{part} is not in {hash}");
    }
    let steps = "live.app.climbers[0].steps.map(step => step.loss)";
    let (losses, now) = (page.eval(steps), page.eval("live.app.climbers[0].now.loss"));
    assert_eq!(losses.as_array().unwrap().len(), 1, "{losses}");
    page.tab.reload(false, None).unwrap().wait_until_navigated().unwrap();
    settle(&page);
    assert_eq!(page.eval(steps), losses, "the step is taken again, from the same start");
    let again = page.eval("live.app.climbers[0].now.loss").as_f64().unwrap();
    let now = now.as_f64().unwrap();
    assert!((again - now).abs() <= 1e-4 * now.abs(), "{again}, before {now}");
    page.assert_quiet();
}

#[test]
fn a_photo_a_drawing_and_keys() {
    let Some(chromium) = open_with_gpu() else { return };
    let dir = tempfile::tempdir().unwrap();
    let page = chromium.page(&make(dir.path(), "tiny.h5", &["--layer", "up_conv"]), 400);
    settle(&page);
    let start = || -> Vec<f64> { from_value(page.eval("[...live.app.climbers[0].start]")).unwrap() };
    // A file of two colours, dropped on the image.
    page.wait(
        "(async () => { const c = new OffscreenCanvas(8, 8), x = c.getContext('2d'); x.fillStyle = '#fff'; x.fillRect(0, 0, 4, 8); \
         x.fillStyle = '#000'; x.fillRect(4, 0, 4, 8); const file = new File([await c.convertToBlob()], 'half.png', { type: 'image/png' }); \
         const data = new DataTransfer(); data.items.add(file); \
         document.getElementById('live-image').dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true })); })()",
    );
    until(&page, "live.app.choices.start === 'photo'");
    settle(&page);
    let photo = start();
    let (h, w) = (16, 12);
    assert_eq!(photo.len(), h * w);
    assert!(photo[0] > 0.95 && photo[w - 1] < 0.05, "{} {}", photo[0], photo[w - 1]);
    // Drawn by keys: the mark moves, Space leaves ink.
    page.eval("document.getElementById('live-image').focus()");
    page.press("ArrowRight");
    page.press("ArrowDown");
    page.press(" ");
    settle(&page);
    let [row, column]: [usize; 2] = from_value(page.eval("live.app.choices.place")).unwrap();
    assert_eq!([row, column], [h / 2 + 1, w / 2 + 1]);
    assert_eq!(page.eval("document.getElementById('live-start').value"), "drawn");
    assert_eq!(start()[row * w + column], 1.0);
    // And by the pointer.
    let inked = start().iter().filter(|&&v| v > 0.0).count();
    page.click("#live-image");
    settle(&page);
    assert!(start().iter().filter(|&&v| v > 0.0).count() > inked);
    page.assert_fits(400);
    page.assert_fits(1400);
    page.assert_contrast();
    page.assert_quiet();
}

/// The tour of a page that computes says so; others have no such stop.
#[test]
fn the_tour_comes_by() {
    let Some(chromium) = open() else { return };
    let dir = tempfile::tempdir().unwrap();
    let page = chromium.page(&make(dir.path(), "tiny.h5", &["--layer", "up_conv"]), 400);
    let stops = page.eval("stops.length").as_u64().unwrap();
    page.click("#tour-play");
    for _ in 0..stops - 2 {
        page.press("Enter");
    }
    assert!(page.text("#tour-text").contains("the page itself computes"), "{}", page.text("#tour-text"));
    page.assert_quiet();
}
