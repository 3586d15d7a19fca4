//! `unet-lens article`: the pictures, the page, Ctrl-C. The page in headless Chromium, too.

#[path = "common/browser.rs"]
mod browser;
mod common;

use common::{fixture, names, unet_lens};
use serde_json::json;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use unet_lens::cancel::{Cancel, Watch};
use unet_lens::engine::exec::Backend;
use unet_lens::lens::ascent::{self, Recipe};
use unet_lens::network::unet;
use unet_lens::picture::{Colormap, decode_image, read_image, strip};

/// What the command prints.
fn made(folder: &Path, model: &str, arguments: &[&str]) -> String {
    let mut command = unet_lens(folder);
    let output = command.args(["article", "--model"]).arg(fixture(model)).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn pictures_and_a_page() {
    let folder = tempfile::tempdir().unwrap();
    let out = made(folder.path(), "tiny.h5", &["--seed", "3"]);
    let dir = folder.path().join("out/article");
    let files = names(&dir);
    let expected = [
        "activations.png",
        "camera.png",
        "camera_up_conv.png",
        "code.png",
        "down.png",
        "final.png",
        "first-down.png",
        "index.html",
        "output.png",
        "summary.txt",
        "up_conv.png",
    ];
    for file in expected {
        assert!(files.iter().any(|f| f == file), "{file} is not in {files:?}");
    }
    assert_eq!(files.iter().filter(|f| f.starts_with("activations-")).count(), 10, "one for each layer");
    for file in files.iter().filter(|f| f.ends_with(".png")) {
        read_image(dir.join(file)).unwrap();
    }
    // All that is there is listed, and the page comes last.
    let listed: Vec<&str> = out.lines().filter_map(|line| line.strip_prefix("out/article/")).collect();
    let mut sorted = listed.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, files);
    assert_eq!(listed.last(), Some(&"index.html"));

    // The same bytes as the commands of their own give.
    let model = fixture("tiny.h5").display().to_string();
    let camera = fixture("camera.png").display().to_string();
    for arguments in [vec!["--layer", "all"], vec!["dream", &camera, "--layer", "up_conv"]] {
        let own = tempfile::tempdir().unwrap();
        let rest = ["--seed", "3", "--model", &model, "--out", "own", "-q"];
        unet_lens(own.path()).args(arguments).args(rest).assert().success();
        for file in names(&own.path().join("own")) {
            let (a, b) = (fs::read(own.path().join("own").join(&file)).unwrap(), fs::read(dir.join(&file)).unwrap());
            assert!(a == b, "{file} differs from what its own command gives");
        }
    }
    let summary = unet_lens(folder.path()).args(["summary", "--model", &model]).output().unwrap().stdout;
    assert_eq!(fs::read(dir.join("summary.txt")).unwrap(), summary);

    let page = fs::read_to_string(dir.join("index.html")).unwrap();
    assert!(page.len() < 15_000_000);
    for id in ["network", "does", "filters", "activations", "dream", "made"] {
        assert!(page.contains(&format!("<section id=\"{id}\">")), "no section {id}");
    }
    assert!(!page.contains("http://") && !page.contains("https://"), "an address of a network");
    assert!(page.contains(&format!("unet-lens article --seed 3 --model {model} --out out/article")), "how it was made");
    assert_eq!(page.matches("<details class=\"filter\"").count(), 5 + 7 + 6 + 1);
    assert!(!page.contains(&*folder.path().to_string_lossy()), "a path of this machine");
}

/// A network that makes aliased phantoms worse is not told of as if it restored them, and the numbers say why.
#[test]
fn no_story_that_was_not_measured() {
    let folder = tempfile::tempdir().unwrap();
    let out = made(folder.path(), "tiny.h5", &["--count", "1"]);
    assert!(out.contains("left out: restored examples: it was not made to undo aliasing"), "{out}");
    let page = fs::read_to_string(folder.path().join("out/article/index.html")).unwrap();
    for word in ["scanner", "phantom of", "came nearer", "restored"] {
        assert!(!page.contains(word), "{word} on the page of a network that restores nothing");
    }
    assert!(page.contains("aliased phantoms have a PSNR of"), "why it is left out");
    assert!(page.contains("Given the photo at 16×12 pixels, it makes 16×12 of one channel"));
}

