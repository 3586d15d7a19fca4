//! The page of findings: what it says follows from the numbers; in headless Chromium it sorts, filters, opens, fits and prints.

#[path = "common/browser.rs"]
mod browser;
mod common;
#[path = "common/files.rs"]
mod files;

use files::{cells, keys, numbers};
use serde_json::{Value, json};
use std::fs;
use unet_lens::findings::{
    Answer, Border, Claim, DataFacts, DataKind, Effect, FilterFindings, Findings, How, Interval, LayerFindings, Life,
    Look, Noise, Patch, Proven, Reason, Text, Trust, TunedWhere, Tuning, Unit, Verdict,
};
use unet_lens::numbers::number;
use unet_lens::page::strings::Lang;
use unet_lens::page::strings::findings::row_name;
use unet_lens::page::{FindingsPage, findings, findings_figures};

fn interval(value: f64, low: f64, high: f64) -> Interval {
    Interval { value, low, high }
}

fn claim(
    id: &'static str,
    sentence: Text,
    number: Interval,
    unit: Unit,
    chance: Option<Interval>,
    answer: Answer,
) -> Claim {
    let details =
        json!({ "filters": 7, "layers": [{ "layer": "first", "share": 0.25 }, { "layer": "second", "share": 0.5 }] });
    Claim { id, sentence, number, unit, bound: 0.5, chance, answer, how: How::Spacing, details }
}

