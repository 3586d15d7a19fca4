//! The article's page in headless Chromium.

#[path = "common/browser.rs"]
mod browser;
mod common;

use common::article::made;
use serde_json::json;
use std::fs;
use unet_lens::cancel::{Cancel, Watch};
use unet_lens::engine::exec::Backend;
use unet_lens::lens::ascent::{self, Recipe};
use unet_lens::network::unet;
use unet_lens::picture::{Colormap, decode_image, strip};

#[test]
fn the_page_in_a_browser() {
    let Some(chromium) = browser::open() else { return };
    let folder = tempfile::tempdir().unwrap();
    made(folder.path(), "tiny.h5", &["-q"]);
    let file = folder.path().join("out/article/index.html");
    let page = chromium.page(&file, 1400);
    let hidden = |selector: &str| page.eval(&format!("document.querySelector({selector:?}).checkVisibility()"));

    // From the drawing to the layer's panels, from a panel to its way.
    let target = page.eval("document.querySelector('.network a').getAttribute('href')");
    page.eval("document.querySelector('.network a').dispatchEvent(new MouseEvent('click', { bubbles: true }))");
    assert_eq!(page.eval("location.hash"), target);
    let open = ".filter:has(input)";
    let (slider, sheet) = (format!("{open} input"), format!("{open} .sheet"));
    page.click(&format!("{open} summary"));
    assert_eq!(page.eval(&format!("document.querySelector({open:?}).open")), json!(true));
    assert_eq!(hidden(&slider), json!(true));
    assert_eq!(hidden(&sheet), json!(true));
    assert_eq!(page.text(&format!("{open} output")), "step 20");
    assert_eq!(
        page.eval(&format!("(s => [s.min, s.max, s.step])(document.querySelector({slider:?}))")),
        json!(["0", "20", ""])
    );
    let frames = page.eval(&format!("document.querySelectorAll('{open} .step').length"));
    page.eval(&format!("document.querySelector({slider:?}).focus()"));
    page.press("ArrowLeft");
    assert_eq!(page.text(&format!("{open} output")), "step 19");
    assert_eq!(
        page.eval(&format!("document.querySelector({slider:?}).getAttribute('aria-valuetext')")),
        json!("step 19")
    );
    let steps = page.eval(&format!("document.querySelector({open:?}).querySelectorAll('.step').length"));
    assert_eq!((frames, steps), (json!(0), json!(1)));
    page.press("Home");
    assert_eq!(page.text(&format!("{open} output")), "step 0");
    page.press("End");
    assert_eq!(page.eval(&format!("document.querySelector({open:?}).querySelectorAll('.step').length")), json!(0));

    // What is shown at each step is the picture of that step.
    every_step_is_shown(&page, open);
    // Everything that is seen is said: pictures have alternatives, headings follow each other.
    assert_eq!(
        page.eval("[...document.images].filter(i => !i.alt || !i.complete || !i.naturalWidth).length"),
        json!(0)
    );
    let levels = page.eval("[...document.querySelectorAll('h1, h2, h3, h4')].map(h => +h.tagName[1])");
    let levels: Vec<u64> = serde_json::from_value(levels).unwrap();
    assert_eq!(levels[0], 1);
    assert!(levels.windows(2).all(|pair| pair[1] <= pair[0] + 1), "a level is left out: {levels:?}");

    for all in [false, true] {
        page.eval(&format!("document.querySelectorAll('details').forEach(d => d.open = {all})"));
        page.assert_fits(400);
        page.assert_fits(1400);
        page.assert_contrast();
    }
    page.assert_quiet();

    // Each section begins with two or three sentences, and so does the page.
    let leads = page.eval("[...document.querySelectorAll('header .lead, section > h2 + p')].map(p => p.innerText)");
    let leads: Vec<String> = serde_json::from_value(leads).unwrap();
    assert_eq!(leads.len(), 7, "{leads:#?}");
    for lead in leads {
        let ends = |c: char| matches!(c, '.' | '!' | '?');
        let sentences = lead.split_whitespace().filter(|word| word.ends_with(ends)).count();
        assert!((2..=3).contains(&sentences) && lead.ends_with(ends), "{sentences} sentences: {lead}");
    }

    // On paper there is no slider, and nothing is wider than the sheet.
    page.media("print", "light");
    assert_eq!(page.eval("[...document.querySelectorAll('.js')].filter(e => e.checkVisibility()).length"), json!(0));
    assert_eq!(page.eval("document.images.length > 20"), json!(true));
    page.assert_fits(700);
    page.assert_quiet();

    // Pictures of several channels have their own colours.
    made(folder.path(), "keras/seq_k2.h5", &["-q", "--out", "colours"]);
    let colours = chromium.page(&folder.path().join("colours/index.html"), 1400);
    for (page, filter) in [(&page, "url(\"#viridis\")"), (&colours, "none")] {
        assert_eq!(page.eval("getComputedStyle(document.querySelector('.sheet')).filter"), json!(filter));
    }
    colours.assert_quiet();

    // Without a script all is there but the sliders.
    let html = fs::read_to_string(&file).unwrap();
    let bare = folder.path().join("bare.html");
    let script = html.rfind("<script>").unwrap();
    fs::write(&bare, &html[..script]).unwrap();
    let page = chromium.page(&bare, 400);
    page.click(&format!("{open} summary"));
    assert_eq!(page.eval(&format!("document.querySelector({sheet:?}).checkVisibility()")), json!(true));
    assert_eq!(page.eval("[...document.querySelectorAll('.js')].filter(e => e.checkVisibility()).length"), json!(0));
    page.assert_quiet();
}