/// The built-in network does restore. Its pictures are those of the commands of their own.
#[test]
fn a_network_that_restores() {
    let folder = tempfile::tempdir().unwrap();
    let run = |line: &str| {
        let output = unet_lens(folder.path()).args(line.split(' ')).output().unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    };
    run("article --layer dconv64 --count 1 --seed 5 --out a -q");
    run("restore --seed 5 --out own -q");
    run("activations phantom --layer dconv64 --seed 5 --out own -q");
    for picture in ["brain.png", "camera.png"] {
        fs::copy(fixture(picture), folder.path().join(picture)).unwrap();
        run(&format!("restore {picture} --seed 5 --out own -q"));
    }
    assert_eq!(names(&folder.path().join("own")).iter().filter(|name| name.starts_with("restore")).count(), 3);
    for file in names(&folder.path().join("own")) {
        let read = |dir: &str| fs::read(folder.path().join(dir).join(&file)).unwrap();
        assert!(read("own") == read("a"), "{file} differs from what its own command gives");
    }
    let page = fs::read_to_string(folder.path().join("a/index.html")).unwrap();
    assert!(page.contains("4 of 4 came nearer") && !page.contains("Left out"), "what it does");
    assert_eq!(page.matches("<details class=\"filter\"").count(), 1);
    // What is like nothing that it knows is shown, too, where it becomes worse.
    assert!(page.contains("The brain comes nearer: from") && page.contains("The photograph gets worse: from"));
    // Where a skip and what comes from below are joined, channels of both are seen.
    assert_eq!(page.matches("<figure class=\"travel\" data-skip>").count(), 3);
    for skip in ["conv64_1", "conv128_1", "conv256_1"] {
        assert!(page.contains(&format!("by the skip from {skip}: channels")), "{skip}");
    }
    // What is lost without them was measured.
    for (skip, to) in [("conv64_1", "concatenate_9"), ("conv128_1", "concatenate_8"), ("conv256_1", "concatenate_7")] {
        assert!(page.contains(&format!("Without what {skip} brings to {to} the PSNR falls by ")), "{skip}");
    }
    // A second seed, and the same filter with shuffled weights.
    assert_eq!(page.matches("Control: the weights of the network shuffled</figcaption>").count(), 1);
    assert_eq!(
        page.matches("From another seed; its spectrum correlates").count(),
        2,
        "as text, and for those who do not see"
    );
}

/// The article's model was written in Spanish: nothing English is left but names and the program's own messages.
#[test]
fn the_page_in_spanish() {
    let folder = tempfile::tempdir().unwrap();
    let line = "article --layer dconv64 --filters 8,50 --seed 5 --lang es --out a -q";
    unet_lens(folder.path()).args(line.split(' ')).assert().success();
    let page = fs::read_to_string(folder.path().join("a/index.html")).unwrap();
    assert!(page.contains("<html lang=\"es\">") && page.contains("--lang es --out a"));
    let found = |page: &str| {
        let spoken = spoken(&page[page.find("<body>").unwrap()..page.find("<script").unwrap()]);
        let words: Vec<&str> = spoken.split(|c: char| !c.is_alphabetic()).collect();
        assert!(words.len() > 400, "{}", words.len());
        ENGLISH.into_iter().filter(|english| words.contains(english)).collect::<Vec<_>>()
    };
    assert_eq!(found(&page), [""; 0], "English on the Spanish page");
    // The check finds English where there is some.
    made(folder.path(), "tiny.h5", &["-q"]);
    let english = fs::read_to_string(folder.path().join("out/article/index.html")).unwrap();
    assert!(found(&english).len() > 15, "{:?}", found(&english));
}

const ENGLISH: [&str; 24] = [
    "the", "of", "and", "filter", "filters", "seed", "layer", "layers", "from", "to", "dead", "step", "noise", "which",
    "picture", "pictures", "is", "channels", "brain", "aliased", "answers", "shuffled", "command", "time",
];

/// What a reader sees or hears of a page: its texts and those of its pictures, without commands.
fn spoken(html: &str) -> String {
    let mut text = String::new();
    for (i, part) in html.split('<').enumerate() {
        let (tag, rest) = if i == 0 { ("", part) } else { part.split_once('>').unwrap_or((part, "")) };
        for attribute in ["alt=\"", "aria-label=\"", "aria-valuetext=\"", "data-text=\""] {
            text += tag.split_once(attribute).map_or("", |(_, value)| value.split('"').next().unwrap());
            text.push(' ');
        }
        if !tag.starts_with("code") && !rest.starts_with("unet-lens") {
            text += rest;
            text.push(' ');
        }
    }
    text
}