/// Six filters in two layers, of which two were drawn.
fn made_up() -> Findings {
    let tuning = |orientation: f64, frequency: f64, selectivity: f64| {
        let mut map = vec![0.1; 96];
        map[(orientation / 15.0) as usize % 12 * 8 + 5] = 1.0;
        Some(Tuning {
            orientation,
            frequency,
            selectivity,
            bandwidth: Some(1.25),
            map,
            level: 0.5,
            bar: 1.5,
            edge: 0.75,
        })
    };
    let trust = |activation: f64| {
        let picture: Vec<f32> = (0..32 * 32).map(|i| ((i / 32) as f32 * 0.8).sin() * 3.0).collect();
        let patch =
            |image: usize| Patch { image, at: (3, 4), size: (9, 9), values: picture[..81].to_vec(), activation };
        let best_patches = vec![patch(3), patch(17), patch(60)];
        let second = picture.iter().rev().copied().collect();
        Some(Trust {
            same_spectrum: 0.875,
            beats_data: true,
            gain_over_data: 3.5,
            way: 0.4375,
            picture,
            second,
            size: (32, 32),
            best_patches,
        })
    };
    let filter = |filter: usize, verdict: Verdict, reason: Reason, tuning: Option<Tuning>, still_seed: Option<f64>| {
        FilterFindings {
            filter,
            verdict,
            reason,
            second: (verdict == Verdict::Line).then_some(Verdict::Border),
            life: Life {
                on: 0.1 * filter as f64,
                dead_at_seed: verdict == Verdict::Dead,
                dormant: 1.0 + filter as f64,
                proven: (verdict == Verdict::Dead).then_some(Proven::Dead),
                lives_on_data: verdict != Verdict::Dead,
            },
            tuning,
            border: Border {
                auc: 0.5 + 0.01 * filter as f64,
                auc_without: 0.5,
                vanishes: (filter == 1).then_some(0.75),
                drive: 1.0,
                drive_without: 0.5,
                grating: 0.75,
            },
            noise: Noise { auc: 0.625 },
            look: still_seed.map(|still_seed| Look { flat: 0.03125, flat_threshold: 0.9, still_seed, steps: 16 }),
            // What is still its seed is off on the data, too.
            trust: still_seed.and_then(|seed| trust(if seed > 0.5 { 0.0 } else { 0.625 })),
            effect: Effect {
                taylor: Some(0.001 * filter as f64),
                effect: (filter == 0).then(|| interval(0.25, 0.125, 0.5)),
            },
            routes: (filter == 0).then(|| vec![0.75, 0.25]),
        }
    };
    let line =
        |orientation: f64, frequency: f64| Reason::Line { selectivity: 0.9, threshold: 0.3, orientation, frequency };
    let dead = Reason::Dead { proven: true, wakes: false };
    let spot = Reason::Spot { selectivity: 0.1, threshold: 0.3, frequency: 0.25, peak: 3.0 };
    let layer = |layer: usize, name: &str, depth: usize, decoder: bool, filters: Vec<FilterFindings>| LayerFindings {
        layer,
        name: name.to_string(),
        depth,
        stride: if decoder { 1.0 } else { 2.0 },
        receptive: 9,
        decoder,
        tuned_where: if decoder { TunedWhere::Middle } else { TunedWhere::Inside },
        line_threshold: 0.3,
        border_threshold: 0.9,
        noise_threshold: 0.7,
        filters,
        borders_by_chance: 0,
        chance: vec![],
    };
    let first = vec![
        filter(0, Verdict::Line, line(30.0, 0.125), tuning(30.0, 0.125, 0.9), Some(0.05)),
        filter(1, Verdict::Dead, dead, None, None),
        filter(2, Verdict::Spot, spot, tuning(75.0, 0.25, 0.1), None),
    ];
    let second = vec![
        filter(0, Verdict::Line, line(90.0, 0.0625), tuning(90.0, 0.0625, 0.95), None),
        filter(1, Verdict::Level, Reason::Level { level: 2.0 }, tuning(0.0, 1.0 / 64.0, 0.2), Some(0.99)),
        filter(2, Verdict::Unclear, Reason::Unclear { tuned: None, threshold: 0.3 }, None, None),
    ];
    Findings {
        network: "planted".to_string(),
        backend: "CPU, 2 threads, AVX2".to_string(),
        data: DataFacts {
            kind: DataKind::Phantoms,
            name: "64 aliased phantoms".to_string(),
            images: 64,
            size: (128, 128),
            mean: 0.25,
            deviation: 0.125,
            range: (0.0, 1.5),
        },
        layers: vec![layer(1, "first", 1, false, first), layer(4, "second", 2, true, second)],
        claims: vec![
            claim(
                "lines",
                Text::Lines,
                interval(0.75, 0.625, 0.875),
                Unit::Share,
                Some(interval(0.333, 0.25, 0.4)),
                Answer::Holds,
            ),
            claim(
                "spacing",
                Text::Spacing,
                interval(-0.25, -0.5, 0.125),
                Unit::OctavesPerLayer,
                Some(interval(0.0, 0.0, 0.0)),
                Answer::CannotBeTold,
            ),
            claim(
                "evenness",
                Text::Evenness,
                interval(0.5, 0.25, 0.75),
                Unit::Ratio,
                Some(interval(1.0, 1.0, 1.0)),
                Answer::Holds,
            ),
            claim("borders", Text::Borders, interval(0.0625, 0.03125, 0.125), Unit::Share, None, Answer::Holds),
            claim(
                "pruning",
                Text::Pruning,
                interval(3.5, 3.0, 4.0),
                Unit::Decibel,
                Some(interval(1.0, 0.5, 2.0)),
                Answer::Fails,
            ),
            claim("skips", Text::Skips, interval(8.5, 8.0, 9.0), Unit::Decibel, None, Answer::Holds),
        ],
        kappa: Some(0.875),
    }
}

fn page(findings_of: &Findings, lang: Lang) -> String {
    findings(&FindingsPage { findings: findings_of, lang, command: "unet-lens findings --layer all" }).unwrap()
}

