//! README's picture of the page, drawn from the page: `cargo test --release --test live -- --ignored`.

use super::*;

/// From the buttons down to the nodes, after 15 steps at 64x64. It takes a minute or two on a processor.
#[test]
#[ignore = "draws docs/pictures/live.png"]
fn draw_the_picture() {
    let Some(chromium) = open_with_gpu() else { return };
    let dir = tempfile::tempdir().unwrap();
    let page = chromium.page(&make(dir.path(), "unet.h5", &["--layer", "uconv128"]), 1140);
    settle(&page);
    choose(&page, "size", "1");
    choose(&page, "inside", "1");
    for _ in 0..15 {
        page.click("#live-step");
        settle(&page);
    }
    let places = page.eval(
        "((all, first, last) => [all.width, first.top - all.top, last.bottom - first.top])\
         (...['#live-tools', '.live-buttons', '#live-u'].map(one => document.querySelector(one).getBoundingClientRect()))",
    );
    let [width, top, height]: [f64; 3] = from_value(places).unwrap();
    let picture = image::load_from_memory(&page.picture("#live-tools")).unwrap();
    let part = picture.crop_imm(0, top as u32, width as u32, height as u32).to_rgb8();
    part.save(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/pictures/live.png")).unwrap();
    page.assert_quiet();
}