/// A picture of one's own, chosen layers and filters; every command on the page draws again what it says, from where the page
/// was made, whatever signs the names hold.
#[test]
fn own_pictures_and_commands_that_work_as_printed() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("my nets")).unwrap();
    fs::copy(fixture("tiny.h5"), folder.path().join("my nets/it's (1).h5")).unwrap();
    let photo = encode_photo(40, 28);
    fs::write(folder.path().join("my scan.png"), photo).unwrap();
    let line = [
        "article",
        "--model",
        "my nets/it's (1).h5",
        "--image",
        "my scan.png",
        "--layer",
        "up_conv",
        "--layer",
        "code",
    ];
    let rest = ["--filters", "1,3-4", "--out", "the article", "--seed", "2", "-q"];
    unet_lens(folder.path()).args(line).args(rest).assert().success();
    let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
    let page = String::from_utf8(read("the article/index.html")).unwrap();
    assert!(page.contains("Given my scan.png at 16×12 pixels"), "a network of one size sees it scaled");
    assert!(page.contains("Filter 1 of up_conv, with its values"));
    assert_eq!(page.matches("<details class=\"filter\"").count(), 6);

    let codes = page.split("<code>unet-lens ").skip(1).map(|rest| rest.split("</code>").next().unwrap());
    let mut commands: Vec<String> =
        codes.map(|c| c.replace("&quot;", "\"").replace("&#39;", "'").replace("&amp;", "&")).collect();
    let article = page.split("<dd>unet-lens ").nth(1).unwrap().split("</dd>").next().unwrap();
    commands.push(article.replace("&#39;", "'"));
    assert_eq!(commands.len(), 6 + 1 + 1, "each filter, the dream, the page: {commands:#?}");
    let before = (read("the article/my scan_up_conv.png"), read("the article/up_conv.png"));
    for command in &commands {
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(format!("\"$PROGRAM\" {command} -q")).current_dir(folder.path());
        let output = shell.env("PROGRAM", env!("CARGO_BIN_EXE_unet-lens")).output().unwrap();
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    }
    assert!(read("out/my scan_up_conv.png") == before.0, "the dream, drawn again");
    assert!(read("the article/up_conv.png") == before.1 && read("out/code.png") != before.1);
}

/// A grey picture with something to see.
fn encode_photo(h: u32, w: u32) -> Vec<u8> {
    let mut file = std::io::Cursor::new(vec![]);
    let pixel = |x, y| image::Luma([((x * x + 3 * y) % 200 + 20) as u8]);
    image::GrayImage::from_fn(w, h, pixel).write_to(&mut file, image::ImageFormat::Png).unwrap();
    file.into_inner()
}

#[test]
fn choices_that_cannot_be() {
    let folder = tempfile::tempdir().unwrap();
    unet_lens::picture::npy::write(folder.path().join("loud.npy"), &[16, 12], &[3.0; 192]).unwrap();
    let model = fixture("tiny.h5").display().to_string();
    for (arguments, words) in [
        (&["--layer", "dwon"][..], "did you mean down?"),
        (&["--layer", "pool"], "has no filters to climb"),
        (&["--layer", "down", "--filters", "99"], "down has 5 filters, 0 to 4"),
        (&["--count", "0"], "0 is not in 1.."),
        (&["--count", "-3"], "-3"),
        (&["--filters", "1", "--count", "2"], "cannot be used with"),
        (&["--image", "missing.png"], "no such file"),
        (&["--image", "loud.npy"], "value 0 is 3; a dream's are from 0 to 1"),
    ] {
        let output = unet_lens(folder.path()).args(["article", "--model", &model]).args(arguments).output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && err.contains(words), "{arguments:?}: {err}");
        assert!(!folder.path().join("out").exists(), "nothing was begun");
    }
}

/// What a network cannot do is left out and said; the rest is there, in colours.
#[test]
fn networks_that_are_not_grey() {
    for (model, image, left_out) in [
        ("seq_k2.h5", "", &["restored examples"][..]),
        ("unet_k2.h5", "", &["what it does", "activations", "dream"]),
        ("unet_k2.h5", "two.npy", &["restored examples"]),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let values: Vec<f32> = (0..30 * 20 * 2).map(|i| (i * i % 97) as f32 / 97.0).collect();
        unet_lens::picture::npy::write(folder.path().join("two.npy"), &[1, 30, 20, 2], &values).unwrap();
        let chosen = if image.is_empty() { vec!["--out", "here"] } else { vec!["--out", "here", "--image", image] };
        let out = made(folder.path(), &format!("keras/{model}"), &chosen);
        let said: Vec<&str> = out.lines().filter_map(|l| l.strip_prefix("left out: ")?.split(':').next()).collect();
        assert_eq!(said, left_out, "{out}");
        let files = names(&folder.path().join("here"));
        assert!(files.contains(&"index.html".to_string()) && !files.contains(&"restore.png".to_string()), "{files:?}");
        let page = fs::read_to_string(folder.path().join("here/index.html")).unwrap();
        assert_eq!(page.matches("Left out: ").count(), left_out.len());
        assert!(page.contains("<details class=\"filter color\""), "pictures of several channels are in colours");
        let colors = if model == "seq_k2.h5" {
            "the colours are the three channels"
        } else {
            "channel 0 magenta, channel 1 green"
        };
        assert!(page.contains(colors), "{colors}");
        assert_eq!(files.contains(&"two_up_conv.png".to_string()), !image.is_empty(), "the dream of it");
    }
}