/// An answer stands on the page as it was computed, and the sentence about chance follows from the intervals.
#[test]
fn texts_change_with_the_numbers() {
    let before = made_up();
    let text = page(&before, Lang::En);
    let row = |text: &str, id: &str| {
        let from = text.find(&format!("id=\"claim-{id}\"")).unwrap();
        let rest = &text[from..];
        rest[..rest[10..].find("id=\"claim-").map_or(rest.len(), |to| to + 10)].to_string()
    };
    let lines = row(&text, "lines");
    for words in
        ["data-answer=\"holds\"", "<span class=\"word\">holds</span>", "75", "62.5", "87.5", "It lies above chance."]
    {
        assert!(lines.contains(words), "{words} is not in {lines}");
    }
    assert!(
        row(&text, "spacing").contains("cannot be told")
            && row(&text, "spacing").contains("It overlaps with what chance gives.")
    );
    assert!(row(&text, "evenness").contains("It lies below chance."));
    assert!(row(&text, "borders").contains("there is no chance to compare with"));
    let mut after = before.clone();
    after.claims[0] = claim(
        "lines",
        Text::Lines,
        interval(0.125, 0.1, 0.2),
        Unit::Share,
        Some(interval(0.333, 0.25, 0.4)),
        Answer::Fails,
    );
    after.layers[0].filters[0].verdict = Verdict::Noise;
    after.layers[0].filters[0].reason = Reason::Noise { auc: 0.9375, threshold: 0.75 };
    let changed = page(&after, Lang::En);
    let lines = row(&changed, "lines");
    assert!(lines.contains("fails") && lines.contains("12.5") && lines.contains("It lies below chance."), "{lines}");
    assert_eq!(text.matches("data-verdict=\"line\"").count(), 2);
    assert_eq!(changed.matches("data-verdict=\"line\"").count(), 1);
    assert!(
        changed.contains("data-verdict=\"noise\"")
            && changed.contains(&Reason::Noise { auc: 0.9375, threshold: 0.75 }.to_string()[1..])
    );
    // What could not be measured has no number and no interval.
    after.claims[1].number = interval(f64::NAN, f64::NAN, f64::NAN);
    let spacing = row(&page(&after, Lang::En), "spacing");
    assert!(spacing.contains("There is too little to measure it by") && !spacing.contains("95% interval"), "{spacing}");
    // Without data it is said what cannot be told.
    after.data.kind = DataKind::Nothing;
    assert!(page(&after, Lang::En).contains("cannot be told,"));
    // A picture that is still its seed is said to be one, and no other.
    assert_eq!(text.matches("In the middle the picture is still the noise").count(), 1);
}

#[test]
fn every_number_of_a_filter_is_there_with_all_its_digits() {
    let found = made_up();
    let text = page(&found, Lang::En);
    let card = |layer: usize, filter: usize| {
        let rest = &text[text.find(&format!("id=\"f{layer}-{filter}\"")).unwrap()..];
        rest[..rest.find("</details>").unwrap()].to_string()
    };
    let line = card(1, 0);
    for (column, value) in [
        ("orientation", "30"),
        ("frequency", "0.125"),
        ("selectivity", "0.9"),
        ("bandwidth", "1.25"),
        ("same_spectrum", "0.875"),
        ("still_seed", "0.05"),
        ("dormant", "1"),
        ("taylor", "0"),
    ] {
        assert!(line.contains(&format!("data-column=\"{column}\" data-value=\"{value}\"")), "{column} in {line}");
    }
    assert!(line.contains("Filter 0 of first: line, also border") && line.contains("image 17"));
    assert!(line.contains("Lost without it: 0.25 dB, 95% interval 0.125 to 0.5."), "{line}");
    // What is still its seed is not drawn as if it were an answer: tuning is what there is, and of the data no patch, if none moves it.
    let (seed, drawn) = (card(4, 1), "What the climb ended with");
    assert!(line.contains(drawn) && line.contains("From another seed"));
    assert!(
        seed.contains("In the middle the picture is still the noise")
            && seed.contains("off everywhere on the data: no patch is better")
            && !seed.contains("Best patch")
            && seed.contains("Tuning:")
    );
    assert!(!seed.contains(drawn) && !seed.contains("From another seed"), "{seed}");
    let dead = card(1, 1);
    assert!(dead.contains("dead for every image of the data's range") && dead.contains("It answers to no grating."));
    assert!(!dead.contains("data-column=\"orientation\""));
}

#[test]
fn nothing_english_is_left_in_spanish() {
    let text = page(&made_up(), Lang::Es);
    assert!(text.contains("<html lang=\"es\">"));
    // What is the program's own English is marked as such.
    let body = text[text.find("<body>").unwrap()..text.find("<script").unwrap()]
        .replace("filters.csv", "")
        .replace("--layer all", "");
    let marked: String = body
        .split("<p class=\"hint\" lang=\"en\">")
        .enumerate()
        .map(|(i, part)| if i == 0 { part } else { part.split_once("</p>").unwrap().1 })
        .collect();
    let words: String = {
        let mut inside = false;
        marked
            .chars()
            .map(|c| {
                if c == '<' {
                    inside = true;
                }
                let seen = if inside { ' ' } else { c };
                if c == '>' {
                    inside = false;
                }
                seen
            })
            .collect()
    };
    let words: Vec<&str> = words.split(|c: char| !c.is_alphabetic()).collect();
    for english in [
        "the", "of", "and", "filter", "filters", "seed", "holds", "fails", "chance", "layer", "from", "to", "dead",
        "line", "aliased", "phantoms", "threads",
    ] {
        assert!(!words.contains(&english), "{english} is on the Spanish page");
    }
    for figure in findings_figures(&made_up(), Lang::Es) {
        assert!(figure.1.width() > 300, "{}", figure.0);
    }
}

