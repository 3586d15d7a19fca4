//! All that was chosen and done stands in the address: a link leads to the same state.

use super::*;

/// What a reader sees of a state: images, curves, what is said, what is open.
fn sight(page: &Page) -> Value {
    page.eval(
        "[live.app.climbers.map(one => [one.start, ...one.steps.map(step => step.image), one.image].map(image => [...image])), \
         live.app.climbers.map(one => [...one.steps.map(step => step.loss), one.now.loss]), live.app.shown, \
         ['said', 'made', 'sent', 'who'].map(id => document.getElementById('live-' + id)?.textContent), \
         document.querySelector('#live-close figcaption')?.textContent, location.hash]",
    )
}

/// The page's link opened afresh, and pasted into a page that is open.
fn leads_back(chromium: &browser::Chromium, file: &Path, page: &Page) {
    let here = sight(page);
    let hash = page.eval("location.hash");
    for afresh in [true, false] {
        let other = chromium.page(file, 1400);
        settle(&other);
        other.eval(&format!("(location.hash = {hash}, {afresh} && location.reload())"));
        if afresh {
            other.tab.wait_until_navigated().unwrap();
        }
        until(&other, "window.live?.app?.climbers.length");
        other.wait("new Promise(done => setTimeout(done, 100))");
        settle(&other);
        assert_eq!(sight(&other), here, "afresh: {afresh}");
        other.assert_quiet();
    }
}

#[test]
fn a_climb_can_be_sent() {
    let Some(chromium) = open_with_gpu() else { return };
    let dir = tempfile::tempdir().unwrap();
    let file = make(dir.path(), "tiny.h5", &["--layer", "up_conv"]);
    let page = chromium.page(&file, 1400);
    settle(&page);
    let steps = |count: usize| {
        for _ in 0..count {
            page.click("#live-step");
        }
        settle(&page);
    };
    // A recipe that changes on the way, then another goal, then what is broken; each goes on from the image that is shown.
    choose(&page, "jitter", "2");
    steps(3);
    choose(&page, "optimizer", "adam");
    choose(&page, "rate", "0.05");
    steps(2);
    choose(&page, "goal", "square");
    steps(2);
    choose(&page, "guided", "1");
    steps(3);
    choose(&page, "inside", "1");
    page.click(".live-node[data-node='4'] > button");
    settle(&page);
    page.click("#live-close figure:nth-of-type(2) canvas");
    page.eval("document.getElementById('live-scrub').focus()");
    page.press("ArrowLeft");
    settle(&page);
    assert!(said(&page).starts_with("Step 2 of 3"), "{}", said(&page));
    leads_back(&chromium, &file, &page);
    page.assert_quiet();
}

#[test]
fn a_drawing_and_a_photo_can_be_sent() {
    let Some(chromium) = open_with_gpu() else { return };
    let dir = tempfile::tempdir().unwrap();
    let file = make(dir.path(), "tiny.h5", &["--layer", "up_conv"]);
    let page = chromium.page(&file, 1400);
    settle(&page);
    page.eval("document.getElementById('live-image').focus()");
    for key in ["ArrowRight", " ", "ArrowDown", " ", "ArrowDown", " "] {
        page.press(key);
    }
    settle(&page);
    page.click("#live-step");
    settle(&page);
    leads_back(&chromium, &file, &page);
    let photo = dir.path().join("photo.png");
    image::RgbImage::from_fn(48, 64, |x, y| image::Rgb([(x * 5) as u8, (y * 4) as u8, (x * y) as u8]))
        .save(&photo)
        .unwrap();
    page.tab.wait_for_element("#live-photo").unwrap().set_input_files(&[photo.to_str().unwrap()]).unwrap();
    until(&page, "live.app.choices.start === 'photo'");
    settle(&page);
    assert!(page.text("#live-sent").contains("16×12 grey pixels"), "{}", page.text("#live-sent"));
    leads_back(&chromium, &file, &page);
    // A link that someone has bent opens all the same.
    for bent in ["own:photo.16.12.AAAA", "own:drawn.9", "open:99.7.x", "steps:x", "past:3~size%253A9", "layer:none"] {
        page.eval(&format!("(location.hash = 'live=start:photo,' + {bent:?})"));
        page.wait("new Promise(done => setTimeout(done, 100))");
        settle(&page);
        assert!(page.eval("live.app.climbers[0].now.loss").is_number(), "{bent}");
    }
    page.assert_quiet();
}

/// However large and restless a photo is, what the address holds of it is short.
#[test]
fn a_link_stays_short() {
    let Some(chromium) = open_with_gpu() else { return };
    let dir = tempfile::tempdir().unwrap();
    let page = chromium.page(&make(dir.path(), "tiny.h5", &["--layer", "up_conv"]), 1400);
    settle(&page);
    let found = page.wait(
        "(async () => {
            let state = 1;
            const noise = () => (state = state * 16807 % 2147483647) / 2147483647;
            const values = Float32Array.from({ length: 512 * 384 * 3 }, noise);
            const text = await live.own_as_text({ values, shape: [512, 384, 3] });
            const back = await live.own_of_text(text, 3);
            const drawn = values.map((_, i) => i % 3 === 0 && values[i] > 0.999 ? 1 : 0).map((v, i, all) => all[i - i % 3]);
            const drawing = await live.own_as_text({ values: drawn, shape: [512, 384, 3], drawn: true });
            const same = (await live.own_of_text(drawing, 3)).values.every((v, i) => v === drawn[i]);
            return [text.length, back.shape, back.values.length, drawing.length, same];
        })()",
    );
    let (letters, shape, count, drawing, same): (usize, [usize; 3], usize, usize, bool) = from_value(found).unwrap();
    assert!(letters < 6100 && shape == [64, 48, 3] && count == 64 * 48 * 3, "{letters} letters, {shape:?}, {count}");
    assert!(drawing < 3000 && same, "{drawing} letters, the same: {same}");
    page.assert_quiet();
}