#[test]
fn a_file_where_the_folder_should_be() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("taken"), "mine").unwrap();
    for out in ["taken", "taken/below"] {
        let start = Instant::now();
        let output = unet_lens(folder.path()).args(["article", "--out", out]).output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{err}");
        assert!(err.contains("taken") && err.contains("choose another folder"), "{err}");
        assert!(start.elapsed() < Duration::from_secs(20), "it computed first");
        assert_eq!(names(folder.path()), ["taken"]);
    }
    fs::create_dir_all(folder.path().join("dir/index.html")).unwrap();
    let output = unet_lens(folder.path()).args(["article", "--out", "dir"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(names(&folder.path().join("dir")), [""; 0]);
}

/// Starts the program, presses Ctrl-C as soon as `ready`, gives the exit code and the files that are left.
#[cfg(unix)]
fn interrupted(arguments: &[&str], ready: &dyn Fn(&Path) -> bool) -> (Option<i32>, String, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_unet-lens"));
    let command = command.args(arguments).current_dir(folder.path()).stdout(Stdio::null()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    let start = Instant::now();
    while !ready(folder.path()) {
        assert!(start.elapsed() < Duration::from_secs(120), "nothing was written");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap(), folder)
}

#[cfg(unix)]
#[test]
fn ctrl_c_keeps_what_is_finished() {
    // A small picture, so that the dream does not take long.
    let small = fixture("brain.png").display().to_string();
    let line = ["article", "--backend", "cpu", "--out", "a", "--image", &small];
    let (code, err, folder) = interrupted(&line, &|f| f.join("a/dconv64.png").exists());
    assert_eq!(code, Some(130), "{err}");
    assert!(err.contains("interrupted; what was finished is kept"), "{err}");
    let files = names(&folder.path().join("a"));
    assert!(files.contains(&"dconv64.png".to_string()) && files.contains(&"restore.png".to_string()), "{files:?}");
    assert!(!files.contains(&"index.html".to_string()), "the page is there: {files:?}");
    assert!(files.iter().all(|f| f.ends_with(".png") || f == "summary.txt"), "{files:?}");
    for file in files.iter().filter(|f| f.ends_with(".png")) {
        read_image(folder.path().join("a").join(file)).unwrap();
    }

    // The main job, too: in the middle of its second layer.
    let line = "--layer dconv64 --layer uconv64 --steps 2000 --filters 0 --backend cpu --out b";
    let (code, err, folder) = interrupted(&line.split(' ').collect::<Vec<_>>(), &|f| f.join("b/dconv64.png").exists());
    assert_eq!(code, Some(130), "{err}");
    assert_eq!(names(&folder.path().join("b")), ["dconv64.png"]);
}

/// On a terminal there is a bar with what is being made, how much of it, and the time left.
#[cfg(target_os = "linux")]
#[test]
fn progress_on_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let program = env!("CARGO_BIN_EXE_unet-lens");
    let line = format!("'{program}' article --out a --backend cpu --model '{}'", fixture("tiny.h5").display());
    let mut command = Command::new("script");
    let command = command.args(["-qec", &line, "/dev/null"]).current_dir(folder.path()).stdin(Stdio::null());
    let output = match command.env("COLUMNS", "100").output() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            eprintln!("skipped: there is no script (apt-get install -y bsdutils)");
            return;
        }
        output => output.unwrap(),
    };
    let seen = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && folder.path().join("a/index.html").exists(), "{seen}");
    let bars: Vec<&str> =
        seen.split('\r').filter(|line| line.contains("% ") && line.trim_end().ends_with("left")).collect();
    assert!(bars.iter().any(|bar| bar.contains("dream")), "{seen}");
    let percent = |bar: &&str| bar.split('%').next()?.split_whitespace().last()?.parse::<u64>().ok();
    let percents: Vec<u64> = bars.iter().filter_map(percent).collect();
    assert!(percents.len() > 1 && percents.is_sorted() && percents.iter().all(|&p| p <= 100), "{percents:?}");
}

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