#[test]
fn the_page_in_a_browser() {
    let Some(chromium) = browser::open() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("index.html");
    let text = page(&made_up(), Lang::En);
    assert!(text.len() < 15_000_000 && !text.contains("http://") && !text.contains("https://"));
    fs::write(&file, &text).unwrap();
    let page = chromium.page(&file, 1400);
    let visible = || -> Vec<String> {
        let ids = page.eval("[...document.querySelectorAll('.panel')].filter(c => c.checkVisibility()).map(c => c.id)");
        serde_json::from_value(ids).unwrap()
    };
    // By verdict; those that were drawn come first.
    assert_eq!(visible(), ["f1-1", "f1-0", "f4-0", "f1-2", "f4-1", "f4-2"]);
    assert_eq!(page.text("#shown"), "6 of 6 filters");
    page.click("[data-show='line']");
    assert_eq!(visible(), ["f1-0", "f4-0"]);
    assert_eq!(page.text("#shown"), "2 of 6 filters");
    let choose = |id: &str, value: &str| {
        page.eval(&format!(
            "(s => {{ s.value = '{value}'; s.dispatchEvent(new Event('change')); }})(document.getElementById('{id}'))"
        ));
    };
    choose("in-layer", "second");
    assert_eq!(visible(), ["f4-0"]);
    page.click("[data-show='']");
    choose("in-layer", "");
    // The greatest first, and what has no number last.
    choose("sort-by", "selectivity");
    assert_eq!(visible(), ["f4-0", "f1-0", "f4-1", "f1-2", "f1-1", "f4-2"]);
    choose("sort-by", "");
    assert_eq!(visible(), ["f1-1", "f1-0", "f4-0", "f1-2", "f4-1", "f4-2"]);

    // By keyboard.
    page.eval("document.querySelector('#f1-1 summary').focus()");
    page.press("ArrowRight");
    assert_eq!(page.eval("document.activeElement.parentElement.id"), json!("f1-0"));
    page.press("Enter");
    assert_eq!(page.eval("document.activeElement.parentElement.open"), json!(true));
    assert_eq!(page.eval("document.activeElement.parentElement.querySelectorAll('.pictures img').length"), json!(7));
    page.press("ArrowLeft");
    assert_eq!(page.eval("document.activeElement.parentElement.id"), json!("f1-1"));

    assert_eq!(
        page.eval("[...document.images].filter(i => !i.alt || !i.complete || !i.naturalWidth).length"),
        json!(0)
    );
    let levels = page.eval("[...document.querySelectorAll('h1, h2, h3, h4')].map(h => +h.tagName[1])");
    let levels: Vec<u64> = serde_json::from_value(levels).unwrap();
    assert!(levels[0] == 1 && levels.windows(2).all(|pair| pair[1] <= pair[0] + 1), "a level is left out: {levels:?}");
    for all in [false, true] {
        page.eval(&format!("document.querySelectorAll('details').forEach(d => d.open = {all})"));
        page.assert_fits(400);
        page.assert_fits(1400);
        page.assert_contrast();
    }
    page.media("print", "light");
    assert_eq!(page.eval("[...document.querySelectorAll('.js')].filter(e => e.checkVisibility()).length"), json!(0));
    page.assert_fits(700);
    page.assert_quiet();

    // Without a script all is there.
    let bare = folder.path().join("bare.html");
    fs::write(&bare, &text[..text.rfind("<script>").unwrap()]).unwrap();
    let page = chromium.page(&bare, 400);
    assert_eq!(page.eval("[...document.querySelectorAll('.js')].filter(e => e.checkVisibility()).length"), json!(0));
    page.click("#f1-0 summary");
    let seen: Value =
        page.eval("[...document.querySelectorAll('#f1-0 .pictures img, #f1-0 dd')].every(e => e.checkVisibility())");
    assert_eq!(seen, json!(true));
    page.assert_quiet();
}