/// Climbs the opened panel's filter once more and compares the slider's pictures, as the browser draws them, with its frames.
fn every_step_is_shown(page: &browser::Page, panel: &str) {
    let id = page.eval(&format!("document.querySelector({panel:?}).id"));
    let mut numbers = id.as_str().unwrap().split('-').skip(1).map(|n| n.parse::<usize>().unwrap());
    let (layer, filter) = (numbers.next().unwrap(), numbers.next().unwrap());
    let network = common::network("tiny.h5");
    let image = unet::image_shape(&network, &[network.output], None).unwrap();
    let seeds = ascent::noise(0, &network.layers[layer].name, &[filter], image, 2.0);
    let executor = common::open(Backend::Cpu).unwrap();
    let recipe = Recipe { keep_frames: true, ..Recipe::default() };
    let climb = ascent::climb(
        &*executor,
        &network,
        layer,
        &[filter],
        &seeds,
        recipe,
        &mut Watch { cancel: &Cancel::default(), progress: &mut |_, _| {} },
    )
    .unwrap()
    .remove(0);
    assert_eq!(climb.frames.len(), 21);
    let drawn = |frame: &Vec<f32>| -> Vec<[u8; 3]> {
        strip(image.h, image.w, std::slice::from_ref(frame), Colormap::Viridis, false, 128).colors().collect()
    };
    let expected: Vec<Vec<[u8; 3]>> = climb.frames.iter().map(drawn).collect();
    for step in 0..=20 {
        page.eval(&format!(
            "(s => {{ s.value = {step}; s.dispatchEvent(new Event('input')); }})(document.querySelector('{panel} input'))"
        ));
        let shot = page.picture(&format!("{panel} .shot"));
        let photo = decode_image("a screenshot", &shot).unwrap();
        let seen: Vec<[f32; 3]> = (0..image.h * image.w)
            .map(|i| {
                let middle = |at: usize, of: usize, pixels: usize| (2 * at + 1) * pixels / (2 * of);
                let (y, x) = (middle(i / image.w, image.h, photo.h), middle(i % image.w, image.w, photo.w));
                std::array::from_fn(|c| photo.rgb[3 * (y * photo.w + x) + c] * 255.0)
            })
            .collect();
        let apart = |colors: &[[u8; 3]]| {
            let all = seen.iter().zip(colors).flat_map(|(a, b)| (0..3).map(move |c| (a[c] - f32::from(b[c])).abs()));
            all.sum::<f32>() / (3 * colors.len()) as f32
        };
        let apart: Vec<f32> = expected.iter().map(|colors| apart(colors)).collect();
        let nearest = (0..=20).min_by(|&a, &b| apart[a].total_cmp(&apart[b])).unwrap();
        assert_eq!(nearest, step, "{apart:?}");
        assert!(apart[step] < 3.0, "step {step}: {} grey levels from its picture", apart[step]);
    }
}