/// The numbers and reasons on the page are those of filters.csv and claims.json, letter by letter.
#[test]
fn the_page_says_what_the_files_say() {
    let folder = tempfile::tempdir().unwrap();
    let model = common::fixture("tiny.h5").display().to_string();
    let line = ["findings", "--images", "4", "--backend", "cpu", "--out", "f", "-q", "--model", &model];
    common::unet_lens(folder.path()).args(line).assert().success();
    let read = |name: &str| fs::read_to_string(folder.path().join("f").join(name)).unwrap();
    let (table, page) = (read("filters.csv"), read("index.html"));
    let mut rows = table.lines().map(cells);
    let columns = rows.next().unwrap();
    assert!(table.starts_with("layer,filter,verdict,because"));
    let (mut seen, mut compared) = (0, 0);
    for row in rows {
        let of = |column: &str| &row[columns.iter().position(|c| c == column).unwrap()];
        let head = format!(
            "data-layer=\"{}\" data-filter=\"{}\" data-verdict=\"{}\"",
            of("layer"),
            of("filter"),
            of("verdict")
        );
        let card = &page[page.find(&head).unwrap_or_else(|| panic!("no {head}"))..];
        let card = &card[..card.find("</details>").unwrap()];
        let because = &card[card.find("<p class=\"because\">").unwrap() + 19..];
        let because = because[..because.find("</p>").unwrap()].trim_end_matches('.').to_lowercase();
        assert_eq!(because, of("because").to_lowercase(), "{head}");
        for cell in card.split("data-column=\"").skip(1) {
            let (column, rest) = cell.split_once('"').unwrap();
            let value = rest.split('"').nth(1).unwrap();
            assert_eq!(value, of(column), "{column} of {head}");
            compared += 1;
        }
        seen += 1;
    }
    assert_eq!(page.matches("<details class=\"panel").count(), seen);
    assert!(seen == 5 + 7 + 6 + 1 && compared > 8 * seen, "{seen} filters, {compared} numbers");

    let Ok(claims) = fs::read_to_string(folder.path().join("f/claims.json")) else {
        assert!(!page.contains("data-claim="), "claims without a file");
        return;
    };
    let claims: Value = serde_json::from_str(&claims).unwrap();
    let mut names = vec![];
    claims["claims"].as_array().unwrap().iter().for_each(|claim| keys(&claim["details"], &mut names));
    assert!(names.len() > 60);
    for name in names {
        assert_ne!(row_name(&name, Lang::Es.findings()), name, "is not called anything in Spanish");
        assert!(page.contains(&name), "{name} is not on the page");
    }
    let mut compared = 0;
    for claim in claims["claims"].as_array().unwrap() {
        let head = format!(
            "data-claim=\"{}\" data-answer=\"{}\"",
            claim["id"].as_str().unwrap(),
            claim["answer"].as_str().unwrap()
        );
        let row = &page[page.find(&head).unwrap_or_else(|| panic!("no {head}"))..];
        let row = &row[..row[1..].find("data-claim=").map_or(row.len(), |next| next + 1)];
        let mut behind = vec![];
        numbers(&claim["details"], &mut behind);
        for &value in &behind {
            let text = number(value, 4);
            assert!(row.contains(&text), "{text}, a number behind {head}");
        }
        compared += behind.len();
        for part in ["value", "low", "high"] {
            let text = row.split_once(&format!("data-{part}=\"")).unwrap().1.split('"').next().unwrap();
            match claim["number"][part].as_f64() {
                Some(number) => {
                    assert!((text.parse::<f64>().unwrap() - number).abs() <= 1e-5 * number.abs(), "{part} of {head}")
                }
                None => assert_eq!(text, "NaN", "{part} of {head}"),
            }
        }
    }
    assert!(compared > 200, "{compared} numbers behind the claims");
    assert_eq!(page.matches("data-claim=").count(), claims["claims"].as_array().unwrap().len());
}
